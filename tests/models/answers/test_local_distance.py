"""Distance to the nearest training images, against a slow version."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.models.answers import local_distance
from tl_keras.models.answers.local_distance import fit_local_distance, held_rows


def _slow(references, features):
    """Distances of features by loops over all pairs, and those of the references themselves."""

    def cosine(a, b):
        return 1 - float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))

    def others(i):
        return [cosine(references[i], r) for j, r in enumerate(references) if j != i]

    scales = [max(np.mean(sorted(others(i))[:5]), 0.02) for i in range(len(references))]

    def relative(x, left_out=None):
        rows = [i for i in range(len(references)) if i != left_out]
        return np.mean(sorted(cosine(x, references[i]) / scales[i] for i in rows)[:3])

    own = [relative(r, i) for i, r in enumerate(references)]
    return (np.array([relative(x) for x in features]) - np.mean(own)) / np.std(own)


def test_layers_compute_what_loops_over_pairs_compute(monkeypatch):
    monkeypatch.setattr(local_distance, "_BLOCK", 7)  # blocks that do not divide the rows
    rng = np.random.default_rng(0)
    references, features = rng.normal(size=(2, 20, 6)).astype(np.float32)
    model = fit_local_distance(references).model()
    np.testing.assert_allclose(model(features), _slow(references, features), rtol=1e-3, atol=1e-3)
    assert not model.trainable_weights


def test_length_of_the_features_and_copies_do_not_matter():
    rng = np.random.default_rng(1)
    references = np.repeat(rng.normal(size=(6, 4)), 4, axis=0).astype(np.float32)
    model = fit_local_distance(references).model()
    seen, new = references[:3], rng.normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(model(3 * seen), model(seen), atol=1e-3)
    assert np.isfinite(model(seen)).all()
    assert np.max(model(seen)) < np.min(model(new))


def test_of_many_images_a_part_is_held_with_the_shares_of_the_classes():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [15_000, 4_000, 1_000]))
    rows = held_rows(labels)
    assert len(np.unique(rows)) == 4096
    np.testing.assert_allclose(np.bincount(labels[rows]) / 4096, [0.75, 0.2, 0.05], atol=0.001)
    np.testing.assert_array_equal(rows, held_rows(labels))
    np.testing.assert_array_equal(held_rows(labels[:10]), np.arange(10))


@pytest.mark.parametrize(
    ("features", "words"),
    [(np.ones((2, 3)), "at least 3 training images"), (np.full((4, 3), np.nan), "finite features")],
)
def test_features_that_cannot_be_used_are_refused(features, words):
    with pytest.raises(InputError, match=words):
        fit_local_distance(features)
