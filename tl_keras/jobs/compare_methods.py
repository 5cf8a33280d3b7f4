"""The methods of a comparison: what each is called and how it trains a classifier."""

import dataclasses
import functools
from pathlib import Path

import keras

from tl_keras.checks import InputError, check_choice
from tl_keras.evaluation.classification import evaluate_predictions
from tl_keras.evaluation.feature_prediction import predict_above_frozen
from tl_keras.jobs.best_rate import best_of_rates
from tl_keras.jobs.compare_settings import EPOCHS, KINDS
from tl_keras.jobs.evaluate import measure
from tl_keras.jobs.starting_point import FROM_SCRATCH, image_size_for, quicken_batch_norm
from tl_keras.models.applications import APPLICATIONS
from tl_keras.models.backbones import build_backbone, is_backbone_path
from tl_keras.models.classifier import build_classifier
from tl_keras.models.cnn import CNN
from tl_keras.models.mlp import MLP
from tl_keras.models.rnn import RNN
from tl_keras.training.fine_tune import fine_tune
from tl_keras.training.from_scratch import fit_from_scratch
from tl_keras.training.settings import FineTuneSettings
from tl_keras.training.time_limit import TimeLimit

BASELINES = {
    "mlp": MLP,
    "cnn": functools.partial(CNN, architecture="small"),
    "cnn:lenet": functools.partial(CNN, architecture="lenet"),
    "cnn:small": functools.partial(CNN, architecture="small"),
    "cnn:dropout": functools.partial(CNN, architecture="dropout"),
    "rnn": RNN,
    "rnn:lstm": functools.partial(RNN, cell="lstm"),
    "rnn:gru": functools.partial(RNN, cell="gru"),
}
BASELINE_RATES = (3e-3, 1e-3, 3e-4)
BASE_RATES = (1e-3, 3e-4, 1e-4)
FROZEN_RATES = (1e-3, 3e-3, 1e-2)
_ENDLESS = 1000  # epochs, where the time ends a training
_MEASURED_AT_ONCE = 128  # pictures
_LOOKED_AT, _MOST = 16, 64  # pictures, pixels a side
_HEAD_SHARE = 9  # one epoch in so many trains the head alone before fine-tuning


@dataclasses.dataclass(frozen=True)
class Method:
    """A way of training.

    Attributes:
        name: as the user wrote it.
        kind: one of `KINDS`.
        net: baseline, base, encoder's file or run folder; None for the comparison's backbone.
    """

    name: str
    kind: str
    net: str | None

    @property
    def is_baseline(self):
        return self.kind == "scratch" and self.net in BASELINES

    @property
    def rates(self):
        """Learning rates to try: several where the default may suit badly and a try is cheap."""
        if self.kind == "frozen":
            return FROZEN_RATES
        if self.kind == "scratch":
            return BASELINE_RATES if self.is_baseline else BASE_RATES
        return (FineTuneSettings.lr,)


def parse_method(name, backbone):
    """Returns the `Method` that `name` stands for.

    Args:
        name: a kind, alone or followed by a colon and a net:
            "scratch": the backbone from random weights; "scratch:NET": a baseline (mlp, cnn,
                cnn:lenet, cnn:small, cnn:dropout, rnn, rnn:lstm, rnn:gru), base or encoder.
            "frozen", "fine-tune", "l2-sp", "joint": transfer of the backbone, or of "KIND:NET",
                a base or an encoder's file or run folder.
        backbone: that of the comparison, or None.

    Raises:
        InputError: there is no such method or net, or a backbone is needed and missing.
    """
    kind, _, net = name.partition(":")
    if kind not in KINDS or (net and not _is_net(kind, net)):
        known = [*KINDS, *(f"scratch:{baseline}" for baseline in BASELINES)]
        try:
            check_choice("methods", name, known)
        except InputError as error:
            raise InputError(
                f"{str(error).split('; received')[0]}, or any of the first {len(KINDS)} with a "
                f"base or an encoder after a colon, which must be there; received {name!r}."
            ) from None
    if not net and backbone is None:
        raise InputError(f"Expected a backbone for the method {name!r}; received none.")
    return Method(name, kind, net or None)


def _is_net(kind, net):
    known = net in APPLICATIONS or (kind == "scratch" and net in BASELINES)
    return known or (is_backbone_path(net) and Path(net).exists())


def baseline_size(config, pictures):
    """Side in pixels of what MLP, CNN and RNN take: as asked, or the pictures' own, 64 at most."""
    if config.baseline_size is not None:
        return config.baseline_size
    first = range(min(len(pictures), _LOOKED_AT))
    return min(_MOST, max(max(pictures.load(row).shape[:2]) for row in first))


class MethodRunner:
    """Trains classifiers as the methods say, all on the same terms.

    Args:
        config: `CompareConfig`.
        pictures: `ImageDataset` of the target, from which sizes are taken.
        source: `ImageDataset` of the source task, or None.
        store: `FeatureStore` that all runs share.
    """

    def __init__(self, config, pictures, source, store):
        self.config = config
        self.pictures = pictures
        self.source = source
        self.store = store
        self.epochs = config.epochs or (_ENDLESS if config.seconds else EPOCHS)
        schedule = "constant" if config.seconds else "cosine"
        self._shared = {"augment": config.augment, "schedule": schedule, "patience": None}

    def build(self, method, seed):
        """Returns the untrained classifier of `method`."""
        keras.utils.set_random_seed(seed)
        if method.is_baseline:
            model = BASELINES[method.net](self.pictures.num_classes)
            channels = 1 if self.pictures.is_grayscale else 3
            model.build((None, *2 * (baseline_size(self.config, self.pictures),), channels))
            return model
        backbone = self._backbone(method)
        model = build_classifier(backbone, self.pictures.num_classes, head=self.config.head)
        if method.kind == "scratch":
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
        return dataclasses.replace(best, seconds=best.seconds + charges[0])

    def measure(self, method, model, pictures):
        """Returns the figures of a trained `model` of `method` on labelled pictures."""
        if method.kind == "scratch":
            return measure(model, pictures, batch_size=_MEASURED_AT_ONCE)[1]
        probabilities = predict_above_frozen(model, pictures, self.store)
        return evaluate_predictions(probabilities, pictures.labels, pictures.class_names)

    def _backbone(self, method):
        """The backbone of `method`, built anew, from random weights if it is to learn them."""
        config, net = self.config, method.net or self.config.backbone
        if is_backbone_path(net):
            if method.kind == "scratch":
                return keras.models.clone_model(build_backbone(net))
            # What is asked for is the size and the weights of the comparison's own backbone.
            own = {} if method.net else {"image_size": config.image_size, "weights": config.weights}
            return build_backbone(net, **own)
        size = image_size_for(dataclasses.replace(config, backbone=net), self.pictures)
        weights = config.weights
        if method.kind == "scratch":
            weights = None
        elif net != config.backbone and weights != "random":
            weights = "imagenet"  # a file is for the backbone that it was given with
        return build_backbone(net, image_size=size, weights=weights)

    def _callbacks(self, method, first):
        """A function that gives each phase its callbacks; all phases share one end."""
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
        settings = self._shared | self._of_kind(method.kind) | {"lr": rate, "seed": seed}
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

    def _of_kind(self, kind):
        """The settings of `fine_tune` that make a kind what it is."""
        if kind == "scratch":
            return FROM_SCRATCH | {"epochs": self.epochs}
        views = {"views": self.config.views}
        if kind == "frozen":
            return views | {"freeze_epochs": self.epochs, "epochs": 0, "unfreeze": "none"}
        of_head = min(max(1, min(self.epochs, EPOCHS) // _HEAD_SHARE), self.epochs - 1)
        phases = {"freeze_epochs": of_head, "epochs": self.epochs - of_head}
        return views | phases | {"objective": "plain" if kind == "fine-tune" else kind}
