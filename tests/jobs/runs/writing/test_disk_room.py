"""Room for the model is looked at before it trains."""

import shutil
from types import SimpleNamespace

import pytest

from tests.jobs.small_runs import small_config
from tests.training.small_models import small_classifier
from tl_keras.checks import InputError
from tl_keras.jobs.runs.writing.disk_room import check_model_room
from tl_keras.jobs.train import train as train_job


@pytest.fixture
def full_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))


@pytest.mark.fault(37)
def test_run_on_a_full_disk_is_refused_before_it_trains(
    full_disk, encoder, colours, tmp_path, monkeypatch
):
    monkeypatch.setattr(train_job, "fine_tune", lambda *_, **__: pytest.fail("it trained"))
    with pytest.raises(InputError, match="MB free in .*run for the model .*received 0.0 MB. Free"):
        train_job.train(small_config(encoder, colours, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_need_is_four_numbers_a_weight(monkeypatch, tmp_path):
    model = small_classifier(head="linear")
    needed = 4 * 4 * model.count_params()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed))
    check_model_room(tmp_path, model)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    with pytest.raises(InputError, match="MB free in"):
        check_model_room(tmp_path, model)
