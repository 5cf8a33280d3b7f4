"""A model that answers or leaves an image to a person, in Keras's own layers."""

import keras
import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_backbone
from tl_keras import build_classifier, classifier_of, fine_tune, load_model, replace_head
from tl_keras.checks import InputError
from tl_keras.models.answers.answering_model import (
    NOTHING,
    answers,
    build_answering_model,
    certainty,
    features_model,
    probabilities_model,
)
from tl_keras.models.answers.local_distance import fit_local_distance
from tl_keras.models.backbones.backbone import build_backbone, get_backbone
from tl_keras.models.signature import gives_logits


@pytest.fixture(scope="module")
def images():
    return coloured_images(24, seed=1)[0].astype(np.float32)


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(5)
    return build_classifier(small_backbone(), 3)


@pytest.fixture(scope="module")
def distance(classifier, images):
    features = keras.Model(classifier.input, classifier.get_layer("predictions").input)
    return fit_local_distance(features(images[:12]).numpy())


@pytest.fixture(scope="module")
def calibrated(classifier, distance, images):
    """A model that answers some of the images and leaves others for each of both reasons."""
    raw = build_answering_model(classifier, distance, flips=True)(images)
    novelty = raw["novelty"].numpy()
    limit = np.quantile(novelty, 0.7)
    sure = certainty(raw["probabilities"].numpy(), novelty - limit)
    least = np.quantile(sure[novelty <= limit], 0.4)
    return build_answering_model(
        classifier,
        distance,
        flips=True,
        least_certainty=float(least) - 1e-4,
        largest_novelty=float(limit) + 1e-4,
    )


def test_outputs_are_those_of_a_slow_version(calibrated, classifier, distance, images):
    found = {name: value.numpy() for name, value in calibrated(images).items()}
    views = [images, images[:, :, ::-1]]
    probabilities = np.mean([classifier(view) for view in views], axis=0)
    features = keras.Model(classifier.input, classifier.get_layer("predictions").input)
    far = np.mean([distance.model()(features(view)) for view in views], axis=0)
    logs = np.log(probabilities)
    novelty = far - 0.5 * (logs.max(axis=1) - logs.mean(axis=1))
    shift = novelty - found["novelty"]
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-6)
    np.testing.assert_allclose(shift, shift[0], atol=1e-3)
    sure = logs.max(axis=1) - 0.05 * found["novelty"]
    np.testing.assert_allclose(certainty(found["probabilities"], found["novelty"]), sure, atol=1e-4)
    answered = found["answer"] >= 0
    assert answered.any() and (found["novelty"] > 0).any()
    assert (~answered & (found["novelty"] <= 0)).any()
    np.testing.assert_array_equal(found["answer"][answered], probabilities.argmax(1)[answered])
    assert sure[answered].min() > sure[~answered & (found["novelty"] <= 0)].max()
    assert not answered[found["novelty"] > 0].any()


def test_saved_model_answers_the_same_with_plain_keras(calibrated, images, tmp_path):
    calibrated.save(tmp_path / "model.keras")
    expected = calibrated.predict(images, verbose=0)
    for again in (keras.saving.load_model, load_model):
        model = again(tmp_path / "model.keras")
        assert answers(model)
        for name, values in model.predict(images, verbose=0).items():
            np.testing.assert_array_equal(values, expected[name])


def test_outputs_keep_their_precision_where_the_backbone_has_less(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        classifier = build_classifier(small_backbone(), 3)
        features = features_model(classifier)(images[:12])
        model = build_answering_model(
            classifier, fit_local_distance(features.numpy().astype(np.float32)), flips=True
        )
    finally:
        keras.config.set_dtype_policy("float32")
    found = model(images)
    views = [classifier(view).numpy() for view in (images, images[:, :, ::-1])]
    np.testing.assert_allclose(found["probabilities"], np.mean(views, axis=0), atol=1e-6)
    assert found["novelty"].dtype == "float32"


def test_probabilities_of_logits_are_means_of_softmax_over_views(images):
    logits = build_classifier(small_backbone(), 3, classifier_activation=None)
    found = probabilities_model(logits, flips=True, logits=True)(images)
    views = [keras.ops.softmax(logits(view)) for view in (images, images[:, :, ::-1])]
    assert set(found) == {"probabilities"}
    np.testing.assert_allclose(found["probabilities"], np.mean(views, axis=0), atol=1e-6)


def test_nothing_is_answered_where_nothing_can_be_promised(classifier, distance, images):
    model = build_answering_model(
        classifier, distance, least_certainty=NOTHING, largest_novelty=1e6
    )
    assert (model(images)["answer"].numpy() == -1).all()


def test_image_that_is_no_number_is_not_answered(calibrated, images):
    damaged = np.full_like(images[:1], np.nan)
    assert calibrated(damaged)["answer"].numpy() == [-1]


def test_classifier_within_can_be_trained_on(calibrated, images, tmp_path):
    calibrated.save(tmp_path / "model.keras")
    classifier = classifier_of(load_model(tmp_path / "model.keras"))
    assert [layer.name for layer in classifier.layers][-1] == "predictions"
    assert get_backbone(classifier).name == "small"
    before = classifier.predict(images, verbose=0)
    labels = np.arange(len(images)) % 3
    history = fine_tune(classifier, (images, labels), epochs=1, freeze_epochs=0)
    assert history.epoch
    assert not np.allclose(classifier.predict(images, verbose=0), before)


def test_other_models_are_their_own_classifier(classifier):
    assert classifier_of(classifier) is classifier
    assert not answers(classifier)


def test_backbone_and_head_of_a_model_that_answers_are_found(calibrated, tmp_path, images):
    calibrated.save(tmp_path / "model.keras")
    assert get_backbone(calibrated).name == "small"
    assert replace_head(calibrated, 5).output_shape == (None, 5)
    backbone = build_backbone(tmp_path / "model.keras")
    np.testing.assert_allclose(backbone(images), get_backbone(calibrated)(images), atol=1e-6)


def test_functions_of_a_classifier_name_the_way_to_it(calibrated, images):
    with pytest.raises(InputError, match="received a model that answers.*classifier_of"):
        gives_logits(calibrated)
    with pytest.raises(InputError, match="received a model that answers.*classifier_of"):
        fine_tune(calibrated, (images, np.arange(len(images)) % 3))


def test_foreign_model_with_these_outputs_is_refused():
    image = keras.Input((4, 4, 3))
    names = ("probabilities", "novelty", "answer")
    outputs = {name: keras.layers.Flatten(name=name)(image) for name in names}
    with pytest.raises(InputError, match="train --max-error` wrote; received 'foreign'"):
        classifier_of(keras.Model(image, outputs, name="foreign"))
