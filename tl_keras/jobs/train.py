"""`tl-keras train`: labelled pictures in, a classifier and a page that explains it out."""

import dataclasses
import time
from pathlib import Path

import keras
import tensorflow as tf

from tl_keras.checks import InputError, check_choice
from tl_keras.config import TrainConfig
from tl_keras.data.sources import load_dataset
from tl_keras.evaluation.classification import accuracy_interval
from tl_keras.jobs.evaluate import measure
from tl_keras.jobs.run_folder import RunFolder, default_run_path
from tl_keras.jobs.starting_point import StartingPoint, starting_point, train_from_scratch
from tl_keras.jobs.train_report import write_report
from tl_keras.models.backbones import is_backbone_path, list_backbones
from tl_keras.models.heads import HEADS
from tl_keras.progress import say
from tl_keras.training.fine_tune import fine_tune
from tl_keras.training.phase import default_batch_size


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a training run found out; the report is made from it.

    Attributes:
        config: what was asked for.
        start: the classifier, its data and its starting weights.
        history: of `fine_tune`.
        probabilities: float (n, c) on the test split.
        metrics: the content of metrics.json.
        val, test: all figures on those splits, see `evaluate_predictions`.
    """

    config: TrainConfig
    start: StartingPoint
    history: keras.callbacks.History
    probabilities: object
    metrics: dict
    val: dict
    test: dict


def train(config):
    """Trains a classifier as `config` says and writes its run folder.

    Args:
        config: `TrainConfig`.

    Returns:
        Path of the run folder.

    Raises:
        InputError: data, weights or a setting cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    _check_names(config)
    keras.utils.set_random_seed(config.seed)
    with RunFolder(config.out or default_run_path(config.backbone, config.data)) as run:
        splits = load_dataset(
            config.data,
            seed=config.seed,
            split_fractions=config.split,
            labels_per_class=config.labels_per_class,
            on_bad_image=config.on_bad_image,
        )
        start = starting_point(config, splits)
        run.write_json("config.json", config.to_json())
        run.write_environment()
        history = _fit(run, config, start)
        outcome = _measured(config, start, history, started)
        _write(run, outcome)
    _say_result(outcome.metrics, run.path)
    return run.path


def _check_names(config):
    """Refuses what cannot work before anything is read or downloaded."""
    check_choice("head", config.head, HEADS)
    if not is_backbone_path(config.backbone):
        check_choice("backbone", config.backbone, list_backbones())
    elif not Path(config.backbone).exists():
        raise InputError(f"Expected a backbone file; received {config.backbone}: no such file.")


def _fit(run, config, start):
    try:
        return fine_tune(
            start.model,
            start.splits.train,
            start.splits.val,
            **dataclasses.asdict(config.fine_tune),
        )
    except (SystemExit, KeyboardInterrupt, InputError):
        # Stopped by a signal, a lost file or a loss that is no number: what was learned is kept.
        run.save_model(start.model, "interrupted.keras")
        say(f"Stopped early; the weights so far are in {run.path / 'interrupted.keras'}")
        raise
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        size = config.fine_tune.batch_size or default_batch_size(len(start.splits.train))
        raise InputError(
            f"Expected memory enough for batches of {size} pictures; received out of memory. "
            f"Give --batch-size {max(size // 2, 1)}, or a smaller --image-size."
        ) from error


def _measured(config, start, history, started):
    probabilities, test = measure(start.model, start.splits.test)
    _, val = measure(start.model, start.splits.val)
    metrics = {
        "train": _train_figures(history, start),
        "val": _headline(val),
        "test": _headline(test),
        "weights": start.weights,
        "seconds": dict(history.seconds),
        "best_epoch": None if history.best_epoch is None else history.best_epoch + 1,
        "pictures": {part.split: len(part) for part in start.splits[:3]},
    }
    if start.from_source_task:
        metrics["from_scratch"] = _from_scratch(config, start)
    metrics["seconds"]["total"] = time.monotonic() - started
    return Outcome(config, start, history, probabilities, metrics, val, test)


def _headline(figures):
    names = ("accuracy", "loss", "macro_f1", "expected_calibration_error")
    return {name: figures[name] for name in names}


def _train_figures(history, start):
    """Figures of the best epoch as measured while training: augmented, with dropout.

    Where no epoch was better than the start, the figures are those of the start.
    """
    if history.best_epoch is None:
        _, figures = measure(start.model, start.splits.train)
        return {name: figures[name] for name in ("accuracy", "loss")}
    at = history.epoch.index(history.best_epoch)
    return {name: history.history[name][at] for name in ("accuracy", "loss")}


def _from_scratch(config, start):
    """The same net from random weights on the same labels, for as many epochs in all."""
    say("The same net from scratch on the same labels, for comparison:")
    epochs = config.fine_tune.freeze_epochs + config.fine_tune.epochs
    size = start.model.input_shape[1]
    model, history = train_from_scratch(config, start.splits, size, epochs)
    _, figures = measure(model, start.splits.test)
    return {**_headline(figures), "seconds": history.seconds["total"]}


def _write(run, outcome):
    model, train = outcome.start.model, outcome.start.splits.train
    run.save_model(model)
    run.write_json(
        "classes.json",
        {"class_names": list(train.class_names), "image_size": list(model.input_shape[1:3])},
    )
    run.write_history(outcome.history)
    run.write_json("metrics.json", outcome.metrics)
    write_report(run.path, outcome)


def _say_result(metrics, path):
    test, size = metrics["test"], metrics["pictures"]["test"]
    low, high = accuracy_interval(test["accuracy"], size)
    say(
        f"Test accuracy {test['accuracy']:.1%} ({low:.1%} to {high:.1%}, {size} pictures), "
        f"{metrics['seconds']['total']:.0f} s. {metrics['weights']['note']}"
    )
    if "from_scratch" in metrics:
        say(f"From scratch on the same labels: {metrics['from_scratch']['accuracy']:.1%}.")
    say(f"Report: {path / 'report.html'}")
