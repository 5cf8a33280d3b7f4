"""Trains the methods of a comparison under equal conditions."""

import dataclasses

import keras

from tl_keras.evaluation.classifiers.classification import evaluate_predictions
from tl_keras.evaluation.classifiers.feature_prediction import predict_above_frozen
from tl_keras.jobs.compare.methods import BASELINES, baseline_size
from tl_keras.jobs.runs.measuring import measure
from tl_keras.jobs.train.best_rate import best_of_rates
from tl_keras.jobs.train.scratch import FROM_RANDOM, FROM_SCRATCH, quicken_batch_norm
from tl_keras.jobs.train.suited_settings import suited_after, suited_to
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import build_backbone, is_backbone_path
from tl_keras.models.classifier import build_classifier
from tl_keras.settings.compare import EPOCHS, TUNED
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.train import NO_HIDDEN_LAYER, usual_dropout
from tl_keras.training.fine_tuning.fine_tune import fine_tune
from tl_keras.training.fine_tuning.linear_head import check_linear_start
from tl_keras.training.step_memory import within_memory
from tl_keras.training.time_limit import TimeLimit
from tl_keras.training.whole.from_scratch import fit_from_scratch

_ENDLESS = 1000  # epochs, where the time ends a training
_MEASURED_AT_ONCE = 128  # images
_HEAD_SHARE = 9  # one epoch in so many trains the head alone before fine-tuning


class MethodRunner:
    """Trains the classifiers of all methods under equal conditions.

    Args:
        config: `CompareSettings`.
        images: `ImageDataset` of the target, which gives the sizes.
        source: `ImageDataset` of the source task, or None.
        store: `FeatureStore` that all runs share.
        encoders: `PretrainedEncoders` of the comparison; None if no method needs one.
    """

    def __init__(self, config, images, source, store, encoders=None):
        self.config = config
        self.encoders = encoders
        self.images = images
        self.source = source
        self.store = store
        self.epochs = config.epochs or (_ENDLESS if config.seconds else EPOCHS)
        schedule = "constant" if config.seconds else "cosine"
        self._shared = {"augment": config.augment, "schedule": schedule, "patience": None}

    def check(self, method):
        """Refuses a method that cannot be trained, before any training."""
        if method.pretraining:
            self.encoders.check(method.pretraining)
            return
        with within_memory():
            model = self.build(method, self.config.seed)
        if method.kind == "linear":
            check_linear_start(model)

    def build(self, method, seed):
        """Returns the untrained classifier of `method`."""
        keras.utils.set_random_seed(seed)
        if method.is_baseline:
            model = BASELINES[method.network](self.images.num_classes)
            channels = 1 if self.images.is_grayscale else 3
            model.build((None, *2 * (baseline_size(self.config, self.images),), channels))
            return model
        backbone = self._backbone(method)
        dropout = usual_dropout(self._starts_linear(method))
        model = build_classifier(
            backbone, self.images.num_classes, head=self.config.head, dropout=dropout
        )
        if method.kind == "scratch" or starts_random(method, self.config):
            quicken_batch_norm(model)
        return model

    def train(self, method, train, val, seed):
        """Returns the `BestOfRates` of one run; its seconds are those without sharing.

        Each learning rate has all epochs, or its share of the time.
        """
        fit = self._fit_baseline if method.is_baseline else self._fit_on_backbone
        before, charges = self.store.spared_seconds, []

        def fit_at(rate):
            fitted = fit(method, train, val, seed, rate, first=not charges)
            # What earlier runs had computed is charged once; the other rates have it anyway.
            charges.append(self.store.spared_seconds - before)
            return fitted

        best = best_of_rates(fit_at, method.rates, lambda model: self.measure(method, model, val))
        seconds = best.seconds + charges[0]
        return dataclasses.replace(best, rate=_rate_of_kept(best), seconds=seconds)

    def measure(self, method, model, images):
        """Returns the figures of a trained `model` of `method` on labelled images."""
        return self.measure_each(method, model, images)[0]

    def measure_each(self, method, model, images):
        """Returns the figures of `measure`, and whether each image was right, bool (n,)."""
        if method.kind == "scratch":
            probabilities, figures = measure(model, images, batch_size=_MEASURED_AT_ONCE)
        else:
            probabilities = predict_above_frozen(model, images, self.store)
            figures = evaluate_predictions(probabilities, images.labels, images.class_names)
        return figures, probabilities.argmax(axis=1) == images.labels

    def _backbone(self, method):
        """Returns a new backbone of `method`, with random weights for training from scratch."""
        config, network = self.config, method.network or self.config.backbone
        if method.pretraining:
            network = self.encoders.path(method.pretraining)
        if is_backbone_path(network):
            if method.kind == "scratch":
                return keras.models.clone_model(build_backbone(network))
            # Size and weights are options of the comparison's own backbone.
            own = (
                {}
                if method.network
                else {"image_size": config.image_size, "weights": config.weights}
            )
            return build_backbone(network, **own)
        size = image_size_for(network, self.images, config.image_size)
        weights = config.weights
        if method.kind == "scratch":
            weights = None
        elif network != config.backbone and weights != "random":
            weights = "imagenet"  # a file is for the backbone that it was given with
        return build_backbone(network, image_size=size, weights=weights)

    def _callbacks(self, method, first):
        """Returns a function that gives each phase its callbacks; all phases share a time limit."""
        if self.config.seconds is None:
            return list
        spared, store = self.store.spared_seconds, self.store
        charged = (lambda: store.spared_seconds - spared) if first else float
        limit = TimeLimit(self.config.seconds / len(method.rates), charged)
        return lambda: [limit]

    def _fit_baseline(self, method, train, val, seed, rate, first):
        model = self.build(method, seed)
        callbacks = self._callbacks(method, first)()
        settings = self._shared | {"epochs": self.epochs, "lr": rate, "seed": seed}
        return model, fit_from_scratch(model, train, val, callbacks=callbacks, **settings)

    def _fit_on_backbone(self, method, train, val, seed, rate, first):
        model = self.build(method, seed)
        settings = self._shared | {"lr": rate, "seed": seed} | self._of(method, len(train))
        history = fine_tune(
            model,
            train,
            val,
            features=self.store,
            source=self.source if method.kind == "joint" else None,
            make_callbacks=self._callbacks(method, first),
            **settings,
        )
        return model, history

    def _of(self, method, size):
        """Returns the settings of `fine_tune` that define a method, for `size` images."""
        kind = method.kind
        if kind == "scratch":
            return FROM_SCRATCH | {"epochs": self.epochs}
        if kind == "linear":
            return {"linear_start": True, "preset": "fast", "lr": None}
        views = {} if self.config.augment == "none" else {"views": self.config.views}
        if kind == "frozen":
            return views | {"freeze_epochs": self.epochs, "epochs": 0, "unfreeze": "none"}
        of_head = min(max(1, min(self.epochs, EPOCHS) // _HEAD_SHARE), self.epochs - 1)
        phases = {"freeze_epochs": of_head, "epochs": self.epochs - of_head}
        objective = {"objective": "plain" if kind == "fine-tune" else kind}
        if self._starts_linear(method):
            # Mixed images take more epochs than a comparison has, and one network is compared.
            alone = {"mixup": 0.0, "label_smoothing": 0.0, "average": False}
            return views | alone | {"lr": None, "epochs": self._epochs_each(size)}
        if starts_random(method, self.config):
            return views | FROM_RANDOM | {"epochs": self.epochs} | objective
        network = method.network or self.config.backbone
        suited = (
            suited_to(network) if is_backbone_path(network) else suited_after(method.pretraining)
        )
        return views | phases | suited | objective

    def _epochs_each(self, size):
        """Returns the epochs of each fine-tuning from a linear start; there may be two."""
        return max(1, self.epochs // len(FineTuneSettings().filled().fine_tunings(size)))

    def _starts_linear(self, method):
        """Returns whether a method fine-tunes from a linear start, the default of `tl-keras train`.

        With a time limit it does not: the start and its fine-tunings have no common end.
        """
        config, network = self.config, method.network or self.config.backbone
        suited = (
            suited_to(network) if is_backbone_path(network) else suited_after(method.pretraining)
        )
        return (
            method.kind == "fine-tune"
            and config.head == NO_HIDDEN_LAYER
            and config.seconds is None
            and not starts_random(method, config)
            and suited.get("linear_start", True)
        )


def _rate_of_kept(best):
    """Returns the learning rate of the kept weights; 0 for a linear start itself."""
    tuned = best.history.from_linear
    return best.rate if tuned is None else tuned.point.lr or 0.0


def starts_random(method, config):
    """Returns whether a method fine-tunes a base with random weights, so from scratch."""
    network = method.network or config.backbone
    trained = method.pretraining or is_backbone_path(network)
    return method.kind in TUNED and config.weights == "random" and not trained
