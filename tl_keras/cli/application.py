"""What the commands share: the application, their words, and how they load a job."""

import importlib
import os
import sys

import typer

from tl_keras.checks import InputError
from tl_keras.training.settings import FROM_LINEAR, PRETRAINED

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Transfer learning and label-free learning for pictures.",
)

DATA_HELP = (
    "Folder with one sub-folder a class (or train/ val/ test/ of such), .npz, or digits, "
    "mnist, fashion_mnist, cifar10, cifar100."
)
BACKBONE_HELP = "Name (see `tl-keras backbones`), encoder file or run folder."
WEIGHTS_HELP = "imagenet (the default), auto, random or a file."
UNFREEZE_HELP = "half, last:N, from:LAYER, all or none; default: half, or what suits the weights."


def load(module, name):
    """Returns a function of the package; TensorFlow is loaded here and not before.

    Its native log lines while loading (no GPU found, and the like) bypass Python and every log
    level; nobody can act on them, so standard error is closed to them for that moment.
    """
    sys.stderr.flush()
    standard_error = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            loaded = importlib.import_module(f"tl_keras.{module}")
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
    return getattr(loaded, name)


def fractions(text):
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"Expected split to be three numbers such as 0.8,0.1,0.1; received {text!r}."
        ) from None


def given(**options):
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def by_start(words, setting, linear=None):
    """The help of an option that the start decides where it is not given.

    `linear` names the default from a linear start where it is no constant.
    """
    value, first = PRETRAINED[setting], linear or FROM_LINEAR.get(setting)
    start = "" if first in (None, value) else f"{first} from a linear start, else "
    return f"{words}; default: {start}{value}, or what suits the weights."
