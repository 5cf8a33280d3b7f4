"""Episodes: disjoint, fixed by (seed, index), and refused where none can be drawn."""

import numpy as np
import pytest
import tensorflow as tf

from tl_keras import ImageDataset
from tl_keras.checks import InputError
from tl_keras.data.pipelines.deformations import Deformation, deform_images
from tl_keras.data.pipelines.episode_batches import episode_batches
from tl_keras.data.pipelines.episodes import TaskSampler

COUNTS = (5, 9, 4, 7, 6, 4)
LABELS = np.random.default_rng(0).permutation(np.repeat(range(6), COUNTS))
# Each image has its own grey value, so that it can be told in a batch.
IMAGES = np.arange(len(LABELS), dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
DATA = ImageDataset.from_arrays(IMAGES, LABELS, class_names=list("abcdef"))
GROUPS = ("x", "y", "x", "y", "x", "y")


def test_classes_are_drawn_once_and_support_and_queries_are_disjoint_images_of_them():
    tasks = TaskSampler(4, 2, 2).tasks(DATA)
    for index in range(60):
        classes, support, query = tasks.draw(index)
        assert len(set(classes)) == 4
        assert (LABELS[support] == classes[:, None]).all()
        assert (LABELS[query] == classes[:, None]).all()
        assert len({*support.ravel(), *query.ravel()}) == 4 * 4


def test_every_class_and_image_is_drawn_equally_often():
    tasks = TaskSampler(2, 1, 1).tasks(DATA)
    episodes = [tasks.draw(index) for index in range(1800)]
    classes = np.bincount(np.concatenate([e.classes for e in episodes]), minlength=6)
    assert np.abs(classes - 600).max() < 90
    rows = np.bincount(np.concatenate([e.support.ravel() for e in episodes]), minlength=35)
    expected = 600 / np.array(COUNTS)[LABELS]
    assert np.abs(rows / expected - 1).max() < 0.35


def test_an_episode_is_a_function_of_seed_and_index():
    first, again = (TaskSampler(3, 1, 2, seed=7).tasks(DATA) for _ in range(2))
    for index in (5, 0):
        for a, b in zip(first.draw(index), again.draw(index), strict=True):
            np.testing.assert_array_equal(a, b)
    other = TaskSampler(3, 1, 2, seed=8).tasks(DATA)
    assert any((first.draw(i).support != other.draw(i).support).any() for i in range(3))
    assert any((first.draw(i).support != first.draw(i + 1).support).any() for i in range(3))


def test_all_classes_of_an_episode_are_of_one_group():
    tasks = TaskSampler(3, 1, 1).tasks(DATA, groups=GROUPS)
    found = {tuple(sorted(set(tasks.draw(i).classes % 2))) for i in range(30)}
    assert found == {(0,), (1,)}


def test_a_share_of_the_episodes_has_one_group_filled_with_others():
    tasks = TaskSampler(4, 1, 1).tasks(DATA, groups=GROUPS, grouped=1.0)
    for index in range(20):
        even = (tasks.draw(index).classes % 2 == 0).sum()
        assert even in (1, 3), "three of one group and one other"
    free = TaskSampler(4, 1, 1).tasks(DATA, groups=GROUPS, grouped=0.0)
    assert any((free.draw(i).classes % 2 == 0).sum() == 2 for i in range(20))


def test_support_and_queries_are_of_different_drawers():
    labels, drawers = np.repeat(range(5), 4), np.tile([3, 1, 4, 2], 5)
    data = ImageDataset.from_arrays(np.zeros((20, 4, 4)), labels)
    tasks = TaskSampler(5, 1, 2).tasks(data, drawers=drawers)
    pairs = set()
    for index in range(40):
        _, support, query = tasks.draw(index)
        shown, asked = drawers[support], drawers[query]
        assert len(set(shown.ravel())) == 1, "one drawer shows all classes"
        assert (asked == asked[0]).all() and len({shown[0, 0], *asked[0]}) == 3
        pairs.add((shown[0, 0], *asked[0]))
    assert len(pairs) > 10
    with pytest.raises(InputError, match="one image of each class by each of 4 drawers"):
        TaskSampler(5, 1, 2).tasks(data, drawers=[3, 3, 4, 2, *drawers[4:]])


@pytest.mark.parametrize(
    ("sampler", "arguments", "message"),
    [
        ((3, 2, 3), {}, "at least k_shot .* = 5 images of each class; received 4 of 'c'"),
        ((7, 1, 1), {}, "at least n_way=7 classes; received 6"),
        ((4, 1, 1), {"groups": GROUPS}, "n_way=4 classes in each group; received x 3, y 3"),
        ((2, 1, 1), {"groups": ("x",)}, "group of each of 6 classes; received 1"),
        ((1, 1, 1), {}, "n_way to be an integer >= 2; received n_way=1"),
        ((2, 1, 1), {"grouped": 2.0, "groups": GROUPS}, "grouped to be a number >= 0 and <= 1"),
    ],
)
def test_what_no_episode_can_be_drawn_from_is_refused(sampler, arguments, message):
    with pytest.raises(InputError, match=message):
        TaskSampler(*sampler).tasks(DATA, **arguments)


def test_images_without_labels_are_refused():
    with pytest.raises(InputError, match="Expected labels, from which episodes are drawn"):
        TaskSampler(2, 1, 1).tasks(ImageDataset.from_arrays(IMAGES))


def _batches(**arguments):
    tasks = TaskSampler(3, 1, 2, seed=1).tasks(DATA)
    arguments = {"image_size": (4, 4), "augment": "none", "episodes_per_epoch": 6, **arguments}
    return episode_batches(tasks, **arguments), tasks


def test_batches_hold_the_images_of_the_episodes_whatever_the_batch_size():
    seen = {}
    for size in (1, 3):
        batches, tasks = _batches(episodes_per_batch=size)
        assert batches.cardinality() == 6 // size
        pairs = [(s.numpy(), q.numpy()) for ((s, q),) in batches]
        assert pairs[0][0].shape == (size, 3, 1, 4, 4, 1) and pairs[0][1].shape[2] == 2
        seen[size] = [np.concatenate(parts) for parts in zip(*pairs, strict=True)]
    for one, three in zip(seen[1], seen[3], strict=True):
        np.testing.assert_array_equal(one, three)
    drawn = {tuple(tasks.draw(i).support.ravel()) for i in range(6)}
    assert {tuple(s.ravel()) for s in seen[1][0][..., 0, 0, 0]} == drawn


def test_epochs_differ_in_training_and_are_equal_without():
    for training in (True, False):
        batches, _ = _batches(training=training)
        first, second = ([s.numpy() for ((s, _),) in batches] for _ in range(2))
        assert np.array_equal(first, second) != training


def test_a_deformation_depends_on_seed_epoch_and_index_alone():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (6, 12, 12, 1)), tf.float32)

    def deformed(rows, **keys):
        keys = {"seed": 3, "epoch": 2, **keys}
        return deform_images(
            tf.gather(images, rows), Deformation(), indices=tf.constant(rows, tf.int64), **keys
        ).numpy()

    whole = deformed([0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(deformed([4, 1]), whole[[4, 1]], atol=1e-2)
    for other in (deformed(range(6), seed=4), deformed(range(6), epoch=3)):
        assert np.abs(other - whole).mean() > 10
    assert whole.min() >= -1e-3 and whole.max() <= 255.001


def test_without_strength_nothing_changes_and_half_the_size_is_the_mean_of_four_pixels():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (3, 8, 8, 1)), tf.float32)
    keys = {"seed": 0, "epoch": 0, "indices": tf.range(3, dtype=tf.int64)}
    still = Deformation(0, 0, 0, 0, 0)
    np.testing.assert_allclose(deform_images(images, still, **keys), images, atol=1e-3)
    half = deform_images(images, still, image_size=(4, 4), **keys)
    means = images.numpy().reshape(3, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(half, means, atol=1e-3)


def test_ink_that_moves_leaves_paper_behind_in_black_on_white_and_white_on_black():
    ink = np.zeros((1, 16, 16, 1), np.float32)
    ink[:, 6:10, 6:10] = 255.0
    far = Deformation(rotation=45, shear=0, scale=0, shift=0.3, elastic=0.05)
    keys = {"seed": 1, "epoch": 0, "indices": tf.constant([5], tf.int64)}
    white, black = (deform_images(tf.constant(x), far, **keys).numpy() for x in (ink, 255 - ink))
    np.testing.assert_allclose(white, 255 - black, atol=1e-2)
    assert white[0, 0].max() < 1 and 0.5 < white.sum() / ink.sum() < 1.5
