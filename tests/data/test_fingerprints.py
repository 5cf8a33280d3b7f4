import io

import numpy as np
from PIL import Image

from tests.data.pictures import textured
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.fingerprints import Leak, content_hash, find_leaks, fingerprint


def as_jpeg(image, quality):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def compare(first, second):
    """Leaks between two splits of one picture file each."""
    marks = {"a": fingerprint(first), "b": fingerprint(second)}
    splits = [ImageDataset(("a",), split="train"), None, ImageDataset(("b",), split="test")]
    return find_leaks(splits, marks)


def test_the_same_pixels_are_found():
    assert compare(textured(0), textured(0)) == (Leak("a", "b", ("train", "test"), "same"),)


def test_a_recompressed_or_resized_picture_is_nearly_the_same():
    image = textured(0, (90, 120))
    smaller = np.asarray(Image.fromarray(image).resize((60, 45), Image.Resampling.BICUBIC))
    for other in (as_jpeg(image, 60), smaller, np.clip(image + 3.0, 0, 255).astype(np.uint8)):
        assert [leak.kind for leak in compare(image, other)] == ["near"]


def test_different_pictures_are_not():
    assert all(compare(textured(0), textured(seed)) == () for seed in range(1, 50))


def test_plain_pictures_are_compared_by_their_pixels_only():
    black, gray = np.zeros((9, 9, 3), np.uint8), np.full((9, 9, 3), 4, np.uint8)
    assert compare(black, gray) == ()
    assert [leak.kind for leak in compare(black, black)] == ["same"]


def test_arrays_are_compared_row_by_row():
    x = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    train = ImageDataset.from_arrays(x, split="train", source="tr")
    test = ImageDataset.from_arrays(x[::-1] + [[[0]], [[1]]], split="test", source="te")
    assert find_leaks([train, test], {}) == (Leak("tr[1]", "te[0]", ("train", "test"), "same"),)


def test_the_content_hash_knows_the_shape():
    flat = np.zeros((2, 8, 3), np.uint8)
    assert content_hash(flat) != content_hash(flat.reshape(4, 4, 3))


def test_a_leak_is_told_on_one_line():
    assert Leak("a\nb", "c", ("train", "val"), "near").text == "a\\nb (train) and c (val)"
