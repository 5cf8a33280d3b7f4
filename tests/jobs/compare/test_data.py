"""The labelled images of a comparison: equal for all, nested, in proportion."""

import shutil
import types

import numpy as np
import pytest

from tests.data.images import fill_with_copies
from tl_keras import ImageDataset, Splits
from tl_keras.checks import InputError
from tl_keras.jobs.compare.data import (
    VAL_PER_CLASS,
    data_name,
    load_compare_data,
    write_compare_records,
)
from tl_keras.settings.compare import CompareSettings


def part(split, per_class, names=("a", "b"), shift=0):
    labels = np.arange(per_class * len(names)) % len(names)
    pictures = np.zeros((len(labels), 4, 4), np.uint8) + (labels[:, None, None] + shift)
    return ImageDataset.from_arrays(pictures, labels, class_names=names, split=split, source="s")


def loaded(labels_per_class=(3, 20), test_images=None, **parts):
    settings = {"seed": 0, "labels_per_class": labels_per_class, "test_images": test_images}
    parts = {name: part(name, 40) for name in ("train", "val", "test")} | parts
    return load_compare_data(types.SimpleNamespace(**settings), Splits(**parts), None)


def test_a_seed_gives_every_method_the_same_images_and_another_seed_others():
    data = loaded()
    (train, val), (again, val_again) = data.labelled(3, 1), data.labelled(3, 1)
    other, _ = data.labelled(3, 2)
    assert (train.ids, val.ids) == (again.ids, val_again.ids)
    assert set(train.ids) != set(other.ids)
    assert train.class_counts() == {"a": 3, "b": 3}


def test_images_of_a_smaller_budget_are_among_those_of_a_larger():
    data = loaded()
    (few, few_val), (many, many_val) = data.labelled(3, 0), data.labelled(20, 0)
    assert set(few.ids) < set(many.ids)
    assert set(few_val.ids) < set(many_val.ids)


def test_validation_is_in_proportion_to_the_labels_as_far_as_there_is():
    data = loaded(val=part("val", 15))
    sizes = [data.labelled(budget, 0)[1].class_counts()["a"] for budget in (3, 12, 20)]
    assert sizes == [VAL_PER_CLASS, 12, 15]


def test_test_images_can_be_limited_and_are_the_same_for_all():
    assert len(loaded().splits.test) == 80
    limited = loaded(test_images=10).splits.test
    assert limited.ids == loaded(test_images=10).splits.test.ids
    assert len(limited) == 10


def test_a_class_that_the_limit_loses_from_the_test_is_named(capsys):
    kept = loaded(test_images=1).splits.test
    lost = {"a", "b"} - {kept.class_names[kept.labels[0]]}
    assert f"RARE CLASS: no test image of {lost.pop()}. Nothing" in capsys.readouterr().err


def test_budget_larger_than_a_class_is_refused_with_class_and_count():
    with pytest.raises(InputError, match="at least 41 training images .*class 'a' with 40"):
        loaded(labels_per_class=(3, 41))


def test_classes_that_differ_between_the_parts_are_listed():
    with pytest.raises(InputError, match="test part without b and with c, d besides"):
        loaded(test=part("test", 5, ("a", "c", "d")))
    with pytest.raises(InputError, match="in the same order; received a val part"):
        loaded(val=part("val", 5, ("b", "a")))
    with pytest.raises(InputError, match="received a missing part"):
        loaded(val=None)


def test_data_are_named_by_what_they_are():
    assert data_name("digits") == "digits"
    assert data_name(None) is None
    splits = Splits(part("train", 4), part("val", 2), part("test", 3))
    assert data_name(splits) == "s (a, b; 8 + 4 + 6 pictures)"


def test_splits_in_memory_and_their_source_go_on_as_they_were_begun(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    whole = ImageDataset.from_arrays(pictures, np.arange(30) % 2, class_names=("a", "b"))
    begun = Splits(*(whole.subset(range(start, start + 10)) for start in (0, 10, 20)))
    settings = types.SimpleNamespace(seed=0, labels_per_class=(3,), test_images=6)
    first = load_compare_data(settings, begun, begun, tmp_path)
    write_compare_records(tmp_path, first)
    # The first picture of train has moved to the test part.
    moved = Splits(whole.subset(range(1, 10)), begun.val, whole.subset([*range(20, 30), 0]))
    again = load_compare_data(settings, moved, moved, tmp_path)
    for one, other in zip(first.splits[:3], again.splits[:3], strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(first.source.images, again.source.images)
    assert len(again.splits.test) == 6 and again.records == first.records
    fewer = moved._replace(test=moved.test.subset(range(9)))
    with pytest.raises(InputError, match="Expected the images with which .* 2 of them are missing"):
        load_compare_data(settings, fewer, None, tmp_path)


def test_a_comparison_goes_on_with_the_groups_that_it_was_begun_with(tmp_path):
    """Folds that divide copies would choose another strength in the runs that are left."""
    images = fill_with_copies(tmp_path / "images", "ab", 10, 4)
    settings = CompareSettings(data=str(images), labels_per_class=(4,)).filled()
    begun = load_compare_data(settings, settings.data, None)
    write_compare_records(tmp_path, begun)
    again = load_compare_data(settings, settings.data, None, tmp_path)
    for one, other in zip(begun.splits[:3], again.splits[:3], strict=True):
        np.testing.assert_array_equal(one.groups, other.groups)
    assert np.bincount(begun.splits.train.groups).max() == 4


def test_a_comparison_that_was_begun_without_groups_gets_none(tmp_path):
    """Copies of different classes cannot be divided with each class in every split."""
    images = fill_with_copies(tmp_path / "images", "ab", 20, 1)
    for path in (images / "b").iterdir():
        path.unlink()
    for path in (images / "a").iterdir():
        shutil.copy(path, images / "b" / path.name)
    settings = CompareSettings(data=str(images), labels_per_class=(4,), group_by=None).filled()
    begun = load_compare_data(settings, settings.data, None)
    write_compare_records(tmp_path, begun)
    again = load_compare_data(settings, settings.data, None, tmp_path)
    for one, other in zip(begun.splits[:3], again.splits[:3], strict=True):
        assert one.groups is None or (one.groups == other.groups).all()
        assert (one.groups is None) == (other.groups is None)
