import numpy as np
from PIL import Image

from tests.data.changed_copies import as_jpeg, on_page
from tests.data.images import textured
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection import fingerprints
from tl_keras.data.inspection.fingerprints import (
    Leak,
    content_hash,
    find_leaks,
    find_repeats,
    fingerprint,
    looks_of,
)


def compare(first, second):
    """Leaks between two splits of one image file each."""
    marks = {"a": fingerprint(first), "b": fingerprint(second)}
    splits = [ImageDataset(("a",), split="train"), None, ImageDataset(("b",), split="test")]
    return find_leaks(splits, marks)


def test_the_same_pixels_are_found():
    assert compare(textured(0), textured(0)) == (Leak("a", "b", ("train", "test"), "same"),)


def test_a_recompressed_or_resized_image_is_nearly_the_same():
    image = textured(0, (90, 120))
    smaller = np.asarray(Image.fromarray(image).resize((60, 45), Image.Resampling.BICUBIC))
    for other in (as_jpeg(image, 60), smaller, np.clip(image + 3.0, 0, 255).astype(np.uint8)):
        assert [leak.kind for leak in compare(image, other)] == ["near"]


def test_different_images_are_not():
    assert all(compare(textured(0), textured(seed)) == () for seed in range(1, 50))


def test_plain_images_are_compared_by_their_pixels_only():
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


def test_repeats_within_a_set_are_the_same_and_the_nearly_same(tmp_path):
    from PIL import Image

    from tl_keras.data.images import read_image

    random = np.random.default_rng(0)
    small = random.integers(0, 256, (6, 6, 3), np.uint8)
    image = Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)
    other = Image.fromarray(small[::-1, ::-1].copy()).resize((96, 96), Image.Resampling.BICUBIC)
    names = ("a.png", "b.png", "c.png", "d.jpg", "other.png")
    for name in names[:3]:
        image.save(tmp_path / name)
    image.save(tmp_path / "d.jpg", quality=70)
    other.save(tmp_path / "other.png")
    paths = tuple(str(tmp_path / name) for name in names)
    prints = {path: fingerprint(read_image(path)) for path in paths}
    found = find_repeats(ImageDataset(paths), prints)
    a, b, c, d, _ = paths
    assert [(leak.first, leak.second, leak.kind) for leak in found] == [
        (a, b, "same"),
        (a, c, "same"),
        (a, d, "near"),
    ]
    x = ImageDataset.from_arrays(random.integers(0, 256, (4, 8, 8), np.uint8)[[0, 1, 2, 1]])
    assert [(k.first, k.second) for k in find_repeats(x, {})] == [("array[1]", "array[3]")]


def digit_pages(count):
    """{path: Fingerprint} of different strokes, each on a wide white page."""
    random = np.random.default_rng(0)
    marks = {}
    for number in range(count):
        strokes = np.zeros((28, 28), np.uint8)
        for row, column in np.cumsum(random.integers(-2, 3, (40, 2)), 0) % 20 + 4:
            strokes[row : row + 2, column : column + 2] = 255
        marks[f"{number}.png"] = fingerprint(on_page(strokes, height=140, width=140, at=(60, 60)))
    return marks


def test_different_strokes_on_wide_white_pages_are_not_nearly_the_same():
    marks = digit_pages(40)
    paths = tuple(marks)
    splits = [ImageDataset(paths[:20], split="train"), ImageDataset(paths[20:], split="test")]
    assert find_leaks(splits, marks).counts == {"same": 0, "near": 0}


def test_the_first_pairs_are_listed_and_all_are_counted(monkeypatch):
    monkeypatch.setattr(fingerprints, "MOST_LISTED", 2)
    images = [textured(seed) for seed in range(3)]
    marks = {f"a{n}": fingerprint(image) for n, image in enumerate(images)}
    marks |= {f"b{n}": fingerprint(image) for n, image in enumerate(images)}
    marks |= {f"c{n}": fingerprint(as_jpeg(image, 60)) for n, image in enumerate(images)}
    names = sorted(marks)
    parts = [ImageDataset(tuple(names[n : n + 3]), split="abc"[n // 3]) for n in (0, 3, 6)]
    leaks = find_leaks(parts, marks)
    assert [leak.kind for leak in leaks] == ["same"] * 2 + ["near"] * 2
    assert leaks.counts == {"same": 3, "near": 6}
    repeats = find_repeats(ImageDataset(tuple(names)), marks)
    assert [leak.kind for leak in repeats] == ["same"] * 2 + ["near"] * 2
    assert repeats.counts == {"same": 3, "near": 3}


def test_coarse_colours_are_halved_differences_from_green():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32] = 255, 0, 0
    image[32:] = 0, 255, 100
    colours = looks_of(image)[1]
    assert colours.shape == (8, 8, 2) and colours.dtype == np.uint8
    assert (colours[:3] == [255, 128]).all()
    assert (colours[5:] == [0, 50]).all()
