"""The nearest image against a plain search."""

import numpy as np
import pytest

from tl_keras.evaluation.encoders import distances
from tl_keras.evaluation.encoders.distances import nearest_images, squared_distances

RNG = np.random.default_rng(0)


def test_squared_distances_are_those_of_pairs():
    a, b = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))
    expected = [[((p - q) ** 2).sum() for q in b] for p in a]
    np.testing.assert_allclose(squared_distances(a, b), expected, atol=1e-12)


@pytest.mark.parametrize("block", [3, 1024])
def test_the_nearest_of_each_is_found_and_copies_are_at_zero(block, monkeypatch):
    monkeypatch.setattr(distances.row_blocks, "__defaults__", (block,))
    monkeypatch.setattr(distances, "_BLOCK", block)
    images = RNG.integers(0, 256, (50, 6, 6), dtype=np.uint8)
    samples = RNG.integers(0, 256, (11, 6, 6), dtype=np.uint8)
    samples[[2, 9]] = images[[41, 0]]
    rows, far = nearest_images(samples[..., None], images[..., None])
    for sample, row, distance in zip(samples, rows, far, strict=True):
        plain = [np.sqrt(np.mean((sample / 1.0 - image) ** 2)) for image in images]
        assert row == np.argmin(plain)
        np.testing.assert_allclose(distance, min(plain), rtol=1e-9)
    assert list(np.flatnonzero(far == 0)) == [2, 9]
