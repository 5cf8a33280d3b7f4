"""A model whose probabilities are the mean of those of several networks."""

import keras
import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_backbone, small_classifier
from tl_keras import classifier_of, fine_tune, freeze, load_model, replace_head, unfreeze
from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.grad_cam import grad_cam
from tl_keras.evaluation.classifiers.prediction import predict_views
from tl_keras.models.averaged_classifier import build_averaged_classifier, networks_of
from tl_keras.models.backbones.backbone import build_backbone, get_backbone
from tl_keras.models.backbones.weights_files import load_weights
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.models.keras_private import all_layers, users_of
from tl_keras.models.signature import gives_logits
from tl_keras.training.temperature import fold_temperature, tempered

IMAGES = coloured_images(12, seed=1)[0].astype(np.float32)


def made(layer="high_conv", **how):
    """(classifier, weights of two others above its frozen part, its output with either)"""
    model = small_classifier(head="linear", dropout=0.1, **how)
    if layer == "all":
        unfreeze(model, all=True, batch_norm="train")
    else:
        unfreeze(model, from_layer=layer, batch_norm="train")
    upper = cut_at_frozen(model).suffix
    own, members, outputs = upper.get_weights(), [], []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        members.append([w + abs(0.3 * rng.normal(size=w.shape)).astype("f") for w in own])
        upper.set_weights(members[-1])
        outputs.append(model(IMAGES, training=False).numpy())
    upper.set_weights(own)
    outputs.insert(0, model(IMAGES, training=False).numpy())
    return model, members, outputs


@pytest.mark.parametrize("layer", ["high_conv", "high_bn", "all"])
def test_output_is_the_mean_of_the_networks_one_by_one(layer, tmp_path):
    model, members, outputs = made(layer)
    averaged = build_averaged_classifier(model, members)
    expected = np.mean(outputs, axis=0)
    assert np.ptp(outputs, axis=0).max() > 0.05  # the networks differ
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-6)
    averaged.save(tmp_path / "model.keras")
    plain = keras.saving.load_model(tmp_path / "model.keras")  # without this package's classes
    np.testing.assert_allclose(plain.predict(IMAGES, verbose=0), expected, atol=1e-6)
    for each in (averaged, load_model(tmp_path / "model.keras")):
        single = classifier_of(each)
        np.testing.assert_allclose(single(IMAGES), outputs[0], atol=1e-6)
        assert [layer.name for layer in single.layers] == [layer.name for layer in model.layers]
        backbone = get_backbone(each)
        assert backbone.name == "small" and len(backbone.outputs) == 1
        np.testing.assert_allclose(backbone(IMAGES), get_backbone(model)(IMAGES), atol=1e-6)
        assert not gives_logits(each)


@pytest.mark.parametrize("layer", ["high_conv", "high_bn"])
def test_frozen_part_is_there_once(layer):
    model, members, _ = made(layer)
    averaged = build_averaged_classifier(model, members)
    names = [each.name for each in all_layers(averaged)]
    lower = [each for each in cut_at_frozen(model).prefix.layers if each.weights]
    assert lower and all(names.count(each.name) == 1 for each in lower)
    assert names.count("high_conv") == (3 if layer == "high_conv" else 1)
    assert len(networks_of(averaged)) == 3
    [image] = [each for each in averaged.layers if isinstance(each, keras.layers.InputLayer)]
    assert [user.name for user in users_of(image)] == ["classifier"]  # others begin above the cut
    more = sum(w.size for weights in members for w in weights)
    assert averaged.count_params() == model.count_params() + more


def test_layers_of_the_classifier_are_shared():
    model, members, _ = made()
    averaged = build_averaged_classifier(model, members)
    model.layers[-1].set_weights([2 * w for w in model.layers[-1].get_weights()])
    np.testing.assert_allclose(classifier_of(averaged)(IMAGES), model(IMAGES), atol=1e-6)


def test_each_network_is_a_view_and_a_temperature_in_each_tempers_all():
    model, members, outputs = made()
    averaged = build_averaged_classifier(model, members)
    views = predict_views(averaged, [IMAGES])
    np.testing.assert_allclose(views, outputs, atol=1e-6)
    assert predict_views(averaged, [IMAGES], flips=True).shape == (6, 12, 3)
    for network in networks_of(averaged):
        fold_temperature(network, 1.7)
    np.testing.assert_allclose(averaged(IMAGES), tempered(np.array(outputs), 1.7), atol=1e-6)


def test_logits_become_probabilities():
    model, members, outputs = made(classifier_activation=None)
    averaged = build_averaged_classifier(model, members, logits=True)
    expected = np.mean([keras.ops.softmax(each) for each in outputs], axis=0)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-6)
    assert not gives_logits(averaged)


def test_everything_that_goes_on_takes_the_single_classifier(tmp_path):
    model, members, _ = made()
    averaged = build_averaged_classifier(model, members)
    averaged.save(tmp_path / "model.keras")
    encoder = build_backbone(tmp_path / "model.keras")
    np.testing.assert_allclose(encoder(IMAGES), get_backbone(model)(IMAGES), atol=1e-6)
    assert replace_head(averaged, 5).output_shape == (None, 5)
    np.testing.assert_allclose(grad_cam(averaged, IMAGES, 1), grad_cam(model, IMAGES, 1), atol=1e-4)
    fresh = small_backbone()
    load_weights(fresh, tmp_path / "model.keras")
    np.testing.assert_allclose(fresh(IMAGES), get_backbone(model)(IMAGES), atol=1e-6)
    loaded = classifier_of(load_model(tmp_path / "model.keras"))
    data = coloured_images()
    history = fine_tune(loaded, data, epochs=1, augment="none", unfreeze="from:high_conv", lr=1e-3)
    assert history.from_linear is not None


def test_a_model_that_averages_is_not_trained_as_one_network():
    model, members, _ = made()
    averaged = build_averaged_classifier(model, members)
    with pytest.raises(InputError, match=r"mean of 3. Give classifier_of\(model\)"):
        fine_tune(averaged, coloured_images())


def test_weights_of_another_part_are_refused():
    model, members, _ = made()
    freeze(model)
    with pytest.raises(InputError, match="Expected 2 weights of each network above the frozen"):
        build_averaged_classifier(model, members)
