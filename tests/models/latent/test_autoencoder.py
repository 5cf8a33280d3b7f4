"""The autoencoder, and the behaviour it shares with the variational autoencoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.check_model import check_model
from tests.models.backbone_check import check_trains_as_backbone
from tests.models.images import blobs
from tl_keras import Autoencoder, build_backbone, load_model
from tl_keras.checks import DivergedError, InputError

COMPILE = {"optimizer": "adam", "run_eagerly": True}  # a few steps are quicker so than traced


def _small(**arguments):
    defaults = {"latent_dim": 3, "hidden_units": (8,), "seed": 0}
    return Autoencoder((8, 8), **{**defaults, **arguments})


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"noise": 0.3},
        {"input_shape": (8, 8, 3), "architecture": "conv", "filters": (4, 6), "hidden_units": ()},
    ],
    ids=["dense", "denoising", "conv"],
)
def test_a_model_learns_saves_and_goes_on(arguments):
    arguments = {"input_shape": (8, 8), "latent_dim": 3, "hidden_units": (8,)} | arguments
    x = blobs(8, channels=3 if len(arguments["input_shape"]) == 3 else None)
    check_model(lambda: Autoencoder(**arguments), x, None, compile_args=COMPILE)


def test_the_small_preset_is_784_64_32_latent():
    model = Autoencoder((28, 28), 32)
    kernels = [tuple(weight.shape) for weight in model.trainable_weights if weight.ndim == 2]
    expected = [(784, 64), (64, 32), (32, 32), (32, 32), (32, 64), (64, 784)]
    assert sorted(kernels) == sorted(expected)


def test_loss_is_the_mean_squared_error_of_its_own_reconstruction():
    model, x = _small(), blobs()
    model.compile()
    loss = model.evaluate(x, verbose=0, batch_size=20)
    shown = model.reconstruct(x)
    assert shown.shape == (32, 8, 8, 1) and 0 <= shown.min() <= shown.max() <= 255
    expected = (((shown[..., 0] - x) / 255.0) ** 2).mean((1, 2))
    np.testing.assert_allclose(model.reconstruction_error(x), expected, rtol=1e-4)
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-4)
    np.testing.assert_allclose(model.decode(model.encode(x)), shown, atol=1e-3)


def test_training_lowers_the_error_and_odd_images_stand_out():
    keras.utils.set_random_seed(0)
    model, x = _small(hidden_units=(32,), latent_dim=4), blobs(256)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(x, batch_size=32, epochs=15, verbose=0, validation_data=(blobs(seed=1),))
    assert history.history["val_loss"][-1] < 0.6 * history.history["val_loss"][0]
    odd = 255 - blobs(16, seed=2)
    assert model.reconstruction_error(odd).min() > model.reconstruction_error(x).max()


def test_noise_blackens_pixels_for_the_encoder_in_training_only():
    model, x = _small(noise=0.9), tf.constant(blobs(), tf.float32)
    quiet = [float(model.compute_loss(x, training=False)) for _ in range(2)]
    loud = [float(model.compute_loss(x, training=True)) for _ in range(2)]
    assert quiet[0] == quiet[1] and loud[0] != loud[1] and quiet[0] not in loud


def _fitted_weights(*given):
    keras.utils.set_random_seed(0)
    model = _small()
    model.compile(**COMPILE)
    model.fit(*given, batch_size=32, verbose=0, validation_data=(blobs(), np.arange(32)))
    return model.get_weights()


@pytest.fixture(scope="module")
def weights_without_labels():
    return _fitted_weights(blobs())


@pytest.mark.parametrize("form", ["array", "dataset", "dataset without labels"])
def test_labels_are_ignored(form, weights_without_labels):
    x, y = blobs(), np.arange(32)
    data = {
        "array": (x, y),
        "dataset": (tf.data.Dataset.from_tensor_slices((x, y)).batch(32),),
        "dataset without labels": (tf.data.Dataset.from_tensor_slices(x).batch(32),),
    }[form]
    for plain, labelled in zip(weights_without_labels, _fitted_weights(*data), strict=True):
        np.testing.assert_allclose(plain, labelled, atol=1e-6)


def _coder(**arguments):
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(image)
    return keras.Model(image, x)


def _painter(activation=None):
    return keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(64, activation=activation),
            keras.layers.Reshape((8, 8, 1)),
        ]
    )


def test_networks_of_the_user_take_the_place_of_the_presets(tmp_path):
    model = Autoencoder((8, 8), 3, encoder=_coder(), decoder=_painter())
    model.compile(**COMPILE)
    model.fit(blobs(), verbose=0)
    model.save(tmp_path / "own.keras")
    loaded = load_model(tmp_path / "own.keras")
    np.testing.assert_allclose(loaded.reconstruct(blobs()), model.reconstruct(blobs()), atol=1e-4)
    assert model.encoder.output_shape == (None, 3)
    names = [layer.name for layer in loaded.decoder.layers]
    assert names == [layer.name for layer in model.decoder.layers]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 0}, "latent_dim to be an integer >= 1; received latent_dim=0"),
        ({"noise": 1.0}, "noise to be a number >= 0 and < 1"),
        ({"architecture": "dens"}, "architecture to be one of dense"),
        ({"hidden_units": 8}, "hidden_units to be a tuple of widths"),
        ({"input_shape": (9, 8), "architecture": "conv"}, "sides 4 divides"),
        ({"encoder": _painter()}, "encoder to be a Functional or Sequential model from"),
        ({"decoder": _coder()}, r"decoder to be .* from \(3,\) to \(8, 8, 1\)"),
        ({"decoder": _painter("sigmoid")}, "decoder that returns logits.*'sigmoid' in 'dense"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Autoencoder(**{"input_shape": (8, 8), "latent_dim": 3, **arguments})


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (blobs() / 255.0, "scaled to 0-1, multiply by 255"),
        (blobs() - 300.0, "pixels of x from 0 to 255; received values from -300"),
        (blobs() * np.float32(np.nan), "nan|finite|NaN"),
        (blobs(side=9), r"shape \(8, 8, 1\), for which the model was made; received \(9, 9\)"),
        (np.zeros((4, 64)), r"\(n, height, width\)"),
    ],
)
def test_images_that_do_not_fit_are_refused_before_training(x, message):
    model = _small()
    model.compile()
    before = model.get_weights()
    batches = tf.data.Dataset.from_tensor_slices(np.asarray(x)).batch(16)
    for data in (x, batches):
        with pytest.raises(InputError, match=message):
            model.fit(data, verbose=0)
    with pytest.raises(InputError, match=message):
        model.fit(blobs(), validation_data=(x,), verbose=0)
    for first, second in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    for data in (x, batches) if "0-1" in message else (x,):
        with pytest.raises(InputError, match=message):
            model.evaluate(data, verbose=0)
    with pytest.raises(InputError, match=r"shape \(n, 3\); received \(2, 4\)"):
        model.decode(np.zeros((2, 4)))


@pytest.mark.parametrize("steps", [1, 4])
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(steps):
    model, x = _small(), blobs(64)
    model.compile(keras.optimizers.SGD(0.1), steps_per_execution=steps)
    kept = []

    def spoil(epoch, logs=None):
        kept.append(model.get_weights())
        if epoch == 1:
            model.optimizer.learning_rate = np.nan

    spoiling = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
    where = "batch 2 of epoch 2" if steps == 1 else "batches 1-4 of epoch 2"
    with pytest.raises(DivergedError, match=f"received loss=nan in {where}"):
        model.fit(x, batch_size=16, epochs=3, verbose=0, callbacks=[spoiling])
    # Of four batches in one call only the mean is known: no loss on the last weights is.
    for good, now in zip(kept[steps == 1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(good, now)


@pytest.mark.parametrize(("epochs", "rate"), [(2, np.nan), (1, np.nan), (1, 1e38)])
def test_weights_that_one_batch_an_epoch_spoiled_are_not_kept(epochs, rate):
    model, x = _small(), blobs(64)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9))
    variables = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    message = (
        "received loss=nan in batch 1 of epoch 2"
        if epochs == 2
        else "weights that are NaN or over 1e.18"
    )
    with pytest.raises(DivergedError, match=message):
        model.fit(x, batch_size=64, epochs=epochs, verbose=0)
    for good, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(good, variable.numpy())


def test_validation_tells_at_once_that_weights_are_good():
    model, x = _small(), blobs(64)
    model.compile(keras.optimizers.SGD(0.1))
    kept = []

    def spoil(epoch, logs=None):
        kept.append(model.get_weights())
        if epoch == 1:
            model.decoder.get_layer("logits").kernel.assign(np.full((8, 64), np.nan))

    spoiling = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
    with pytest.raises(DivergedError, match="received loss=nan in batch 1 of epoch 2"):
        how = {"batch_size": 32, "epochs": 3, "verbose": 0, "callbacks": [spoiling]}
        model.fit(x, validation_data=x[:16], **how)
    for good, now in zip(kept[1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(good, now)


@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("architecture", ["dense", "conv"])
def test_the_encoder_is_a_backbone(architecture, channels, tmp_path):
    shape = (8, 8) if channels is None else (8, 8, channels)
    model = Autoencoder(shape, 3, architecture, filters=(4,), hidden_units=(6,))
    x = blobs(channels=channels)
    rgb = x if channels else np.repeat(x[..., None], 3, -1)
    np.testing.assert_allclose(model.encoder(rgb), model.encode(x), atol=1e-4)
    assert not any(isinstance(layer, keras.Model) for layer in model.encoder.layers)
    model.encoder.save(tmp_path / "encoder.keras")
    model.save(tmp_path / "model.keras")
    for source in (model.encoder, model, tmp_path / "encoder.keras", tmp_path / "model.keras"):
        backbone = build_backbone(source)
        np.testing.assert_allclose(backbone(rgb), model.encode(x), atol=1e-4)
    check_trains_as_backbone(tmp_path / "model.keras", rgb, tmp_path / "classifier.keras")
