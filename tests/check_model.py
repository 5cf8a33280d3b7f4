"""One check for every model of the project: does it build, learn, save and come back the same."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

_COMPILE = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "jit_compile": False}


def check_model(build, x, y, *, compile_args=None, probabilities=False, config=True, atol=1e-5):
    """Asserts what must hold for every model; returns it after training and reloading.

    The outputs are finite, one per image, and their rows sum to one. A fit step has a finite loss
    and moves a weight. Every trainable weight has a finite gradient. The config builds a model of
    the same shapes. A `.keras` file restores equal outputs, and the model trains on.

    Args:
        build: function without arguments that returns a new, uncompiled keras.Model.
        x: array (n, ...) of a few images, n >= 2.
        y: array (n, ...) of targets, or None for a model that learns from x alone.
        compile_args: dict for `compile`. Defaults to SGD on sparse categorical cross-entropy.
            With `run_eagerly` deep models take seconds rather than a minute to trace.
        probabilities: bool, whether each row of the output sums to one. Defaults to False.
        config: bool, whether `get_config` is supported. Defaults to True.
        atol: float, by how much outputs may differ after reloading. Defaults to 1e-5.
    """
    keras.utils.set_random_seed(0)
    model = build()
    _check_outputs(model, x, probabilities)
    model.compile(**(_COMPILE if compile_args is None else compile_args))
    model.optimizer.build(model.trainable_variables)  # built within `fit` it is traced twice
    _check_fit_step(model, x, y)
    _check_gradients(model, x, y)
    if config:
        _check_config(model)
    reloaded = _reload(model, x, atol)
    reloaded.run_eagerly = True  # one step is quicker so than traced once more
    _check_fit_step(reloaded, x, y)
    return reloaded


def _outputs(model, x):
    return [np.asarray(output) for output in keras.tree.flatten(model(x, training=False))]


def _check_outputs(model, x, probabilities):
    outputs = _outputs(model, x)
    for output in outputs:
        assert len(output) == len(x), f"{len(x)} inputs gave {len(output)} outputs"
        assert np.isfinite(output).all(), "outputs are not finite"
        if probabilities:
            np.testing.assert_allclose(output.sum(-1), 1, atol=1e-5)


def _check_fit_step(model, x, y):
    before = [weight.numpy() for weight in model.trainable_weights]
    history = model.fit(x, y, batch_size=len(x), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all(), f"loss is {history.history['loss']}"
    after = [weight.numpy() for weight in model.trainable_weights]
    assert any((b != a).any() for b, a in zip(before, after, strict=True)), "no weight moved"
    assert all(np.isfinite(weight).all() for weight in after), "a weight is not finite"


def _check_gradients(model, x, y):
    targets = None if y is None else tf.convert_to_tensor(y)
    with tf.GradientTape() as tape:
        outputs = model(tf.convert_to_tensor(x), training=True)
        loss = model.compute_loss(x=tf.convert_to_tensor(x), y=targets, y_pred=outputs)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, f"no gradient for {weight.path}"
        values = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(values).all(), f"gradient of {weight.path} is not finite"


def _check_config(model):
    clone = type(model).from_config(model.get_config())
    if clone.built:
        assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]


def _reload(model, x, atol):
    before = _outputs(model, x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        reloaded = keras.saving.load_model(path)
    for first, second in zip(before, _outputs(reloaded, x), strict=True):
        np.testing.assert_allclose(first, second, atol=atol)
    return reloaded
