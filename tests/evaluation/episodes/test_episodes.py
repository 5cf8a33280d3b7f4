"""Accuracy over episodes, and baselines that need no training."""

import numpy as np
import pytest
from PIL import Image

from tl_keras import ImageDataset, build_small_resnet, draw_letters
from tl_keras.checks import InputError
from tl_keras.data.pipelines.episodes import TaskSampler
from tl_keras.evaluation.episodes.accuracy import episode_accuracies
from tl_keras.evaluation.episodes.hausdorff import NearestInk, hausdorff, ink_points
from tl_keras.evaluation.episodes.on_features import NearestPrototype, copied_features
from tl_keras.evaluation.episodes.pixels import NearestPixels
from tl_keras.evaluation.episodes.standard_runs import read_runs, run_accuracies

LETTERS, LABELS = draw_letters(4, image_size=16)
DATA = ImageDataset.from_arrays(255 - LETTERS, LABELS)
TASKS = TaskSampler(5, 1, 2).tasks(DATA)


class Knowing:
    """Answers with the label that it finds in the first pixel."""

    def fit_support(self, images, labels):
        self.classes = set(labels)

    def predict(self, queries, wrong=False):
        found = queries[:, 0, 0].astype(int)
        assert set(found) <= self.classes
        return found + wrong


def test_the_accuracy_of_an_episode_is_the_share_of_its_queries():
    x = np.repeat(np.arange(8, dtype=np.uint8), 3)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    tasks = TaskSampler(4, 1, 2).tasks(ImageDataset.from_arrays(x, np.repeat(range(8), 3)))
    assert episode_accuracies(Knowing(), tasks, 5).tolist() == [1.0] * 5
    assert episode_accuracies(Knowing(), tasks, 5, wrong=True).tolist() == [0.0] * 5
    features = np.eye(8)[np.repeat(range(8), 3)]
    assert episode_accuracies(NearestPrototype(), tasks, 3, features=features).tolist() == [1.0] * 3


@pytest.mark.parametrize("learner", [NearestPixels(), NearestInk()])
def test_baselines_recognise_letters_better_than_by_chance_and_the_support_itself(learner):
    assert episode_accuracies(learner, TASKS, 40).mean() > 0.35
    again = episode_accuracies(learner, TASKS, 6, first=3)
    np.testing.assert_array_equal(again[:3], episode_accuracies(learner, TASKS, 6)[3:])
    shown = DATA.images[[0, 1, 2]]
    assert list(learner.fit_support(shown, ["a", "b", "c"]).predict(shown[::-1])) == ["c", "b", "a"]


def test_the_modified_hausdorff_distance_equals_a_slow_loop():
    first, second = (ink_points(DATA.images[row]) for row in (0, 1))

    def mean_nearest(points, others):
        return np.mean([min(np.hypot(*(p - q)) for q in others) for p in points])

    expected = max(mean_nearest(first, second), mean_nearest(second, first))
    assert hausdorff(first, second) == pytest.approx(expected, rel=1e-4)
    assert hausdorff(second, first) == pytest.approx(expected, rel=1e-4)
    assert hausdorff(first, first) == pytest.approx(0, abs=1e-2)
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=1e-4)
    assert ink_points(np.full((4, 4), 255)).shape == (1, 2), "an empty image is no error"


def test_a_prototype_is_the_mean_of_features_of_length_one():
    features = np.array([[2, 0], [0, 5], [-1, 0]], np.float32)
    learner = NearestPrototype().fit_support(features, ["a", "a", "b"])
    queries = np.array([[1, 1], [-1, -0.5], [1, -0.9]], np.float32)
    assert list(learner.predict(queries)) == ["a", "b", "a"]


def test_features_of_copies_are_means_and_without_copies_those_of_the_encoder():
    encoder = build_small_resnet(16, width=2)
    plain = copied_features(encoder, DATA, copies=0)
    rgb = np.repeat(DATA.images[..., None], 3, axis=-1)
    expected = np.asarray(encoder(rgb.astype(np.float32), training=False))
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(plain, expected, atol=1e-4)
    one = copied_features(encoder, DATA, copies=1)
    assert np.abs(one - plain).max() > 1e-3
    lengths = np.linalg.norm(one, axis=1)
    assert (lengths < 1.0001).all() and lengths.min() < 0.9999, "a mean of two of length 1"
    np.testing.assert_array_equal(one, copied_features(encoder, DATA, copies=1))


def test_standard_runs_are_read_and_scored(tmp_path):
    lines = []
    for number in range(3):
        for part, name in (("training", f"class{number:02d}"), ("test", f"item{number:02d}")):
            (tmp_path / "run01" / part).mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(DATA.images[2 - number if part == "test" else number])
            image.save(tmp_path / "run01" / part / f"{name}.png")
        item, label = (
            f"run01/test/item{number:02d}.png",
            f"run01/training/class{2 - number:02d}.png",
        )
        lines.append(f"{item} {label}\n")
    (tmp_path / "run01" / "class_labels.txt").write_text("".join(lines), encoding="utf-8")
    (run,) = read_runs(tmp_path, image_size=16)
    assert run.name == "run01" and run.answers.tolist() == [2, 1, 0]
    np.testing.assert_array_equal(run.support, DATA.images[:3])
    assert run_accuracies(NearestPixels(), [run]).tolist() == [1.0]
    with pytest.raises(InputError, match="class_labels.txt, as in Omniglot's one-shot runs"):
        read_runs(tmp_path / "run01")
