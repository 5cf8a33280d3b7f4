"""`tl-keras evaluate`: a trained classifier on labelled pictures."""

import json

import numpy as np

from tl_keras.checks import InputError, check_choice
from tl_keras.data.classes import keep_classes
from tl_keras.data.sources import load_dataset
from tl_keras.evaluation.classification import evaluate_predictions
from tl_keras.evaluation.prediction import predict_probabilities
from tl_keras.files import write_json
from tl_keras.jobs.trained_run import load_run
from tl_keras.models.signature import picture_shape

SPLITS = ("train", "val", "test", "all")


def measure(model, *datasets, batch_size=32, flips=False):
    """Returns (probabilities (n, c), named figures) of `model` on labelled datasets together.

    `flips`: see `predict_probabilities`.
    """
    *image_size, channels = picture_shape(model)
    how = {"image_size": image_size, "channels": channels}
    probabilities = np.concatenate(
        [
            predict_probabilities(model, dataset.pipeline(batch_size, **how), flips=flips)
            for dataset in datasets
        ]
    )
    labels = np.concatenate([dataset.labels for dataset in datasets])
    return probabilities, evaluate_predictions(probabilities, labels, datasets[0].class_names)


def headline(figures):
    """The figures of `measure` that stand for all."""
    names = ("accuracy", "loss", "macro_f1", "expected_calibration_error")
    return {name: figures[name] for name in names}


def evaluate(run, *, data=None, split="test", out=None):
    """Measures the classifier of a run folder and prints its figures.

    Args:
        run: run folder.
        data: source of labelled pictures with (at least) the classes of the run; None for the
            data of the run, split as it was then.
        split: "train", "val", "test" or "all" three together.
        out: .json file for the figures, or None.

    Returns:
        The figures of `evaluation.classification.evaluate_predictions`.

    Raises:
        InputError: the run, the data or the split cannot be used.
    """
    check_choice("split", split, SPLITS)
    trained = load_run(run)
    config = trained.config
    splits = load_dataset(
        data or config["data"],
        seed=config["fine_tune"]["seed"],
        split_fractions=tuple(config["split"]),
        on_bad_image=config["on_bad_image"],
    )
    parts = [p for p in splits[:3] if p is not None and split in (p.split, "all")]
    if not parts:
        raise InputError(f"Expected a {split} split in {data or config['data']}; received none.")
    parts = [keep_classes(part, trained.class_names) for part in parts]
    _, figures = measure(trained.model, *parts, flips=trained.flips)
    shown = {key: value for key, value in figures.items() if not isinstance(value, list)}
    print(json.dumps(shown, indent=2))  # noqa: T201 - what the command is for
    if out is not None:
        write_json(out, figures)
    return figures
