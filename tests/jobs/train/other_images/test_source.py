"""Training that starts from an earlier run: going on with other classes, and joint training."""

import json

import keras
import numpy as np
import pytest

from tests.jobs.small_runs import CLASSES, save_images, small_config
from tl_keras import InputError, build_classifier, fine_tune, load_dataset, load_model, replace_head
from tl_keras.jobs.finished.evaluate import measure
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.jobs.train.other_images.source import load_source
from tl_keras.jobs.train.train import train
from tl_keras.models.backbones.backbone import get_backbone


@pytest.fixture(scope="module")
def two_colours(tmp_path_factory):
    """A folder of two of the three colour classes."""
    folder = tmp_path_factory.mktemp("target") / "two"
    return save_images(folder, 12, seed=4, classes=CLASSES[:2])


def _metrics(run):
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def test_a_run_goes_on_with_other_classes(finished_run, two_colours, tmp_path):
    run = train(small_config(finished_run, two_colours, tmp_path / "run"))
    assert _metrics(run)["test"]["accuracy"] >= 0.75
    assert json.loads((run / "classes.json").read_text())["class_names"] == list(CLASSES[:2])
    assert "source" not in _metrics(run)


@pytest.mark.parametrize(
    "go_on",
    [
        lambda saved, run: replace_head(saved, 2),
        # As `test_a_run_goes_on_with_other_classes` does by the command.
        pytest.param(
            lambda saved, run: build_classifier(run, 2, head="gap", hidden_units=16),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["replace_head", "build_classifier"],
)
def test_a_saved_classifier_goes_on_from_python_in_either_way(go_on, finished_run, two_colours):
    train_set, val, test, _ = load_dataset(two_colours, split_fractions=(0.5, 0.25, 0.25))
    saved = load_model(finished_run / "model.keras")
    learned = get_backbone(saved).get_weights()
    keras.utils.set_random_seed(0)
    model = go_on(saved, finished_run)
    for old, new in zip(learned, get_backbone(model).get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    quick = {"freeze_epochs": 15, "unfreeze": "none", "lr": 0.02, "augment": "none"}
    fine_tune(model, train_set, val, **quick)
    assert measure(model, test)[1]["accuracy"] >= 0.75


def test_joint_training_takes_the_classifier_of_the_run_and_measures_what_is_kept(
    finished_run, colours, two_colours, tmp_path, capsys
):
    config = small_config(
        finished_run,
        two_colours,
        tmp_path / "run",
        objective="joint",
        source_data=str(colours),
        epochs=1,
        freeze_epochs=1,
    )
    run = train(config)
    source = _metrics(run)["source"]
    assert source["class_names"] == list(CLASSES)
    assert source["data"] == str(colours)
    earlier = _metrics(finished_run)["test"]
    assert source["before"]["accuracy"] == pytest.approx(earlier["accuracy"])
    saved = keras.saving.load_model(run / "source_model.keras")
    test = load_dataset(colours, seed=config.seed, split_fractions=config.split).test
    assert measure(saved, test)[1]["accuracy"] == pytest.approx(source["test"]["accuracy"])
    assert "before)" in capsys.readouterr().err
    assert "source_model.keras" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_joint_training_gives_a_source_of_other_classes_a_new_head_and_says_what_differs(
    finished_run, colours, two_colours, tmp_path, capsys
):
    config = small_config(
        finished_run,
        colours,
        tmp_path / "run",
        objective="joint",
        source_data=str(two_colours),
        epochs=0,
        freeze_epochs=1,
    )
    run = train(config)
    assert _metrics(run)["source"]["before"] is None
    assert "The source gets a new head" in (said := capsys.readouterr().err)
    assert f"lacks ({CLASSES[2]})" in said


def test_joint_training_without_a_source_is_refused_before_data_are_read(encoder, tmp_path):
    with pytest.raises(InputError, match="Expected labelled source images with objective='join"):
        train(small_config(encoder, "no-such-data", tmp_path / "run", objective="joint"))


def test_source_that_is_not_there_is_named_and_no_folder_left(encoder, colours, tmp_path):
    config = small_config(
        encoder, colours, tmp_path / "run", objective="joint", source_data="no-such-data"
    )
    with pytest.raises(InputError, match="received no-such-data, which is none of these"):
        train(config)
    assert not (tmp_path / "run").exists()


def test_source_is_measured_on_images_that_its_run_was_not_trained_on(
    finished_run, colours, two_colours, tmp_path, capsys
):
    asked = {"objective": "joint", "source_data": str(colours), "seed": 1}
    source = load_source(small_config(finished_run, two_colours, tmp_path / "run", **asked))
    records = load_run(finished_run).records
    trained = {str(colours / record.name) for record in records if record.split == "train"}
    assert trained & set(source.splits.train.ids), "the seeds draw the same split"
    assert 0 < len(source.splits.test) < 9 and not trained & set(source.splits.test.ids)
    assert "of 9 test images are left out" in capsys.readouterr().err
