"""The methods of a comparison: what each is called and how it trains a classifier."""

import dataclasses
import functools
from pathlib import Path

from tl_keras.checks import InputError, check_choice
from tl_keras.files import read_json
from tl_keras.models.backbones.applications import APPLICATIONS
from tl_keras.models.backbones.backbone import is_backbone_path
from tl_keras.models.baselines.cnn import CNN
from tl_keras.models.baselines.mlp import MLP
from tl_keras.models.baselines.rnn import RNN
from tl_keras.settings.compare import KINDS, PRETRAININGS
from tl_keras.settings.fine_tune import PRETRAINED

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
_LOOKED_AT, _MOST = 16, 64  # pictures, pixels a side


@dataclasses.dataclass(frozen=True)
class Method:
    """A way of training.

    Attributes:
        name: as the user wrote it.
        kind: one of `KINDS`.
        net: baseline, base, encoder's file or run folder, or one of `PRETRAININGS`, which stands
            for the encoder that the comparison pretrains so; None for the comparison's backbone.
    """

    name: str
    kind: str
    net: str | None

    @property
    def is_baseline(self):
        return self.kind == "scratch" and self.net in BASELINES

    @property
    def pretraining(self):
        """How the comparison itself pretrains the encoder; None if it does not."""
        return self.net if self.net in PRETRAININGS else None

    @property
    def on_base(self):
        """Whether it trains a base, or whatever the comparison's backbone is."""
        return not (self.is_baseline or self.pretraining or is_backbone_path(self.net))

    @property
    def rates(self):
        """Learning rates to try: several where the default may suit badly and a try is cheap."""
        if self.kind == "frozen":
            return FROZEN_RATES
        if self.kind == "scratch":
            return BASELINE_RATES if self.is_baseline else BASE_RATES
        return (PRETRAINED["lr"],)


# Options of a comparison that not every method heeds.
_HEEDED = {
    "backbone": lambda method: method.net is None,
    "weights": lambda method: method.on_base and method.kind != "scratch",
    "head": lambda method: not method.is_baseline,
    "image_size": lambda method: method.on_base,
    "baseline_size": lambda method: method.is_baseline or method.pretraining,
    "views": lambda method: method.kind not in ("scratch", "linear"),
}


def check_heeded(config, methods):
    """Refuses options that none of the methods heeds.

    Args:
        config: `CompareSettings`, not `filled`.
        methods: list of `Method`.

    Raises:
        InputError: such an option was given.
    """
    brings_weights = is_backbone_path(config.backbone)
    for name, heeds in _HEEDED.items():
        heeding = [method for method in methods if heeds(method)]
        if name == "weights" and brings_weights:
            heeding = [method for method in heeding if method.net]
        if getattr(config, name) is not None and not heeding:
            names = ", ".join(method.name for method in methods)
            raise InputError(
                f"Expected no {name} where it has no effect, with the methods {names}; received "
                f"{name}={getattr(config, name)!r}. Leave it out."
            )
    if config.views is not None and config.augment == "none":
        raise InputError(
            f"Expected no views where it has no effect, with augment='none'; received "
            f"views={config.views!r}. Leave it out."
        )


def parse_method(name, backbone):
    """Returns the `Method` that `name` stands for.

    Args:
        name: a kind, alone or followed by a colon and a net, or a pretraining:
            "scratch": the backbone from random weights; "scratch:NET": a baseline (mlp, cnn,
                cnn:lenet, cnn:small, cnn:dropout, rnn, rnn:lstm, rnn:gru), base or encoder.
            "linear": a logistic regression on the backbone's features, see
                `training.fine_tuning.linear_start`; "linear:NET" on those of NET.
            "frozen", "fine-tune", "l2-sp", "joint": transfer of the backbone, or of "KIND:NET",
                a base, an encoder's file or run folder, or an encoder pretrained here.
            "simclr", "simsiam", "vicreg", "autoencoder", "vae", "gan": an encoder that is
                pretrained so on the training pictures without their labels, once, and then
                fine-tuned; short for "fine-tune:simclr" and so on. "simclr:RUN" takes a
                finished run of `tl-keras pretrain` with that method instead.
        backbone: that of the comparison, or None.

    Raises:
        InputError: there is no such method or net, or a backbone is needed and missing.
    """
    kind, _, net = name.partition(":")
    if kind in PRETRAININGS:
        if net:
            _check_run(kind, net)
        return Method(name, "fine-tune", net or kind)
    if kind not in KINDS or (net and not _is_net(kind, net)):
        _refuse(name)
    if not net and backbone is None:
        raise InputError(f"Expected a backbone for the method {name!r}; received none.")
    return Method(name, kind, net or None)


def _is_net(kind, net):
    known = net in APPLICATIONS or net in PRETRAININGS or (kind == "scratch" and net in BASELINES)
    return known or (is_backbone_path(net) and Path(net).exists())


def _refuse(name):
    known = [*KINDS, *PRETRAININGS, *(f"scratch:{baseline}" for baseline in BASELINES)]
    try:
        check_choice("methods", name, known)
        expected = "Expected"
    except InputError as error:
        expected = f"{str(error).split('; received')[0]}, or"
    raise InputError(
        f"{expected} {', '.join(KINDS)} with a base, a pretraining or an encoder after a colon, "
        f"which must be there; received {name!r}."
    )


def _check_run(method, path):
    """Refuses a run of another method under the name of this one."""
    config = Path(path) / "config.json"
    found = read_json(config).get("method") if config.is_file() else None
    if found != method:
        what = f"one of {found}" if found else "which is none"
        raise InputError(
            f"Expected a run folder of `tl-keras pretrain --method {method}` after {method}:; "
            f"received {path}, {what}. For any encoder write fine-tune:{path}."
        )


def baseline_size(config, pictures):
    """Side in pixels of what MLP, CNN and RNN take: as asked, or the pictures' own, 64 at most."""
    if config.baseline_size is not None:
        return config.baseline_size
    first = range(min(len(pictures), _LOOKED_AT))
    return min(_MOST, max(max(pictures.load(row).shape[:2]) for row in first))
