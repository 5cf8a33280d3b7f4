"""Files of the folder that TL_KERAS_DATA names, and MNIST of it."""

import os
import tarfile
from pathlib import Path

import numpy as np

HELD_OUT = 10_000  # training images of MNIST that trials are measured on


def data_file(name):
    """The path of a file in the folder that TL_KERAS_DATA names."""
    if "TL_KERAS_DATA" not in os.environ:
        raise SystemExit(f"Expected TL_KERAS_DATA to name the folder that has {name}.")
    return Path(os.environ["TL_KERAS_DATA"]) / name


def unpacked(task, out):
    """The folder OUT/data/TASK of the images of a small task."""
    folder = Path(out) / "data" / task
    if not folder.is_dir():
        places = [data_file(f"suite/{task}.tar.gz"), data_file(f"{task}.tar.gz")]
        with tarfile.open(next((path for path in places if path.exists()), places[0])) as archive:
            archive.extractall(folder.parent, filter="data")
    return folder


def load_mnist(validate=False):
    """((x, y) to train on, (x, y) to measure on): the test set, or with `validate` the last
    training images.
    """
    with np.load(data_file("mnist.npz")) as arrays:
        train, test = ((arrays[f"x_{s}"], arrays[f"y_{s}"].astype(int)) for s in ("train", "test"))
    if validate:
        cut = len(train[0]) - HELD_OUT
        return tuple(part[:cut] for part in train), tuple(part[cut:] for part in train)
    return train, test
