"""Pretrainings that were killed go on exactly."""

import numpy as np
import pytest

from tests.jobs.kills import kill_after
from tests.jobs.pretrained_runs import OPTIONS as SMALL
from tests.jobs.pretrained_runs import bars, pretrain_config
from tests.training.checkpoints.kills import Killed, assert_equal_weights
from tl_keras.checks import InputError
from tl_keras.jobs.pretrain.pretrain import pretrain
from tl_keras.models.saving.saved_models import load_model

OPTIONS = {
    "vae": {"latent_dim": 4},
    "gan": {"conditional": True},
    "simclr": {"width": 2, "projection_units": (16, 8)},
    "prototypical": SMALL["prototypical"],
}

EVENTS = {
    "vae": 4,
    "gan": 4,
    "simclr": 7,
    "prototypical": 5,
}  # until the second epoch, or in mid-epoch


def weights_of(run):
    return load_model(run / "model.keras").get_weights()


@pytest.mark.parametrize(
    "method",
    [
        "vae",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("gan", "simclr", "prototypical")),
    ],
)
def test_pretraining_after_kills_equals_one_without(method, pretrained_run, bar_images, tmp_path):
    """Fault 35."""
    whole, run = pretrained_run(method), tmp_path / "run"
    config = pretrain_config(method, bar_images, run, checkpoint_minutes=0, **OPTIONS[method])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, EVENTS[method])
        pretrain(config)
    pretrain(config)
    assert_equal_weights(weights_of(run), weights_of(whole))
    found, wanted = (
        np.genfromtxt(p / "history.csv", delimiter=",", names=True) for p in (run, whole)
    )
    for name in wanted.dtype.names:
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, err_msg=name)
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}


def test_pretraining_on_other_images_is_refused(bar_images, tmp_path):
    """Fault 39."""
    data, run = tmp_path / "bars.npz", tmp_path / "run"
    data.write_bytes(bar_images.read_bytes())
    config = pretrain_config("vae", data, run, checkpoint_minutes=0, **OPTIONS["vae"])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, 3)
        pretrain(config)
    x, y = bars(120, seed=1)
    np.savez(data, x=x, y=y)
    with pytest.raises(InputError, match="images with which the unfinished run"):
        pretrain(config)
