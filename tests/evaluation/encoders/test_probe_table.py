"""The table of encoders and controls: each row equals the single measurements."""

import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.encoders.clusters import (
    adjusted_mutual_information,
    cluster_features,
    purity,
)
from tl_keras.evaluation.encoders.probe_table import pixel_features, probe_table
from tl_keras.evaluation.encoders.probes import extract_features, knn_probe, linear_probe, unit_rows

RANDOM = np.random.default_rng(0)


def stripes(n, size=8):
    """Grey noise with stripes, across or along: told apart by an edge, not by brightness."""
    labels = np.arange(n) % 2
    across = np.where(np.arange(size) % 2, 60, -60)[None, :, None]
    pattern = np.where(labels[:, None, None] == 0, across, across.transpose(0, 2, 1))
    phase = RANDOM.choice([-1, 1], (n, 1, 1))
    x = 128 + phase * pattern + RANDOM.normal(0, 30, (n, size, size))
    return ImageDataset.from_arrays(np.clip(x, 0, 255).astype(np.uint8), labels)


def knowing_encoder():
    """Steps to the right and down, squared: what tells these stripes apart."""
    image = keras.Input((8, 8, 3), name="image")
    conv = keras.layers.Conv2D(2, 2, use_bias=False)
    x = keras.layers.GlobalAveragePooling2D()(conv(image) ** 2)
    kernel = np.zeros((2, 2, 3, 2))
    kernel[0, 0, 0], kernel[0, 1, 0, 0], kernel[1, 0, 0, 1] = 1, -1, -1
    conv.set_weights([kernel / 255])
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def parts():
    return stripes(40), stripes(60)


@pytest.fixture(scope="module")
def rows(parts):
    return probe_table({"knowing": knowing_encoder()}, *parts, unlabelled=stripes(100))


def test_rows_are_the_encoder_its_untrained_copy_and_the_pixels(rows):
    names = ["knowing", "knowing, untrained", "PCA of pixels", "pixels"]
    assert [row["features"] for row in rows] == names
    assert [row["dimensions"] for row in rows] == [2, 2, 50, 64]


def test_each_figure_is_that_of_the_single_measure(rows, parts):
    train, test = parts
    features = [extract_features(knowing_encoder(), part) for part in parts]
    data = features[0], train.labels, features[1], test.labels
    clusters = cluster_features(unit_rows(features[1]), 2).numbers
    assert rows[0] == {
        "features": "knowing",
        "dimensions": 2,
        "linear_probe": linear_probe(*data),
        "knn_probe": knn_probe(*data),
        "purity": purity(test.labels, clusters),
        "ami": adjusted_mutual_information(test.labels, clusters),
    }


def test_an_encoder_that_knows_is_ahead_of_each_control(rows):
    knowing, *controls = rows
    assert knowing["linear_probe"]["accuracy"] > 0.95
    assert knowing["knn_probe"]["accuracy"] > 0.95
    assert knowing["purity"] > 0.9
    assert all(row["purity"] < 0.8 and row["ami"] < 0.3 for row in controls[1:])


def test_components_equal_a_plain_decomposition(parts):
    train, test = parts
    pca, pixels = pixel_features(train, test, train, (8, 8), components=3)
    x = train.images.reshape(40, -1) / 255
    np.testing.assert_allclose(pixels.train, x, rtol=1e-6)
    directions = np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:3]
    expected = (test.images.reshape(60, -1) / 255 - x.mean(0)) @ directions.T
    np.testing.assert_allclose(np.abs(pca.test), np.abs(expected), rtol=1e-3, atol=1e-4)


def test_controls_can_be_left_out_and_wrong_input_is_refused(parts):
    assert len(probe_table({"a": knowing_encoder()}, *parts, controls=False)) == 1
    with pytest.raises(InputError, match="at least one encoder"):
        probe_table({}, *parts)
    without = ImageDataset.from_arrays(parts[0].images)
    with pytest.raises(InputError, match="labelled ImageDatasets"):
        probe_table({"a": knowing_encoder()}, without, parts[1])
