"""Tiny data, encoder and configuration with which a whole training run takes seconds."""

import csv

import keras
import numpy as np
from PIL import Image

from tests.training.small_models import coloured_images, small_backbone
from tl_keras.jobs.compare import methods as compare_methods
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import TrainSettings
from tl_keras.training.history import TrainingHistory

CLASSES = ("blue sky", "green", "röd")  # sorted, as the folder reader names them
# Settings of a run that averages the predictions of three fine-tunings and their start.
BEST = {
    "head": "linear", "hidden_units": None, "freeze_epochs": None, "augment": "flip",
    "dropout": None, "preset": "best", "epochs": 2, "lr": None,
}  # fmt: skip
_CHANNEL = {"röd": 0, "green": 1, "blue sky": 2}


def save_images(folder, per_class, *, seed=0, classes=CLASSES):
    """Makes a folder of PNG files for each class, whose colour is its class; returns `folder`."""
    images, channels = coloured_images(3 * per_class, seed)
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        chosen = images[channels == _CHANNEL.get(name, 0)]
        for number, picture in enumerate(chosen):
            Image.fromarray(picture).save(folder / name / f"{number}.png")
    return folder


def save_encoder(path):
    """Saves an encoder of 16 x 16 images with random weights; returns `path`."""
    keras.utils.set_random_seed(3)
    small_backbone().save(path)
    return path


def small_config(encoder, data, out, **changes):
    """A `TrainSettings` for the tiny encoder; settings of `fine_tune` are told by their name."""
    of_config = {"head": "gap", "hidden_units": 16, "dropout": 0.0, "split": (0.5, 0.25, 0.25)}
    of_tuning = {"freeze_epochs": 3, "epochs": 3, "lr": 0.02, "batch_size": 8, "augment": "none"}
    for name, value in changes.items():
        is_tuning = name in FineTuneSettings.__dataclass_fields__
        (of_tuning if is_tuning else of_config)[name] = value
    return TrainSettings(
        backbone=str(encoder),
        data=str(data),
        out=str(out),
        fine_tune=FineTuneSettings(**of_tuning),
        **of_config,
    )


def answering_config(encoder, data, out, **changes):
    """A `small_config` of a run that promises at most 30 % of errors."""
    options = {"max_error": 0.3, "split": (0.4, 0.4, 0.2), "test_time_flips": True}
    return small_config(encoder, data, out, **options | changes)


def arguments(encoder, data, out, *more):
    """Returns the same options as a command line."""
    options = {
        "--backbone": encoder,
        "--data": data,
        "--out": out,
        "--head": "gap",
        "--hidden-units": 16,
        "--split": "0.5,0.25,0.25",
        "--freeze-epochs": 1,
        "--epochs": 0,
        "--batch-size": 8,
        "--augment": "none",
    }
    words = [str(word) for pair in options.items() for word in pair]
    return ["train", *words, *map(str, more)]


def use_one_rate(patch):
    """With a `pytest.MonkeyPatch`, comparisons try one learning rate where they try three."""
    for name in ("BASELINE_RATES", "BASE_RATES", "FROZEN_RATES"):
        patch.setattr(compare_methods, name, getattr(compare_methods, name)[1:2])


def table_rows(path):
    """The rows of a table as dicts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def probabilities_of(rows, class_names):
    """The probabilities in rows of `predict`: float (n, classes)."""
    return np.array([[float(row[f"p({name})"]) for name in class_names] for row in rows])


def untrained_history():
    """A `History` of no epoch, for a test in which nothing needs to be learned."""
    history = TrainingHistory()
    history.seconds = {"total": 0.0}
    history.pruning = {when: {"gzip_bytes": 1} for when in ("before", "after")}
    return history
