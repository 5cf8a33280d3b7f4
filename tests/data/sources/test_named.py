import gzip

import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset
from tl_keras.data.sources.named import NAMED_DATASETS, load_named


def test_digits_come_with_pixels_from_0_to_255():
    digits = load_named("digits")["all"]
    assert digits.images.shape == (1797, 8, 8) and digits.images.dtype == np.uint8
    assert digits.images.max() == 255
    # the first image starts with 0, 0, 5, 13 of 16; 5 * 255 / 16 = 79.7, 13 * 255 / 16 = 207.2
    np.testing.assert_array_equal(digits.images[0, 0, :4], [0, 0, 80, 207])
    assert digits.class_names == tuple("0123456789") and digits.ids[5] == "digits[5]"


def test_letters_are_a_source_like_any_other():
    train, val, test, _ = load_dataset("letters", seed=1)
    assert [len(part) for part in (train, val, test)] == [2720, 340, 340]
    assert train.num_classes == 34 and train.images.shape[1:] == (28, 28)


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("mnist", (28, 28), 10),
        ("fashion_mnist", (28, 28), 10),
        ("cifar10", (32, 32, 3), 10),
        ("cifar100", (32, 32, 3), 100),
    ],
)
def test_sets_of_keras_keep_their_test_set(monkeypatch, name, shape, classes):
    def load_data():
        train, test = (np.zeros((n, *shape), np.uint8) for n in (classes, 2))
        return (train, np.arange(classes)[:, None]), (test, np.zeros((2, 1), int))

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)
    parts = load_named(name)
    assert {split: len(part) for split, part in parts.items()} == {"train": classes, "test": 2}
    assert parts["test"].num_classes == classes == len(set(parts["train"].class_names))
    assert name in NAMED_DATASETS


@pytest.mark.fault(32)
def test_without_a_network_the_message_names_the_file_to_fetch(monkeypatch):
    def load_data():
        raise Exception("URL fetch failure on\nhttps://example.org: None -- unreachable")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    with pytest.raises(InputError, match=r"URL fetch failure on https.*mnist\.npz") as caught:
        load_named("mnist")
    assert "\n" not in str(caught.value) and "give its path" in str(caught.value)


@pytest.mark.fault(33)
def test_download_cut_short_is_removed_and_made_again(monkeypatch, tmp_path):
    """Keras takes whatever has the final name of a file without a published hash."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = tmp_path / "datasets" / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(bytes(1000))[:-10])

    def load_data():
        if not file.exists():
            raise Exception("URL fetch failure")  # without a network
        with gzip.open(file) as opened:
            opened.read()

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", load_data)
    with pytest.raises(InputError, match="URL fetch failure"):
        load_named("fashion_mnist")
    assert not file.exists()
