"""States in files: every digit comes back, and a damaged one is left out."""

import math

import ml_dtypes
import numpy as np
import pytest

from tl_keras import files
from tl_keras.training.checkpoints.run_checkpoints import KEPT, FitCheckpoints, RunCheckpoints
from tl_keras.training.checkpoints.state_files import read_state, write_state

STATE = {
    "numbers": [1, 0.1 + 0.2, None, True, "text", (2, (3, 4))],
    "arrays": [np.arange(6, dtype=np.float32).reshape(2, 3), np.float32(0.1), np.zeros((0, 2))],
    "half": np.array([1.5, -2.0], ml_dtypes.bfloat16),
    "nan": math.nan,
}


def fit_in(folder):
    return FitCheckpoints(RunCheckpoints(folder, 0), "head", folder / "fits" / "0001-head")


def test_state_comes_back_to_the_last_bit(tmp_path):
    write_state(tmp_path / "a", STATE, {"epoch": 3})
    state, facts = read_state(tmp_path / "a")
    assert facts["epoch"] == 3
    assert state["numbers"] == STATE["numbers"]
    assert math.isnan(state["nan"])
    for found, wanted in zip(state["arrays"], STATE["arrays"], strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype
    assert state["half"].dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(state["half"], STATE["half"])


def test_what_a_file_cannot_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match="cannot hold set"):
        write_state(tmp_path / "a", {"x": {1}}, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["one byte", "cut", "no facts", "half of the facts"])
@pytest.mark.fault(42)
def test_damaged_checkpoint_falls_back_by_one_and_is_named(damage, tmp_path, capsys):
    """Faults 36 and 42."""
    fit = fit_in(tmp_path)
    for step in (1, 2):
        fit.save(lambda step=step: {"step": step}, 0, step)
    state, facts = (fit.folder / f"000002.{kind}" for kind in ("state", "json"))
    content = bytearray(state.read_bytes())
    if damage == "one byte":
        content[-1] ^= 1
        state.write_bytes(content)
    elif damage == "cut":
        state.write_bytes(content[:-1])
    elif damage == "no facts":
        facts.unlink()
    else:
        facts.write_bytes(facts.read_bytes()[:-9])
    found, where = fit.latest()
    assert (found, where["step"]) == ({"step": 1}, 1)
    assert ("DAMAGED CHECKPOINT" in capsys.readouterr().err) is (damage != "no facts")


def test_last_few_checkpoints_are_kept_and_the_end_replaces_them(tmp_path):
    fit = fit_in(tmp_path)
    for step in range(KEPT + 2):
        fit.save(lambda step=step: {"step": step}, 0, step)
    assert len(list(fit.folder.glob("*.state"))) == KEPT
    assert fit.latest()[0] == {"step": KEPT + 1}
    fit.finish(lambda: {"step": "last"})
    assert {path.name for path in fit.folder.iterdir()} == {"done.state", "done.json"}
    assert fit_in(tmp_path).finished() == {"step": "last"}


def test_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch, capsys):
    """Fault 37."""
    fit = fit_in(tmp_path)
    fit.save(lambda: {"step": 1}, 0, 1)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        fit.save(lambda: {"step": 2}, 0, 2)
    assert "NO CHECKPOINT: Expected to be able to write" in capsys.readouterr().err
    assert fit.latest()[0] == {"step": 1}
    assert sorted(path.name for path in fit.folder.iterdir()) == ["000001.json", "000001.state"]


def test_checkpoints_take_three_percent_of_the_time_at_most(tmp_path, monkeypatch):
    fit = fit_in(tmp_path)
    fit.run.minutes, fit.run.cost = 5, 12.0
    clock = [fit._last]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    for seconds, due, due_at_end in ((299, False, False), (399, False, False), (401, True, True)):
        clock[0] = fit._last + seconds
        assert (fit.is_due(), fit.is_due(last=True)) == (due, due_at_end)
    fit.run.cost = 0.1
    clock[0] = fit._last + 4
    assert (fit.is_due(), fit.is_due(last=True)) == (False, True)
