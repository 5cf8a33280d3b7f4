"""A model whose probabilities are the average of those of several networks."""

import keras
import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_backbone, small_classifier
from tl_keras import (
    classifier_of,
    distill,
    fine_tune,
    fit_from_scratch,
    fit_with_pseudo_labels,
    freeze,
    load_model,
    prune,
    replace_head,
    unfreeze,
)
from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.grad_cam import grad_cam
from tl_keras.evaluation.classifiers.prediction import predict_views
from tl_keras.models.averaged_classifier import (
    build_averaged_classifier,
    model_of_each,
    networks_of,
)
from tl_keras.models.backbones.backbone import build_backbone, get_backbone
from tl_keras.models.backbones.weights_files import load_weights
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.models.keras_private import all_layers, users_of
from tl_keras.models.signature import gives_logits
from tl_keras.training.temperature import fold_temperature, tempered

IMAGES = coloured_images(12, seed=1)[0].astype(np.float32)
SHARES = [0.5, 0.3, 0.2]


def made(layer="high_conv", **how):
    """(classifier, its weights above the frozen part and two others, its output with each)"""
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
    return model, [own, *members], outputs


@pytest.mark.parametrize("layer", ["high_conv", "high_bn", "all"])
def test_output_is_the_average_of_the_networks_one_by_one(layer, tmp_path):
    model, members, outputs = made(layer)
    averaged = build_averaged_classifier(model, members, SHARES)
    expected = np.average(outputs, axis=0, weights=SHARES)
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
    averaged = build_averaged_classifier(model, members, SHARES)
    names = [each.name for each in all_layers(averaged)]
    lower = [each for each in cut_at_frozen(model).prefix.layers if each.weights]
    assert lower and all(names.count(each.name) == 1 for each in lower)
    assert names.count("high_conv") == (3 if layer == "high_conv" else 1)
    assert len(networks_of(averaged)) == 3
    [image] = [each for each in averaged.layers if isinstance(each, keras.layers.InputLayer)]
    assert [user.name for user in users_of(image)] == ["classifier"]  # others begin above the cut
    more = sum(w.size for weights in members[1:] for w in weights)
    assert averaged.count_params() == model.count_params() + more


def test_the_classifier_is_copied():
    model, members, outputs = made()
    averaged = build_averaged_classifier(model, members[::-1], SHARES)
    np.testing.assert_allclose(model(IMAGES), outputs[0], atol=1e-6)
    np.testing.assert_allclose(classifier_of(averaged)(IMAGES), outputs[2], atol=1e-6)
    model.layers[-1].set_weights([2 * w for w in model.layers[-1].get_weights()])
    expected = np.average(outputs[::-1], axis=0, weights=SHARES)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-6)


def test_views_are_those_of_the_average_and_of_each_network_apart():
    model, members, outputs = made()
    averaged = build_averaged_classifier(model, members, SHARES)
    expected = np.average(outputs, axis=0, weights=SHARES)
    np.testing.assert_allclose(predict_views(averaged, [IMAGES])[0], expected, atol=1e-6)
    apart = model_of_each(averaged)
    np.testing.assert_allclose(predict_views(apart, [IMAGES]), outputs, atol=1e-6)
    both = predict_views(apart, [IMAGES], flips=True)  # the image by each, then its mirror image
    mirrored = predict_views(apart, [IMAGES[:, :, ::-1]])
    np.testing.assert_allclose(both, [*outputs, *mirrored], atol=1e-6)
    for network in networks_of(averaged):
        fold_temperature(network, 1.7)
    hotter = [tempered(each[None], 1.7) for each in outputs]
    expected = np.average(hotter, axis=0, weights=SHARES)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-6)


def test_logits_become_probabilities():
    model, members, outputs = made(classifier_activation=None)
    averaged = build_averaged_classifier(model, members, SHARES, logits=True)
    expected = np.average([keras.ops.softmax(each) for each in outputs], axis=0, weights=SHARES)
    np.testing.assert_allclose(averaged(IMAGES), expected, atol=1e-6)
    assert not gives_logits(averaged)


def test_everything_that_goes_on_takes_the_single_classifier(tmp_path):
    model, members, _ = made()
    averaged = build_averaged_classifier(model, members, SHARES)
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
    averaged = build_averaged_classifier(model, members, SHARES)
    with pytest.raises(InputError, match=r"average of 3. Give classifier_of\(model\)"):
        fine_tune(averaged, coloured_images())


def test_weights_of_another_part_are_refused():
    model, members, _ = made()
    freeze(model)
    with pytest.raises(InputError, match="Expected 2 weights of each network above the frozen"):
        build_averaged_classifier(model, members, SHARES)


@pytest.mark.parametrize(
    "trained",
    [
        lambda model, data: prune(model, 0.5, data),
        lambda model, data: fit_from_scratch(model, data),
        lambda model, data: fit_with_pseudo_labels(model, data, data[0]),
        lambda model, data: distill(model, classifier_of(model), data),
        lambda model, data: fine_tune(model, data),
    ],
)
def test_what_trains_refuses_an_average(trained):
    model, members, _ = made()
    averaged = build_averaged_classifier(model, members, SHARES)
    before = averaged.get_weights()
    with pytest.raises(InputError, match=r"one network to train; received .*, the average of 3"):
        trained(averaged, coloured_images(12))
    for old, new in zip(before, averaged.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
