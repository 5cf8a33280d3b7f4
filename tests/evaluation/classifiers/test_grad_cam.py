"""Grad-CAM against finite differences and against the class activation mapping of linear heads."""

import keras
import numpy as np
import pytest

from tests.training.small_models import SIZE, coloured_images, small_classifier
from tl_keras import MLP, ImageDataset, InputError, grad_cam
from tl_keras.evaluation.classifiers.grad_cam import GradCAM
from tl_keras.models.answers.answering_model import build_answering_model, features_model
from tl_keras.models.answers.local_distance import fit_local_distance
from tl_keras.training.temperature import fold_temperature

IMAGES, LABELS = coloured_images(5)


@pytest.fixture(scope="module")
def model():
    """A classifier with two Dense layers above the feature map."""
    return small_classifier()


def enlarged(heat):
    """The map at the size of the images, divided by its largest value."""
    heat = np.asarray(keras.ops.image.resize(heat[..., None], (SIZE, SIZE)))[..., 0]
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), 1e-12)


def slow_grad_cam(model, images, classes):
    """Each derivative as a difference of two logits, position by position."""
    parts = GradCAM(model).parts
    maps = np.asarray(parts.below(images.astype("float32"), training=False))
    heat, step = np.zeros(maps.shape[:3]), 0.05
    for number, (each, chosen) in enumerate(zip(maps, classes, strict=True)):
        for channel in range(maps.shape[-1]):
            moved = np.repeat(each[None], 2 * each[..., 0].size, axis=0)
            places = list(np.ndindex(each.shape[:2]))
            for place, (row, column) in enumerate(places):
                moved[2 * place, row, column, channel] += step
                moved[2 * place + 1, row, column, channel] -= step
            logits = np.asarray(parts.above(moved, training=False))[:, chosen]
            derivatives = (logits[0::2] - logits[1::2]) / (2 * step)
            heat[number] += derivatives.mean() * each[..., channel]
    return enlarged(np.maximum(heat, 0).astype("float32"))


def test_maps_equal_a_slow_version_with_finite_differences(model):
    classes = [0, 1, 2, 1, 0]
    found = grad_cam(model, IMAGES, classes)
    assert found.shape == (5, SIZE, SIZE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, slow_grad_cam(model, IMAGES, classes), atol=0.02)
    assert found.std() > 0.1


@pytest.mark.parametrize("activation", ["softmax", None])
def test_with_average_pooling_and_one_dense_layer_the_weights_are_those_of_the_class(activation):
    """The closed form: class activation mapping (Zhou et al. 2016)."""
    model = small_classifier(3, head="linear", classifier_activation=activation)
    maps = np.asarray(model.get_layer("small")(IMAGES.astype("float32"), training=False))
    kernel = model.get_layer("predictions").get_weights()[0]
    expected = enlarged(np.maximum(maps @ kernel, 0)[..., 2])
    np.testing.assert_allclose(grad_cam(model, IMAGES, 2), expected, atol=1e-5)
    fold_temperature(model, 0.01)  # softmax is 1 or 0: its own gradient would vanish
    assert activation is None or (np.asarray(model(IMAGES)).max(axis=1) > 0.999).all()
    np.testing.assert_allclose(grad_cam(model, IMAGES, 2), expected, atol=1e-5)


def test_the_predicted_class_is_the_default_and_batches_change_nothing(model):
    model.trainable = False
    classes = np.asarray(model(IMAGES.astype("float32"))).argmax(axis=1)
    found = grad_cam(model, IMAGES)
    np.testing.assert_array_equal(found, grad_cam(model, IMAGES, classes))
    np.testing.assert_allclose(found, grad_cam(model, IMAGES, batch_size=2), atol=1e-6)
    assert np.abs(found - grad_cam(model, IMAGES, (classes + 1) % 3)).max() > 0.1
    assert found.min() >= 0
    assert set(found.max(axis=(1, 2)).round(6)) <= {0.0, 1.0}
    assert grad_cam(model, IMAGES[:0]).shape == (0, SIZE, SIZE)


def test_a_data_set_is_resized_and_gives_the_same_as_its_pixels(model):
    large = IMAGES.repeat(2, axis=1).repeat(2, axis=2)
    data = ImageDataset.from_arrays(large, LABELS)
    pixels = np.stack([data.resized(row, (SIZE, SIZE)) for row in range(5)])
    np.testing.assert_allclose(
        grad_cam(model, data, batch_size=2), grad_cam(model, pixels), atol=1e-6
    )
    assert grad_cam(model, data.subset(np.arange(0))).shape == (0, SIZE, SIZE)


@pytest.mark.parametrize(
    ("images", "classes", "message"),
    [
        (IMAGES[:, :8], None, r"Expected images \(n, 16, 16, 3\).*received shape \(5, 8, 16, 3\)"),
        (IMAGES[..., 0], None, r"received shape \(5, 16, 16, 1\)"),
        (IMAGES, 3, "class_index to be an integer from 0 to 2.*received 3"),
        (IMAGES, [0, 1], "one for each of 5 images"),
        (IMAGES, 0.5, "received 0.5"),
    ],
)
def test_other_images_and_classes_are_refused(model, images, classes, message):
    with pytest.raises(InputError, match=message):
        grad_cam(model, images, classes)


def test_a_network_without_feature_maps_is_refused():
    mlp = MLP(3)
    mlp.build((None, 8, 8))
    with pytest.raises(InputError, match="no heatmap"):
        grad_cam(mlp, np.zeros((1, 8, 8)))


def test_a_model_that_answers_is_explained_by_the_classifier_inside():
    plain = small_classifier(head="linear", dropout=0.0)
    features = features_model(plain)(IMAGES.astype("float32")).numpy()
    whole = build_answering_model(plain, fit_local_distance(features), flips=True)
    np.testing.assert_allclose(grad_cam(whole, IMAGES), grad_cam(plain, IMAGES), atol=1e-5)
