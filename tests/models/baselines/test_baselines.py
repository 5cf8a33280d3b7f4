"""Contract of all networks trained from scratch: pixels in, probabilities out, saved, retrained."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tl_keras import CNN, MLP, RNN, InputError, load_model

BUILDERS = {
    "mlp": lambda **how: MLP(3, hidden_units=(8, 6), dropout=0.2, **how),
    "lenet": lambda **how: CNN(3, **how),
    "small": lambda **how: CNN(3, architecture="small", **how),
    "lstm": lambda **how: RNN(3, units=5, dropout=0.2, **how),
    "gru": lambda **how: RNN(3, cell="gru", units=5, **how),
}
each_network = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
LABELS = np.arange(6) % 3


def built(build, shape=(None, 16, 16, 3), **how):
    keras.utils.set_random_seed(0)
    model = build(**how)
    model.build(shape)
    return model


@pytest.mark.parametrize(
    "build", [*BUILDERS.values(), lambda: CNN(3, "dropout")], ids=[*BUILDERS, "dropout"]
)
def test_a_network_trains_saves_and_reloads(build):
    reloaded = check_model(build, IMAGES, LABELS, probabilities=True)
    assert reloaded.input_shape == (None, 16, 16, 3)
    assert reloaded.output_shape == (None, 3)


@each_network
def test_the_safe_loader_takes_it_with_its_optimizer(build, tmp_path):
    model = built(build)
    # One step is quicker so than traced.
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(IMAGES, LABELS, verbose=0)
    model.save(tmp_path / "net.keras")
    again = load_model(tmp_path / "net.keras", compile=True)
    np.testing.assert_array_equal(again(IMAGES), model(IMAGES))
    assert int(again.optimizer.iterations) == 1


@each_network
def test_uint8_and_float_pixels_are_the_same_image(build):
    model = built(build)
    np.testing.assert_allclose(model(IMAGES), model(IMAGES.astype("float32")), atol=1e-6)


@each_network
def test_grey_images_come_with_or_without_a_channel(build):
    model = built(build, (None, 16, 16))
    gray = IMAGES[..., 0]
    assert model.input_shape == (None, 16, 16, 1)
    np.testing.assert_array_equal(model(gray), model(gray[..., None]))


@each_network
def test_softmax_of_the_logits_is_the_probabilities(build):
    logits, probabilities = built(build, classifier_activation=None), built(build)
    probabilities.set_weights(logits.get_weights())
    np.testing.assert_allclose(keras.ops.softmax(logits(IMAGES)), probabilities(IMAGES), atol=1e-6)


@pytest.fixture
def global_policy():
    """Sets the global policy for one test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def formats(model):
    return {layer.compute_dtype for layer in model.body}


@pytest.mark.parametrize(
    ("name", "policy", "by"),
    [
        ("mlp", "mixed_bfloat16", "argument"),
        ("lenet", "mixed_float16", "argument"),
        ("small", "mixed_bfloat16", "global policy"),
        ("lstm", "mixed_float16", "global policy"),
        ("gru", "mixed_bfloat16", "argument"),
    ],
)
def test_layers_compute_in_half_and_give_float32_also_after_loading(
    name, policy, by, tmp_path, global_policy
):
    plain = built(BUILDERS[name])
    if by == "argument":
        model = built(BUILDERS[name], dtype=policy)
    else:
        global_policy(policy)
        model = built(BUILDERS[name])
        global_policy("float32")
    half = policy.removeprefix("mixed_")
    assert keras.config.dtype_policy().name == "float32"
    assert formats(model) == {half}
    outputs = model(IMAGES)
    assert outputs.dtype == model.predict(IMAGES, verbose=0).dtype == "float32"
    np.testing.assert_allclose(outputs, plain(IMAGES), atol=0.03)
    assert np.abs(outputs - plain(IMAGES)).max() > 0
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    model.save(tmp_path / "net.keras")
    loaded = load_model(tmp_path / "net.keras")
    assert formats(loaded) == formats(model.for_classes(4)) == {half}
    np.testing.assert_array_equal(loaded(IMAGES), outputs)


@pytest.mark.parametrize("name", ["mlp", "lenet", "lstm"])
def test_a_float32_network_stays_one_under_another_global_policy(name, tmp_path, global_policy):
    built(BUILDERS[name]).save(tmp_path / "net.keras")
    global_policy("mixed_bfloat16")
    assert formats(load_model(tmp_path / "net.keras")) == {"float32"}
    assert formats(built(BUILDERS[name], dtype="float32")) == {"float32"}
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


@pytest.mark.parametrize("name", ["mlp", "lenet", "lstm"])
def test_a_network_trains_in_float16_with_a_scaled_loss(name):
    model = built(BUILDERS[name], dtype="mixed_float16")
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = model.get_weights()
    losses = model.fit(IMAGES, LABELS, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert any((b != a).any() for b, a in zip(before, model.get_weights(), strict=True))


@each_network
def test_weights_in_half_precision_are_refused(build):
    with pytest.raises(InputError, match="dtype to be one of float32.*received dtype='float16'"):
        build(dtype="float16")


@each_network
def test_a_scale_of_the_inputs_is_kept(build, tmp_path):
    """For images that are scaled already; a reloaded model would see them 255 times darker."""
    scaled, plain = built(build, scale=1.0), built(build)
    plain.set_weights(scaled.get_weights())
    np.testing.assert_allclose(scaled(IMAGES / 255.0), plain(IMAGES), atol=1e-5)
    scaled.save(tmp_path / "net.keras")
    for other in (load_model(tmp_path / "net.keras"), scaled.for_classes(5)):
        assert other.scale == 1.0


@each_network
def test_the_network_is_a_layer_of_a_functional_model_too(build):
    model = built(build)
    image = keras.Input((16, 16, 3))
    outer = keras.Model(image, model(image))
    assert outer.output_shape == (None, 3)
    np.testing.assert_array_equal(outer(IMAGES), model(IMAGES))


@each_network
def test_other_classes_keep_every_weight_but_the_last_layers(build):
    model = built(build)
    other = model.for_classes(7)
    assert other.output_shape == (None, 7)
    kept = [layer.get_weights() for layer in model.body]
    for mine, its in zip(kept, [layer.get_weights() for layer in other.body], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, its, strict=True))
    other.predictions.set_weights([w + 1 for w in other.predictions.get_weights()])
    assert model.predictions.kernel.shape[-1] == 3


def test_relu_layers_start_with_he_variance():
    keras.utils.set_random_seed(0)
    model = MLP(2, hidden_units=(400, 400))
    model.build((None, 28, 28))
    deviation = model.get_layer("dense_2").kernel.numpy().std()
    assert deviation == pytest.approx(np.sqrt(2 / 400), rel=0.02)


@each_network
def test_images_of_another_size_are_refused_in_one_line(build):
    model = built(build)
    with pytest.raises(InputError, match=r"shape \(16, 16, 3\), for which .*received \(20, 20, 3"):
        model(np.zeros((2, 20, 20, 3), "uint8"))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None, 784), r"shape \(b, height, width\), .*received \(None, 784\)"),
        ((None, 16, 16, 4), r"received \(None, 16, 16, 4\)"),
        ((None, 2, 16, 16, 3), "Expected images of shape"),
        ((None, None, None, 3), "images of a known size, at least 16 x 16 pixels for this CNN"),
        ((None, 15, 16, 1), r"at least 16 x 16 pixels .*received \(None, 15, 16, 1\)"),
    ],
)
def test_impossible_shapes_are_refused(shape, message):
    with pytest.raises(InputError, match=message) as caught:
        CNN(3).build(shape)
    assert "\n" not in str(caught.value)


def test_the_first_call_refuses_in_one_line_too():
    with pytest.raises(InputError, match="at least 16 x 16") as caught:
        CNN(3)(np.zeros((2, 8, 8), "uint8"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MLP(1), "num_classes to be an integer >= 2; received num_classes=1"),
        (lambda: CNN(2.5), "num_classes to be an integer >= 2"),
        (lambda: MLP(3, dropout=1.0), "dropout to be a number >= 0 and < 1; received dropout=1"),
        (lambda: MLP(3, hidden_units=(8, 0)), "hidden_units to be an integer >= 1"),
        (lambda: MLP(3, hidden_units=8), r"tuple of widths, .*received hidden_units=8"),
        (lambda: CNN(3, "lenett"), "architecture to be one of lenet, .*'lenett'"),
        (lambda: RNN(3, "lstn"), "cell to be one of lstm, gru; received cell='lstn'"),
        (lambda: RNN(3, units=0), "units to be an integer >= 1"),
        (lambda: RNN(3, return_sequences="yes"), "True or False; received return_sequences='yes'"),
        (lambda: RNN(3, scale=0), "scale to be a number > 0"),
        (lambda: MLP(3, scale=0), "scale to be a number > 0"),
    ],
)
def test_wrong_arguments_are_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()
