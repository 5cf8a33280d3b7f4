"""Datasets that are loaded by name."""

import contextlib
import fcntl
import gzip
import os
import zlib
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.sounds import chirps
from tl_keras.data.sounds.sound_images import SoundImage, Sounds
from tl_keras.data.sources.letters import LETTERS, draw_letters
from tl_keras.data.sources.shapes import PER_CLASS as SHAPES_PER_CLASS
from tl_keras.data.sources.shapes import SHAPE_CLASSES, draw_shapes

# Class names in the order of the labels; Keras gives numbers only.
_FASHION = "t_shirt trouser pullover dress coat sandal shirt sneaker bag ankle_boot"
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
_FROM_KERAS = {
    "mnist": "0 1 2 3 4 5 6 7 8 9",
    "fashion_mnist": _FASHION,
    "cifar10": _CIFAR10,
    "cifar100": _CIFAR100,
}
_CUT = (EOFError, gzip.BadGzipFile, zlib.error)
SOUND_DATASETS = ("chirps",)
NAMED_DATASETS = ("digits", "letters", "shapes", *_FROM_KERAS, *SOUND_DATASETS)


def load_named(name: str) -> dict[str, ImageDataset]:
    """Loads a dataset by its name.

    Args:
        name: one of `NAMED_DATASETS`. "digits" (1,797 images of 8 x 8) comes with scikit-learn.
            "letters" (3,400 images of 28 x 28), "shapes" (4,320 images of 32 x 32, 108 classes) and
            "chirps" (480 sounds) are drawn: see `data.sources.letters`, `data.sources.shapes` and
            `data.sounds.chirps`. Keras downloads the others once, to its cache folder.

    Returns:
        {"all": dataset}, or {"train": dataset, "test": dataset} if there is a test split.

    Raises:
        InputError: the download failed.
    """
    if name == "digits":
        return {"all": _load_digits()}
    if name == "letters":
        return {"all": load_letters()}
    if name == "chirps":
        return {"all": load_chirps()}
    if name == "shapes":
        return {"all": load_shapes()}
    class_names = _FROM_KERAS[name].split()
    return {
        split: ImageDataset.from_arrays(x, y, class_names=class_names, split=split, source=name)
        for split, (x, y) in zip(("train", "test"), _load_from_keras(name), strict=True)
    }


def load_letters(
    per_class: int = 100, *, image_size: int = 28, seed: int = 0, split: str = "all"
) -> ImageDataset:
    """Draws letters as a labelled `ImageDataset`; see `data.sources.letters.draw_letters`."""
    images, labels = draw_letters(per_class, image_size=image_size, seed=seed)
    return ImageDataset.from_arrays(
        images, labels, class_names=LETTERS, split=split, source="letters"
    )


def load_chirps(sounds: Sounds | None = None, *, per_class: int = chirps.PER_CLASS) -> ImageDataset:
    """Draws tones as a labelled `ImageDataset` of sounds; see `data.sounds.chirps`."""
    readers = chirps.chirp_readers(per_class)
    sounds = sounds or Sounds()
    if sounds.sample_rate is None:
        sounds = Sounds(sounds.seconds, chirps.RATE)
    images = tuple(SoundImage(name, sounds, read) for name, read in readers.items())
    labels = np.repeat(np.arange(len(chirps.NAMES), dtype=np.int32), per_class)
    return ImageDataset(images, labels, chirps.NAMES, source="chirps")


def load_shapes(
    per_class: int = SHAPES_PER_CLASS, *, image_size: int = 32, seed: int = 0, split: str = "all"
) -> ImageDataset:
    """Draws shapes as a labelled `ImageDataset`; see `data.sources.shapes.draw_shapes`."""
    drawn = draw_shapes(per_class, image_size=image_size, seed=seed)
    return ImageDataset.from_arrays(
        drawn.images, drawn.labels, class_names=SHAPE_CLASSES, split=split, source="shapes"
    )


def _load_digits():
    from sklearn.datasets import load_digits  # slow to import

    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16))  # they come as 0-16
    names = tuple("0123456789")
    return ImageDataset.from_arrays(pixels, digits.target, class_names=names, source="digits")


def _load_from_keras(name):
    import keras  # loads TensorFlow

    load = getattr(keras.datasets, name).load_data
    try:
        with _one_at_a_time():
            try:
                return load()
            except _CUT:  # by an interrupted download of a file without a published hash
                _remove_cached(name)
                return load()
    except Exception as error:
        # Keras raises a bare Exception ("URL fetch failure") without a network, and its cache may
        # hold a damaged file. Any exception means that the images are not available.
        reason = " ".join(str(error).split())
        raise InputError(
            f"Expected to download {name} or to find it in Keras's cache; received: {reason}. "
            f"Without a network, fetch {name} elsewhere as a .npz file with x_train, y_train, "
            f"x_test and y_test (e.g. {name}.npz) and give its path instead of the name."
        ) from error


def _remove_cached(name):
    """Removes the files of a dataset from Keras's cache, so that they are downloaded again."""
    for file in (_home() / "datasets" / name.replace("_", "-")).glob("*.gz"):
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _one_at_a_time():
    """Makes processes that share a cache wait for each other: Keras writes to the final name."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a cache that cannot be written is shared by none
            fcntl.flock(stack.enter_context(open(_home() / ".tl_keras.lock", "w")), fcntl.LOCK_EX)
        yield


def _home():
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))
