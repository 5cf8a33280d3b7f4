"""`tl-keras train`: labelled pictures in, a classifier and a page that explains it out."""

import dataclasses
import time

import keras

from tl_keras.data.array_store import limited_to
from tl_keras.evaluation.classifiers.classification import accuracy_interval, evaluate_predictions
from tl_keras.jobs.runs.interruptions import keeping_interrupted, keeping_saved
from tl_keras.jobs.runs.measuring import headline, measure, views_of
from tl_keras.jobs.runs.run_folder import RunFolder, default_run_path
from tl_keras.jobs.runs.unmeasured import mark_measured, write_unmeasured
from tl_keras.jobs.train.calibrating import (
    calibrate,
    calibration_figures,
    held_out_predictions,
    val_predictions,
)
from tl_keras.jobs.train.planning import planned
from tl_keras.jobs.train.report import write_report
from tl_keras.jobs.train.scratch import best_from_scratch
from tl_keras.jobs.train.source import load_source, source_figures
from tl_keras.jobs.train.start_figures import ahead_of, fine_tuning_figures, linear_start_figures
from tl_keras.jobs.train.starting_point import StartingPoint, check_names, starting_point
from tl_keras.jobs.train.unlabelled import go_on, load_data, ready, unlabelled_figures
from tl_keras.progress import say
from tl_keras.reports.pages.training_wording import linear_verdict, scratch_verdict, source_line
from tl_keras.settings.train import REST, TrainSettings
from tl_keras.training.fine_tuning.fine_tune import fine_tune
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.frozen.cache_room import cache_limits
from tl_keras.training.temperature import tempered


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a training run found out; the report is made from it.

    Attributes:
        config: what was asked for.
        start: the classifier, its data and its starting weights.
        history: of `fine_tune`.
        probabilities: float (n, c) on the test split.
        metrics: the content of metrics.json.
        val, test: all figures on those splits, see `evaluate_predictions`; val is None after a
            refit.
    """

    config: TrainSettings
    start: StartingPoint
    history: keras.callbacks.History
    probabilities: object
    metrics: dict
    val: dict | None
    test: dict


def train(config):
    """Trains a classifier as `config` says and writes its run folder.

    Args:
        config: `TrainSettings`.

    Returns:
        Path of the run folder.

    Raises:
        InputError: data, weights or a setting cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    check_names(config)
    keras.utils.set_random_seed(config.seed)
    room = limited_to(cache_limits(config.fine_tune.cache_gb, config.fine_tune.cache))
    with room, RunFolder(config.out or default_run_path(config.backbone, config.data)) as run:
        splits, unlabelled = load_data(config)
        source = load_source(config)
        start = starting_point(config, splits, source.classifier)
        config, time_left = planned(config, start, time.monotonic() - started)
        config, unlabelled = ready(config, start, unlabelled)
        run.write_json("config.json", config.to_json())
        run.write_environment()
        rest = unlabelled.pictures if config.unlabelled == REST else None
        run.write_splits(start.splits, rest, splits)
        history, temperature = _fit(run, config, start, source, unlabelled, time_left)
        with keeping_saved(run.path):
            known = _known(config, start, history, temperature, unlabelled)
            outcome = _measured(config, start, history, source, known, started)
            write_outcome(run, outcome)
    _say_result(outcome.metrics, run.path)
    return run.path


def _fit(run, config, start, source, unlabelled, time_left):
    """Trains and saves, first without and then with the pictures without labels."""
    train = start.splits.train
    batch_size = config.fine_tune.batch_size or default_batch_size(len(train))
    settings = dataclasses.asdict(config.fine_tune)
    settings["minutes"] = time_left and time_left.minutes  # what was asked for is for all
    with keeping_interrupted(run, start.model, batch_size):
        history = fine_tune(
            start.model,
            train,
            start.splits.val,
            source=source.splits and source.splits.train,
            source_model=source.classifier,
            make_callbacks=time_left and time_left.callbacks,
            **settings,
        )
    _save(run, config, start, history, None)
    with keeping_saved(run.path):
        temperature = _calibrate(config, start, history)
    if temperature is not None:
        _save(run, config, start, history, temperature)
    if unlabelled is not None:
        with keeping_saved(run.path), keeping_interrupted(run, start.model, batch_size):
            go_on(history, config, start, unlabelled)
            views = views_of(start.model, start.splits.val, flips=start.flips(config))
            temperature = calibrate(start.model, views, start.splits.val.labels)
        _save(run, config, start, history, temperature, unlabelled)
    return history, temperature


def _calibrate(config, start, history):
    """Folds a temperature into the fine-tuned model and returns it."""
    how = {"model": start.model, "flips": start.flips(config)}
    return calibrate(start.model, *held_out_predictions(history, start.splits, **how))


def _save(run, config, start, history, temperature, unlabelled=None):
    """Writes all that needs no measuring, so that a failure of that loses nothing."""
    model = start.model
    run.save_model(model)
    if hasattr(history, "source_model"):
        run.save_model(history.source_model, "source_model.keras")
    run.write_json(
        "classes.json",
        {
            "class_names": list(start.splits.train.class_names),
            "image_size": list(model.input_shape[1:3]),
            "test_time_flips": start.flips(config),
        },
    )
    run.write_history(history)
    known = _known(config, start, history, temperature, unlabelled)
    write_unmeasured(run, known, history.phases)


def _known(config, start, history, temperature, unlabelled):
    """The content of metrics.json that needs no measuring."""
    metrics = {
        "test_time_flips": start.flips(config),
        "weights": start.weights,
        "seconds": dict(history.seconds),
        "best_epoch": None if history.best_epoch is None else history.best_epoch + 1,
        "pictures": {part.split: len(part) for part in start.splits[:3]},
    }
    if history.best_epoch is not None:
        metrics["train"] = _train_figures(history)
    if temperature is not None:
        metrics["temperature"] = temperature
    if history.from_linear is not None:
        metrics["fine_tuning"] = fine_tuning_figures(history.from_linear)
        if history.from_linear.refit:
            metrics["val"] = _val_before_refit(config, start, history, temperature)
    if unlabelled is not None:
        metrics["unlabelled"] = unlabelled_figures(history, unlabelled)
    return metrics


def _val_before_refit(config, start, history, temperature):
    """Figures on validation of the classifier as it was before it was trained on those images."""
    val, flips = start.splits.val, start.flips(config)
    views = val_predictions(history.from_linear, val, model=start.model, flips=flips)
    probabilities = tempered(views, temperature or 1.0)
    return headline(evaluate_predictions(probabilities, val.labels, val.class_names))


def _measured(config, start, history, source, known, started):
    outcome = measured(config, start, history, known)
    metrics = outcome.metrics
    if history.from_linear is not None:
        metrics["linear_start"] = linear_start_figures(outcome)
    if source.splits:
        metrics["source"] = source_figures(source, history.source_model)
    if start.from_source_task:
        metrics["from_scratch"] = _from_scratch(config, outcome)
    metrics["seconds"]["total"] = time.monotonic() - started
    return outcome


def measured(config, start, history, known):
    """Returns the `Outcome` of a trained classifier.

    Args:
        config: `TrainSettings`.
        start: `StartingPoint` with the trained model.
        history: of the training.
        known: the content of unmeasured.json.
    """
    flips = known["test_time_flips"]
    labels, names = start.splits.test.labels, start.splits.test.class_names
    views = views_of(start.model, start.splits.test, flips=flips)
    probabilities = views.mean(axis=0)
    test = evaluate_predictions(probabilities, labels, names)
    metrics = {**known, "test": headline(test)}
    val = None  # after a refit its images are training images; `known` has figures from before
    if "val" not in known:
        _, val = measure(start.model, start.splits.val, flips=flips)
        metrics["val"] = headline(val)
    if "train" not in metrics:  # no epoch was better than the start
        _, figures = measure(start.model, start.splits.train)
        metrics["train"] = {name: figures[name] for name in ("accuracy", "loss")}
    if "temperature" in metrics:
        metrics["calibration"] = calibration_figures(views, labels, metrics["temperature"])
    return Outcome(config, start, history, probabilities, metrics, val, test)


def _train_figures(history):
    """Figures of the best epoch as measured while training: augmented, with dropout.

    The loss is the one that was minimised, with any class weights.
    """
    at = history.epoch.index(history.best_epoch)
    return {name: history.history[name][at] for name in ("accuracy", "loss")}


def _from_scratch(config, outcome):
    """The same network from random weights on the same labels, for as many epochs of all layers.

    The epochs of the head alone count only where no others follow.
    """
    say("The same network from scratch on the same labels, for comparison:")
    epochs = config.fine_tune.epochs or config.fine_tune.freeze_epochs
    splits = outcome.start.splits
    of = outcome.start.model
    model, val, rate, seconds = best_from_scratch(config, of, splits, epochs)
    probabilities, figures = measure(model, splits.test, flips=outcome.metrics["test_time_flips"])
    return {
        **headline(figures),
        "val": headline(val),
        "lr": rate,
        "epochs": epochs,
        "seconds": seconds,
        **ahead_of(probabilities, outcome),
    }


def write_outcome(run, outcome):
    """Writes metrics.json and the page of a trained and measured classifier."""
    run.write_json("metrics.json", outcome.metrics)
    write_report(run.path, outcome)
    mark_measured(run)


def _say_result(metrics, path):
    test, size = metrics["test"], metrics["pictures"]["test"]
    low, high = accuracy_interval(test["accuracy"], size)
    say(
        f"Test accuracy {test['accuracy']:.1%} ({low:.1%} to {high:.1%}, {size} pictures), "
        f"{metrics['seconds']['total']:.0f} s. {metrics['weights']['note']}"
    )
    if "source" in metrics:
        say(f"Source: {source_line(metrics['source'])}.")
    if "unlabelled" in metrics:
        say(
            f"With {metrics['unlabelled']['pictures']} pictures without labels; before them "
            f"{metrics['unlabelled']['labels_alone']['accuracy']:.1%}."
        )
    if "from_scratch" in metrics:
        scratch = metrics["from_scratch"]
        say(
            f"From scratch on the same labels: {scratch['accuracy']:.1%} ({scratch['epochs']} "
            f"epochs, learning rate {scratch['lr']:g}). "
            f"{scratch_verdict(metrics)}"
        )
    if "linear_start" in metrics:
        linear = metrics["linear_start"]
        say(
            f"The linear start alone: {linear['accuracy']:.1%}, log loss {linear['loss']:.3f}, "
            f"{linear['seconds']:.0f} s. {linear_verdict(metrics)}"
        )
    say(f"Report: {path / 'report.html'}")
