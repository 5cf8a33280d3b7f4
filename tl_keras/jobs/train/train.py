"""Job of `tl-keras train`: trains a classifier on labelled images and writes a run folder."""

import dataclasses
import functools
import time
from collections.abc import Set
from pathlib import Path

import keras
import numpy as np

from tl_keras.data.array_store import limited_to
from tl_keras.data.sounds.sound_images import resolved
from tl_keras.evaluation.classifiers.answers import Answers, answer_figures, answers_on
from tl_keras.evaluation.classifiers.classification import accuracy_interval, evaluate_predictions
from tl_keras.jobs.few_labels.recommend.following import followed
from tl_keras.jobs.runs.measuring import main_figures, measure, views_of
from tl_keras.jobs.runs.reading.known_images import seen_by, with_known
from tl_keras.jobs.runs.replicated import replicated
from tl_keras.jobs.runs.writing.disk_room import check_model_room
from tl_keras.jobs.runs.writing.interruptions import keeping_interrupted, keeping_saved
from tl_keras.jobs.runs.writing.recorded_run import recorded_run
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.jobs.runs.writing.unmeasured import known_of_history, mark_measured, write_unmeasured
from tl_keras.jobs.train.answering import answering, check_images, divided
from tl_keras.jobs.train.calibrating import (
    calibrate,
    calibration_figures,
    held_out_predictions,
    val_predictions,
)
from tl_keras.jobs.train.other_images.source import Source, load_source, source_figures
from tl_keras.jobs.train.other_images.unlabelled import (
    Unlabelled,
    load_data,
    prepare_unlabelled,
    train_with_pseudo_labels,
    unlabelled_figures,
)
from tl_keras.jobs.train.planning import TimeLeft, planned
from tl_keras.jobs.train.report import write_report
from tl_keras.jobs.train.scratch import best_from_scratch
from tl_keras.jobs.train.start_figures import ahead_of, fine_tuning_figures, linear_start_figures
from tl_keras.jobs.train.starting_point import (
    StartingPoint,
    check_names,
    starting_point,
)
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.averaged_classifier import model_of_each, networks_of
from tl_keras.models.backbones.backbone import need_weights
from tl_keras.progress import say
from tl_keras.reports.wording.answers import realised_sentence
from tl_keras.reports.wording.training import (
    copies_in_test,
    linear_verdict,
    scratch_verdict,
    source_line,
)
from tl_keras.settings.train import REST, TrainSettings
from tl_keras.training.averaging import average_classifier, weighted_average
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.fine_tuning.fine_tune import fine_tune
from tl_keras.training.fine_tuning.inputs import default_batch_size, new_rows, tell_known
from tl_keras.training.frozen.cache_room import cache_limits
from tl_keras.training.history import TrainingHistory
from tl_keras.training.temperature import fit_temperature, fold_temperature, tempered


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A trained and measured classifier, from which the report is made.

    Attributes:
        config: settings, with a value for each.
        start: the classifier, its data and the origin of its weights.
        history: of the training.
        probabilities: float (n, c) on the test split.
        metrics: the content of metrics.json.
        val, test: all figures on those splits, see `evaluate_predictions`; val is None after a
            refit.
        answers: on the test split; None of a model that does not answer.
        networks: float (networks, views, n, c) on the test split, of each that is averaged; None of
            a single one.
    """

    config: TrainSettings
    start: StartingPoint
    history: TrainingHistory
    probabilities: np.ndarray
    metrics: dict
    val: dict | None
    test: dict
    answers: Answers | None = None
    networks: np.ndarray | None = None


@replicated
def train(config: TrainSettings) -> Path:
    """Trains a classifier as `config` says and writes its run folder.

    Returns:
        Path of the run folder.

    Raises:
        InputError: data, weights or a setting cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    check_names(config)
    keras.utils.set_random_seed(config.seed)
    room = limited_to(cache_limits(config.fine_tune.cache_gb, config.fine_tune.cache))
    path = config.out or default_run_path(config.backbone, config.data)
    with room, recorded_run(path, "train", config) as folder:
        need_weights(config.backbone, config.weights, config.data, config.image_size)
        splits, unlabelled = load_data(config)
        tested = [splits.test], [config.backbone], "test images"
        splits = splits._replace(inspection=with_known(splits.inspection, *tested))
        config = resolved(config, splits.train.sounds)
        seen = seen_by(config.backbone) if config.max_error is not None else frozenset()
        if config.max_error is not None:
            check_images(splits, seen)
        source = load_source(config)
        start = starting_point(config, splits, source.classifier)
        check_model_room(folder.path, start.model)
        config, start, policy = followed(config, start)
        config, time_left = planned(config, start, started)
        config, unlabelled = prepare_unlabelled(config, start, unlabelled)
        folder.write_json("config.json", config.to_json())
        folder.write_environment()
        rest = unlabelled.images if config.unlabelled == REST else None
        folder.write_splits(start.splits, rest, splits)
        folder.keep_fixes(config.fixes)
        run = _Run(folder, config, start, source, unlabelled, time_left, policy, seen)
        run.write_classes()
        run.fit()
        with keeping_saved(folder.path):
            result = run.measured()
            result.metrics["seconds"]["total"] = time.monotonic() - started
            write_result(folder, result)
    _say_result(result.metrics, folder.path, copies_in_test(result.start.splits))
    return folder.path


@dataclasses.dataclass
class _Run:
    """One call of `train`, after its data and its start are there."""

    folder: RunFolder
    config: TrainSettings
    start: StartingPoint
    source: Source
    unlabelled: Unlabelled | None
    time_left: TimeLeft | None
    policy: dict | None = None
    seen: Set[bytes] = frozenset()  # hashes of images that the backbone was trained on
    history: TrainingHistory | None = None
    temperature: float | None = None
    classifier: keras.Model | None = None  # that was trained; `start` may average it with others
    answering: keras.Model | None = None
    promise: dict | None = None

    @property
    def flips(self):
        return self.start.flips(self.config)

    @functools.cached_property
    def parts(self):
        """(start with the validation images that the training sees, those for the promise)"""
        if self.config.max_error is None:
            return self.start, None
        splits, tuning = self.start.splits, self.config.fine_tune
        alone = tuning.linear_start and not tuning.fine_tunings(len(splits.train))
        chooses = not alone or self.unlabelled is not None
        seen, promise = divided(splits, self.seen, chooses=chooses, seed=self.config.seed)
        return dataclasses.replace(self.start, splits=splits._replace(val=seen)), promise

    def fit(self):
        """Trains and saves, first without and then with the images without labels."""
        start, _ = self.parts
        train, val, *_ = start.splits
        batch_size = self.config.fine_tune.batch_size or default_batch_size(len(train))
        settings = dataclasses.asdict(self.config.fine_tune)
        self.classifier = self.start.model
        # Those that were asked for are for the whole command.
        settings["minutes"] = self.time_left and self.time_left.minutes
        with keeping_interrupted(self.folder, self.start.model, batch_size):
            self.history = fine_tune(
                self.start.model,
                train,
                val,
                source=self.source.splits and self.source.splits.train,
                source_model=self.source.classifier,
                make_callbacks=self.time_left and self.time_left.callbacks,
                **settings,
            )
        tuned = self.history.from_linear
        averaged = tuned is not None and tuned.members is not None
        if averaged:  # one network is saved first, whatever building the average does
            self.history.from_linear = dataclasses.replace(tuned, members=None)
        self._save()
        with keeping_saved(self.folder.path):
            if averaged:
                self._average(tuned)
            else:
                start = dataclasses.replace(start, model=self.start.model)
                if tuned is None or (len(tuned.points) == 1 and not tuned.refit):
                    tell_known(train, val, "the temperature")
                self._calibrate(*held_out_predictions(tuned, start, self.flips))
        if averaged or self.temperature is not None:
            self._save()
        if self.unlabelled is not None:
            self._fit_with_pseudo_labels(val, batch_size)
        if self.config.max_error is not None:
            with keeping_saved(self.folder.path):
                self._promise()
            self._save()

    def _average(self, tuned):
        """Lets the start have the model that averages, at temperatures for how it is asked."""
        self.history.from_linear = tuned
        model = average_classifier(self.classifier, self.history)
        members, val = tuned.members, self.start.splits.val
        if members.val is not None and self.flips != (members.val.shape[1] > 1):
            # Those so far are of the views that training saw.
            start = dataclasses.replace(self.start, model=model)
            rows = new_rows(self.start.splits.train, val)
            predictions = val_predictions(tuned, start, self.flips)
            factor = fit_temperature(predictions[:, rows], val.labels[rows])
            factor = from_chief(factor)
            for network in networks_of(model):
                fold_temperature(network, factor)
            new = [factor * temperature for temperature in members.temperatures]
            members = dataclasses.replace(members, temperatures=new)
            self.history.from_linear = dataclasses.replace(tuned, members=members)
        self.start = dataclasses.replace(self.start, model=model)

    def _promise(self):
        """Builds the model that answers; the classifier in it is the one that was trained."""
        self.answering, self.promise = answering(
            self.start.model,
            self.start.splits.train,
            self.parts[1],
            self.config.max_error,
            flips=self.flips,
            seed=self.config.seed,
        )

    def _fit_with_pseudo_labels(self, val, batch_size):
        keeping = keeping_interrupted(self.folder, self.start.model, batch_size)
        with keeping_saved(self.folder.path), keeping:
            self.unlabelled = train_with_pseudo_labels(
                self.history, self.config, self.parts[0], self.unlabelled
            )
            val = val.subset(new_rows(self.start.splits.train, val))
            self._calibrate(views_of(self.start.model, val, flips=self.flips), val.labels)
        self._save()

    def _calibrate(self, probabilities, labels):
        self.temperature = calibrate(self.start.model, probabilities, labels)

    def _save(self):
        """Writes all that needs no measuring, so that a failure of that loses nothing."""
        self.folder.save_model(self.answering or self.start.model)
        if self.history.source_model is not None:
            self.folder.save_model(self.history.source_model, "source_model.keras")
        self.write_classes()
        self.folder.write_history(self.history)
        write_unmeasured(self.folder, self.known(), self.history.phases)

    def write_classes(self):
        """Writes what a classifier needs to be used, also one that was interrupted."""
        classes = self.start.splits.train.class_names
        self.folder.write_classes(classes, self.start.model, flips=self.flips)

    def known(self):
        """Returns the content of metrics.json that needs no measuring."""
        history, tuned = self.history, self.history.from_linear
        metrics = {
            "test_time_flips": self.flips,
            "weights": self.start.weights,
            **known_of_history(history, self.start.splits),
        }
        if self.policy is not None:
            metrics["policy"] = self.policy
        averaged = tuned is not None and tuned.members is not None  # not measured while training
        if averaged:
            metrics["best_epoch"] = None
        # Nor are points between the start and the end of a fine-tuning.
        between = tuned is not None and tuned.chosen and tuned.point.share < 1
        between = between and self.unlabelled is None
        if history.best_epoch is not None and not averaged and not between:
            # Of the best epoch, measured while training: augmented, with dropout and, in the loss,
            # any class weights.
            at = history.epoch.index(history.best_epoch)
            metrics["train"] = {name: history.history[name][at] for name in ("accuracy", "loss")}
        elif tuned is not None and tuned.phase is None and not averaged:
            metrics["train"] = tuned.starts.fitted  # from features: no further pass over the images
        if self.temperature is not None:
            metrics["temperature"] = self.temperature
        if tuned is not None:
            metrics["fine_tuning"] = fine_tuning_figures(tuned)
            if tuned.refit:
                metrics["val"] = self._val_before_refit()
        if self.promise is not None:
            metrics["answers"] = self.promise
        if self.unlabelled is not None and self.unlabelled.labels_alone is not None:
            metrics["unlabelled"] = unlabelled_figures(history, self.unlabelled)
        return metrics

    def _val_before_refit(self):
        """Figures on validation of the classifier from before it was trained on those images."""
        val = self.start.splits.val
        views = val_predictions(self.history.from_linear, self.start, self.flips)
        probabilities = tempered(views, self.temperature or 1.0)
        return main_figures(evaluate_predictions(probabilities, val.labels, val.class_names))

    def measured(self):
        """Returns the `TrainingResult`, with what the classifier is compared with."""
        known = self.known()
        result = measured(self.config, self.start, self.history, known, self.answering)
        if self.history.from_linear is not None:
            result.metrics["linear_start"] = linear_start_figures(result, self.classifier)
        if self.source.splits:
            figures = source_figures(self.source, self.history.source_model)
            result.metrics["source"] = figures
        if self.start.from_source_task:
            result.metrics["from_scratch"] = _from_scratch(result)
        return result


def measured(
    config: TrainSettings,
    start: StartingPoint,
    history: TrainingHistory,
    known: dict,
    answering: keras.Model | None = None,
) -> TrainingResult:
    """Measures a trained classifier.

    Args:
        start: `StartingPoint` with the trained model.
        known: the content of unmeasured.json.
        answering: model of the run that answers; None without one.
    """
    flips = known["test_time_flips"]
    train, val_split, test_split, *_ = start.splits
    # After a refit validation images are training images; `known` has figures from before.
    parts = [test_split, *([] if "val" in known else [val_split])]
    model = model_of_each(start.model) if _networks(known) else start.model
    views = views_of(model, *parts, flips=flips)
    before, probabilities, networks = _with_temperature(views, known)
    probabilities, val_probabilities = np.split(probabilities, [len(test_split)])
    test = evaluate_predictions(probabilities, test_split.labels, test_split.class_names)
    metrics = {**known, "test": main_figures(test)}
    val = None
    if "val" not in known:
        val = evaluate_predictions(val_probabilities, val_split.labels, val_split.class_names)
        metrics["val"] = main_figures(val)
    if "train" not in metrics and networks is None:  # the weights are not those of an epoch
        _, figures = measure(start.model, train)
        metrics["train"] = {name: figures[name] for name in ("accuracy", "loss")}
    if before is not None:
        before = before[: len(test_split)]
        metrics["calibration"] = calibration_figures(before, probabilities, test_split.labels)
    answers = None
    if answering is not None:
        answers = answers_on(answering, test_split)
        metrics["answers"] = known["answers"] | {"test": answer_figures(answers)}
    networks = None if networks is None else networks[:, :, : len(test_split)]
    return TrainingResult(
        config, start, history, probabilities, metrics, val, test, answers, networks
    )


def _with_temperature(views, known):
    """Probabilities (n, num_classes) without the temperatures in a model, and with them.

    The first are None of a model that has none. Last come those of each network of an average,
    (networks, views, n, num_classes).
    """
    averaged = _networks(known)
    if averaged:
        proportions = [each["proportion"] for each in averaged]
        inverse = [1 / each["temperature"] for each in averaged]
        networks = views.reshape(-1, len(averaged), *views.shape[1:]).swapaxes(0, 1)
        found = (
            weighted_average(networks, proportions, inverse),
            weighted_average(networks, proportions),
        )
        return *(seen.mean(axis=0) for seen in found), networks
    probabilities = views.mean(axis=0)
    if "temperature" not in known:
        return None, probabilities, None
    return tempered(views, 1 / known["temperature"]), probabilities, None


def _networks(known):
    """Figures known of each network of an average; None or empty of a single one."""
    return known.get("fine_tuning", {}).get("averaged")


def _from_scratch(result):
    """Figures of the same network from random weights on the same labels.

    All layers train for as many epochs; those of the head alone count only where no others follow.
    """
    say("The same network from scratch on the same labels, for comparison:")
    tuning, start = result.config.fine_tune, result.start
    epochs = tuning.epochs or tuning.freeze_epochs
    best = best_from_scratch(result.config, classifier_of(start.model), start.splits, epochs)
    flips = result.metrics["test_time_flips"]
    probabilities, figures = measure(best.model, start.splits.test, flips=flips)
    return {
        **main_figures(figures),
        "val": main_figures(best.val),
        "lr": best.rate,
        "epochs": epochs,
        "seconds": best.seconds,
        **ahead_of(probabilities, result),
    }


def write_result(folder: RunFolder, result: TrainingResult) -> None:
    """Writes metrics.json and the page of a trained and measured classifier."""
    folder.write_json("metrics.json", result.metrics)
    write_report(folder.path, result)
    mark_measured(folder)


def _say_result(metrics, path, copies=0):
    test, size = metrics["test"], metrics["pictures"]["test"]
    low, high = accuracy_interval(test["accuracy"], size)
    say(
        f"Test accuracy {test['accuracy']:.1%} ({low:.1%} to {high:.1%}, {size} images), "
        f"{metrics['seconds']['total']:.0f} s. {metrics['weights']['note']}"
    )
    if copies:
        say(
            f"NOT ALL NEW: {copies} of the test images are the same as images of train or val, or "
            "nearly the same. The figures flatter the model."
        )
    if "answers" in metrics:
        say(realised_sentence(metrics["answers"]["test"], metrics["answers"]["max_error"]))
    if "source" in metrics:
        say(f"Source: {source_line(metrics['source'])}.")
    if "unlabelled" in metrics:
        say(
            f"With {metrics['unlabelled']['pictures']} images without labels; before them "
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
