"""Methods of a comparison: their names and their networks."""

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
_LOOKED_AT, _MOST = 16, 64  # images, pixels a side


@dataclasses.dataclass(frozen=True)
class Method:
    """A method of a comparison.

    Attributes:
        name: as the user wrote it.
        kind: one of `KINDS`.
        network: baseline, base, or an encoder's file or run folder; one of `PRETRAININGS` for the
            encoder that the comparison pretrains so; None for the comparison's backbone.
    """

    name: str
    kind: str
    network: str | None

    @property
    def is_baseline(self):
        return self.kind == "scratch" and self.network in BASELINES

    @property
    def pretraining(self):
        """Label-free method by which the comparison pretrains the encoder; None for none."""
        return self.network if self.network in PRETRAININGS else None

    @property
    def on_base(self):
        """True for a named base, or the comparison's backbone."""
        return not (self.is_baseline or self.pretraining or is_backbone_path(self.network))

    @property
    def rates(self):
        """Learning rates to try: several where one may be unsuitable and a trial is cheap."""
        if self.kind == "frozen":
            return FROZEN_RATES
        if self.kind == "scratch":
            return BASELINE_RATES if self.is_baseline else BASE_RATES
        return (PRETRAINED["lr"],)


# Options that not every method uses, and a test of whether it does.
_HEEDED = {
    "backbone": lambda method: method.network is None,
    "weights": lambda method: method.on_base and method.kind != "scratch",
    "head": lambda method: not method.is_baseline,
    "image_size": lambda method: method.on_base,
    "baseline_size": lambda method: method.is_baseline or method.pretraining,
    "views": lambda method: method.kind not in ("scratch", "linear"),
}


def check_heeded(config, methods):
    """Refuses options that none of the methods uses.

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
            heeding = [method for method in heeding if method.network]
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
    """Returns the `Method` with a name.

    Args:
        name: a kind, alone or followed by a colon and a network; or a pretraining.
            - scratch: the backbone from random weights. "scratch:NETWORK" takes a baseline (mlp,
              cnn, cnn:lenet, cnn:small, cnn:dropout, rnn, rnn:lstm, rnn:gru), base or encoder.
            - linear: a logistic regression on the backbone's features, see
              `training.fine_tuning.linear_start`; "linear:NETWORK" on those of NETWORK.
            - frozen, fine-tune, l2-sp, joint: transfer of the backbone. "KIND:NETWORK" takes a
              base, an encoder's file or run folder, or an encoder pretrained here.
            - a label-free method that needs no labels: an encoder is pretrained once on the
              training images, then fine-tuned. "simclr" is short for "fine-tune:simclr".
              "simclr:RUN" takes a finished run of that method.
        backbone: that of the comparison, or None.

    Raises:
        InputError: there is no such method or network, or a backbone is needed and missing.
    """
    kind, _, network = name.partition(":")
    if kind in PRETRAININGS:
        if network:
            _check_run(kind, network)
        return Method(name, "fine-tune", network or kind)
    if kind not in KINDS or (network and not _is_network(kind, network)):
        _refuse(name)
    if not network and backbone is None:
        raise InputError(f"Expected a backbone for the method {name!r}; received none.")
    return Method(name, kind, network or None)


def _is_network(kind, network):
    known = (
        network in APPLICATIONS
        or network in PRETRAININGS
        or (kind == "scratch" and network in BASELINES)
    )
    return known or (is_backbone_path(network) and Path(network).exists())


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


def baseline_size(config, images):
    """Returns the side in pixels for MLP, CNN and RNN: as set, or the images' own up to 64."""
    if config.baseline_size is not None:
        return config.baseline_size
    first = range(min(len(images), _LOOKED_AT))
    return min(_MOST, max(max(images.load(row).shape[:2]) for row in first))
