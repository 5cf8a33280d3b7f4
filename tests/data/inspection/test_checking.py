import numpy as np
import pytest
from PIL import Image

from tests.data.images import save, textured
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.inspection.checking import (
    complete,
    drop_bad,
    inspect_files,
    refuse_bad,
    refuse_leaks,
)


def inspect_dataset(splits, **more):
    """Inspects the files of some datasets and compares the splits."""
    datasets = [part for part in splits if isinstance(part, ImageDataset)]
    files = [path for part in datasets if part.is_files for path in part.images]
    return complete(inspect_files(files), datasets, **more)


@pytest.fixture
def bad_paths(tmp_path):
    """Nine files, three of which cannot be read: empty, text, missing."""
    paths = [save(tmp_path / f"{i}.png", textured(i)) for i in range(6)]
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    bad = [str(tmp_path / name) for name in ("empty.png", "text.png", "gone.png")]
    return [paths[0], bad[0], *paths[1:4], bad[1], bad[2], *paths[4:]]


@pytest.mark.fault(1, 2, 3)
def test_every_bad_file_is_named_in_order_with_its_reason(bad_paths):
    bad = inspect_files(bad_paths).bad
    assert [path for path, _ in bad] == [bad_paths[1], bad_paths[5], bad_paths[6]]
    assert bad[0][1] == "the file is empty (0 bytes)"
    assert bad[2][1] == "the file does not exist"


def test_refusing_names_count_paths_reasons_and_the_way_on(bad_paths):
    with pytest.raises(InputError) as caught:
        refuse_bad(inspect_files(bad_paths))
    message = str(caught.value)
    assert "received 3 that cannot be read" in message and "\n" not in message
    assert f"{bad_paths[1]}: the file is empty" in message
    assert "--on-bad-image skip" in message


def test_many_bad_files_are_counted_after_the_first_five(tmp_path):
    found = inspect_files([str(tmp_path / f"{i}.png") for i in range(7)])
    with pytest.raises(InputError, match="received 7 .*4.png: the file does not exist; and 2 more"):
        refuse_bad(found)


def test_bad_files_are_dropped_with_their_labels(bad_paths):
    dataset = ImageDataset(tuple(bad_paths), np.arange(9, dtype=np.int32), tuple("abcdefghi"))
    kept = drop_bad(dataset, inspect_files(bad_paths))
    np.testing.assert_array_equal(kept.labels, [0, 2, 3, 4, 7, 8])
    refuse_bad(inspect_files(kept.images))


@pytest.mark.fault(4)
def test_a_suffix_that_lies_is_warned_of(tmp_path):
    Image.fromarray(textured(0)).save(tmp_path / "a.jpg", "PNG")
    found = inspect_files([str(tmp_path / "a.jpg"), save(tmp_path / "b.jpg", textured(1))])
    assert found.bad == () and len(found.warnings) == 1
    assert found.warnings[0].startswith("1 files whose content is of another format")
    assert "a.jpg (PNG)" in found.warnings[0]


@pytest.mark.fault(11)
def test_an_image_of_one_pixel_is_warned_of(tmp_path):
    found = inspect_files([save(tmp_path / "dot.png", np.zeros((1, 1, 3), np.uint8))])
    assert "of a single pixel (1 x 1)" in found.warnings[0] and "dot.png" in found.warnings[0]


@pytest.mark.fault(5)
def test_ignored_files_and_notes_are_among_the_warnings(tmp_path):
    part = ImageDataset((save(tmp_path / "a.png", textured(0)),))
    found = inspect_dataset([part], ignored=["x.txt", "y.pdf"], notes=("A note.",))
    assert found.ignored == ("x.txt", "y.pdf")
    assert found.warnings[0].startswith("2 files that are not images by their suffix")
    assert found.warnings[1] == "A note."


@pytest.mark.fault(16)
def test_an_image_in_two_splits_is_reported_with_both_paths(tmp_path):
    image = textured(0, (60, 80))
    train = (save(tmp_path / "t.png", image), save(tmp_path / "u.png", textured(1)))
    val, test = (save(tmp_path / "v.bmp", image),), (save(tmp_path / "w.jpg", image),)
    sets = zip((train, val, test), ("train", "val", "test"), strict=True)
    found = inspect_dataset(Splits(*[ImageDataset(paths, split=name) for paths, name in sets]))
    assert [(leak.first, leak.second, leak.kind) for leak in found.leaks] == [
        (train[0], val[0], "same"),
        (train[0], test[0], "near"),
        (val[0], test[0], "near"),
    ]
    assert "1 pairs of the same image" in found.warnings[0] and "v.bmp (val)" in found.warnings[0]
    assert "2 pairs of nearly the same" in found.warnings[1] and "w.jpg (test)" in found.warnings[1]


def test_warnings_and_refusals_count_pairs_that_are_not_listed(monkeypatch, tmp_path):
    monkeypatch.setattr("tl_keras.data.inspection.fingerprints.MOST_LISTED", 2)
    parts = [
        ImageDataset(tuple(save(tmp_path / f"{s}{i}.png", textured(i)) for i in range(4)), split=s)
        for s in ("train", "test")
    ]
    found = inspect_dataset(parts)
    assert found.warnings[0].startswith("4 pairs of the same image that occur in two splits")
    with pytest.raises(InputError, match="received 4 pairs of the same"):
        refuse_leaks(found)


def test_arrays_have_no_bad_files():
    part = ImageDataset.from_arrays(np.zeros((3, 2, 2), np.uint8))
    found = inspect_dataset(Splits(part, None, None))
    assert found.bad == () and found.warnings == () and found.leaks == ()
