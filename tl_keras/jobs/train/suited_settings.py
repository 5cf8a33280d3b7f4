"""Settings of `fine_tune` that suit the start of a training better than the defaults."""

from pathlib import Path

import keras

from tl_keras.files import read_json
from tl_keras.settings.methods import TWO_VIEWS, names_of
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.frozen.freezing import batch_norms

NORMALISED_BATCH = 25  # images, at least; the statistics of fewer are noise
# Random layers that stay frozen, their moving statistics too, would be noise below the rest.
FROM_RANDOM = {
    "linear_start": False,
    "freeze_epochs": 0,
    "unfreeze": "all",
    "backbone_lr_factor": 1.0,
    "depth_decay": 1.0,
    "batch_norm": "train",
    "label_smoothing": 0.0,
    "mixup": 0.0,
}
# The small residual network learns at a higher rate than the bases, and is quick enough for more
# epochs.
SMALL_FROM_RANDOM = {"epochs": 60, "lr": 2e-3, "batch_size": 32, "label_smoothing": 0.1}
# Sounds: more epochs learn the voices of the training set.
SMALL_ON_SOUNDS = SMALL_FROM_RANDOM | {"epochs": 30}
# A network that saw only letters is trained on, all of it, under a head that is trained first.
AFTER_LETTERS = {
    "linear_start": False,
    "freeze_epochs": 20,
    "epochs": 25,
    "unfreeze": "all",
    "backbone_lr_factor": 0.3,
}
# Measured on CIFAR-10 with 250 labels a class: 66 % on validation; with a factor of 0.3 on the rate
# 64 %, with that and the upper half alone 61 %.
AFTER_TWO_VIEWS = {"linear_start": False, "unfreeze": "all", "backbone_lr_factor": 1.0}


def suited_to(path: str) -> dict:
    """Returns the settings that suit the encoder of a run folder.

    Args:
        path: run folder of `tl-keras pretrain`, or any other encoder's path, for which it is {}.
    """
    settings = Path(path) / "config.json"
    return suited_after(read_json(settings).get("method") if settings.is_file() else None)


def suited_after(method: str | None) -> dict:
    """Returns the settings that suit an encoder pretrained by `method`; None for none."""
    return AFTER_TWO_VIEWS if method in names_of(TWO_VIEWS) else {}


def after_letters(model: keras.Model, size: int) -> dict:
    """Returns the settings that suit a network that saw only letters, on `size` images.

    Statistics of batch normalisation learn too, in batches that are large enough. Few images then
    have twice the epochs in the same time. ResNet50 on fifty digits of another seed: 80 % on
    validation after 25 epochs with frozen statistics at 0.3 of the rate, 86 % after 50 so.
    """
    if not batch_norms(model):
        return AFTER_LETTERS
    usual = default_batch_size(size)
    return AFTER_LETTERS | {
        "epochs": AFTER_LETTERS["epochs"] * (2 if usual < NORMALISED_BATCH else 1),
        "backbone_lr_factor": 1.0,
        "batch_norm": "train",
        "batch_size": max(NORMALISED_BATCH, usual),
    }
