"""Behaviour shared by all methods that learn from two views of each image."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.check_model import check_model
from tests.models.images import blobs
from tests.models.two_views.two_view_models import METHODS, small_encoder, small_model
from tl_keras import ImageDataset, SimCLR, SimSiam, SupCon, build_classifier, load_model
from tl_keras.checks import DivergedError, InputError
from tl_keras.data.pipelines.two_views import two_view_batches
from tl_keras.models.two_views.embedding_spread import embedding_spread

X, LABELS = blobs(16), np.arange(16) % 3
EAGER = {"run_eagerly": True}  # tracing takes longer than a few small steps


@pytest.mark.parametrize("method", METHODS)
def test_a_model_learns_saves_and_goes_on(method):
    y = LABELS if method.uses_labels else None
    check_model(lambda: small_model(method), X, y, compile_args={"optimizer": "adam"} | EAGER)


@pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=pytest.mark.slow if m is not SimCLR else ()) for m in METHODS],
)
def test_training_lowers_the_loss_on_views_of_one_kind(method):
    model, x = small_model(method), blobs(128)
    y = (x.max((1, 2)) > 180).astype(int) if method.uses_labels else None
    model.compile(keras.optimizers.Adam(0.003))
    before = model.evaluate(x, y, batch_size=32, verbose=0, return_dict=True)["loss"]
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    after = model.evaluate(x, y, batch_size=32, verbose=0, return_dict=True)["loss"]
    assert after < before


def test_a_saved_model_goes_on_where_it_was(tmp_path):
    model = small_model(SimSiam)
    model.compile(keras.optimizers.Adam(0.01), **EAGER)
    model.fit(X, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras", compile=True)
    loaded.run_eagerly = True
    for each in (model, loaded):
        each.fit(X, batch_size=8, verbose=0)
    assert int(loaded.optimizer.iterations.numpy()) == 4
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def _views(training=False):
    data = ImageDataset.from_arrays(X)
    return two_view_batches(data, 8, image_size=(8, 8), training=training)


def _views_and_labels():
    labels = tf.data.Dataset.from_tensor_slices(LABELS).batch(8)
    return tf.data.Dataset.zip(_views().map(lambda views: views), labels)


FORMS = {
    "array": lambda: (X,),
    "array with a channel": lambda: (X[..., None],),
    "ImageDataset": lambda: (ImageDataset.from_arrays(X),),
    "labels that are not looked at": lambda: (X, LABELS),
    "pairs of views": lambda: (_views(),),
    "pairs and labels": lambda: (_views_and_labels(),),
    "two tensors": lambda: (_views().map(lambda views: views),),
}


@pytest.fixture(scope="module")
def loss_on_views():
    """Figures of an untrained `small_model(SimCLR)`."""
    model = small_model(SimCLR)
    model.compile(**EAGER)
    return model.evaluate(_views(), verbose=0)


@pytest.mark.parametrize(
    "form",
    [pytest.param(form, marks=pytest.mark.slow if form == "two tensors" else ()) for form in FORMS],
)
def test_views_are_made_of_any_form_of_images(form, loss_on_views):
    data = FORMS[form]()
    more = {} if isinstance(data[0], tf.data.Dataset) else {"batch_size": 8}
    model = small_model(SimCLR)
    model.compile(**EAGER)
    np.testing.assert_allclose(model.evaluate(*data, verbose=0, **more), loss_on_views, rtol=1e-5)
    model.fit(*data, verbose=0, **more)
    assert model.optimizer.iterations.numpy() == 2


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        *(pytest.param(y, marks=pytest.mark.slow) for y in (LABELS[:, None], np.eye(3)[LABELS])),
    ],
)
def test_batches_of_somebodys_images_are_given_views(labels):
    model = small_model(SupCon)
    model.compile(**EAGER)
    batches = tf.data.Dataset.from_tensor_slices((X, labels)).batch(8)
    history = model.fit(batches, epochs=2, verbose=0, validation_data=batches).history
    assert model.optimizer.iterations.numpy() == 4
    first, again = (model.evaluate(batches, verbose=0) for _ in range(2))
    np.testing.assert_allclose(first, again)
    np.testing.assert_allclose(history["val_loss"][-1], first[0], rtol=1e-5)


def test_grey_views_are_repeated_for_an_encoder_of_colours():
    model = small_model(SimCLR)
    rgb = np.repeat(X[..., None], 3, axis=-1)
    for images in (X, X[..., None]):
        np.testing.assert_allclose(model.encode(images), model.encode(rgb), atol=1e-6)
        np.testing.assert_allclose(model(images), model(rgb), atol=1e-6)
    gray = small_model(SimCLR, encoder=small_encoder(channels=1))
    assert gray.encode(X).shape == (16, 12)


def test_features_with_positions_are_averaged_and_the_encoder_stays_what_was_given(tmp_path):
    encoder = small_encoder()
    model = small_model(SimCLR, encoder=encoder)
    assert model.encoder is encoder
    np.testing.assert_allclose(
        model.encode(X), np.mean(encoder(model._as_rgb(X)), axis=(1, 2)), atol=1e-5
    )
    model.save(tmp_path / "model.keras")
    classifier = build_classifier(tmp_path / "model.keras", 3)
    assert classifier.output_shape == (None, 3)


def test_the_loss_is_that_of_the_embeddings_of_both_views():
    model = small_model(SimCLR)
    first, second = next(iter(_views()))[0]
    losses = model.losses_of(((first, second), None), training=False)
    expected = model.losses_between(model(first), model(second), None, False)["loss"]
    np.testing.assert_allclose(losses["loss"], expected, atol=1e-5)
    np.testing.assert_allclose(
        losses["embedding_spread"], embedding_spread(model(first)), atol=1e-6
    )


@pytest.fixture
def global_policy():
    """Sets the global policy for one test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def _head_formats(model):
    heads = [model.projector, *([model.predictor] if hasattr(model, "predictor") else [])]
    return {
        layer.compute_dtype
        for head in heads
        for layer in head.layers[1:]
        if layer.name != "embedding"
    }


@pytest.mark.parametrize(
    ("method", "policy", "by"),
    [
        (SimCLR, "mixed_bfloat16", "global policy"),
        (SimSiam, "mixed_float16", "argument"),
        *(
            pytest.param(m, f"mixed_{half}", "argument", marks=pytest.mark.slow)
            for m in METHODS
            for half in ("bfloat16", "float16")
            if m not in (SimCLR, SimSiam)
        ),
    ],
)
def test_heads_compute_in_half_and_losses_in_float32_also_after_loading(
    method, policy, by, tmp_path, global_policy
):
    y = LABELS if method.uses_labels else None
    plain = small_model(method)
    encoder = small_encoder()
    if by == "argument":
        model = small_model(method, encoder=encoder, dtype=policy)
    else:
        global_policy(policy)
        model = small_model(method, encoder=encoder)
        global_policy("float32")
    half = policy.removeprefix("mixed_")
    assert _head_formats(model) == {half}
    assert {layer.compute_dtype for layer in model.encoder.layers} == {"float32"}  # as it was given
    model.set_weights(plain.get_weights())
    for each in (model, plain):
        each.compile("sgd", **EAGER)
    losses = [m.evaluate(X, y, batch_size=8, verbose=0, return_dict=True) for m in (model, plain)]
    for name, expected in losses[1].items():
        np.testing.assert_allclose(losses[0][name], expected, rtol=0.05, atol=0.02, err_msg=name)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    history = model.fit(X, y, batch_size=8, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    model.save(tmp_path / "half.keras")
    loaded = load_model(tmp_path / "half.keras")
    assert _head_formats(loaded) == {half}
    for outputs in ("call", "encode"):
        mine, its = (np.asarray(getattr(each, outputs)(X)) for each in (model, loaded))
        assert mine.dtype == its.dtype == np.float32
        np.testing.assert_array_equal(mine, its)


def test_an_encoder_in_half_precision_stays_one(tmp_path, global_policy):
    global_policy("mixed_bfloat16")
    encoder = small_encoder()
    global_policy("float32")
    model = small_model(SimCLR, encoder=encoder)
    assert _head_formats(model) == {"float32"}
    model.save(tmp_path / "model.keras")
    global_policy("mixed_float16")
    loaded = load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in loaded.encoder.layers[1:]} == {"bfloat16"}
    assert _head_formats(loaded) == {"float32"}
    np.testing.assert_array_equal(loaded.encode(X), model.encode(X))


def test_validation_batches_have_a_size_of_their_own():
    model, x = small_model(SimCLR), blobs(24)
    model.compile(**EAGER)
    data = {"validation_data": (x,), "validation_batch_size": 6}
    history = model.fit(X, batch_size=8, epochs=2, verbose=0, **data).history
    expected = model.evaluate(x, batch_size=6, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(history["val_loss"][-1], expected, rtol=1e-5)
    with pytest.raises(InputError, match="batch_size to be an integer >= 2; received batch_size=1"):
        model.fit(X, verbose=0, validation_data=(x,), validation_batch_size=1)
    batches = tf.data.Dataset.from_tensor_slices(x).batch(6)
    model.fit(X, batch_size=8, verbose=0, validation_data=batches)
    with pytest.raises(InputError, match="no batch_size beside a tf.data.Dataset"):
        model.fit(X, verbose=0, validation_data=batches, validation_batch_size=8)


def test_spread_is_one_on_the_sphere_and_nought_for_one_direction():
    rng = np.random.default_rng(0)
    even = np.float32(rng.normal(size=(5000, 32)) * rng.uniform(0.1, 9, (5000, 1)))
    np.testing.assert_allclose(embedding_spread(even), 1, atol=0.02)
    np.testing.assert_allclose(embedding_spread(np.ones((9, 4)) * np.arange(1, 10)[:, None]), 0)
    rows = even[:50] / np.linalg.norm(even[:50], axis=1, keepdims=True)
    expected = np.mean([np.std(column) for column in rows.T]) * np.sqrt(32)
    np.testing.assert_allclose(embedding_spread(even[:50]), expected, rtol=1e-5)


def test_a_loss_that_is_no_number_stops_training_and_keeps_good_weights():
    model = small_model(SimCLR)
    model.compile()
    before = model.encoder.get_weights()
    model.projector.get_layer("embedding").kernel.assign(np.full((16, 8), np.nan))
    with pytest.raises(DivergedError, match="received loss=nan"):
        model.fit(X, batch_size=8, verbose=0)
    np.testing.assert_array_equal(model.encoder.get_weights()[0], before[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature to be a number > 0; received temperature=0"),
        ({"temperature": -0.5}, "temperature to be a number > 0"),
        ({"projection_units": 8}, "projection_units to be a tuple of widths"),
        ({"encoder": keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])}, "images"),
    ],
)
@pytest.mark.parametrize("method", [SimCLR, SupCon])
def test_arguments_that_cannot_be_used_are_refused(method, arguments, message):
    with pytest.raises(InputError, match=message):
        small_model(method, **arguments)


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        ((X,), {"batch_size": 1}, "batch_size to be an integer >= 2; received batch_size=1"),
        ((X,), {"batch_size": 17}, "at least 17 images, one batch of pairs.*received 16"),
        ((X[:1],), {}, "batch_size to be an integer >= 2; received batch_size=1"),
        ((X / 255.0,), {}, "scaled to 0-1, multiply by 255"),
        ((X,), {"augment": "flip"}, "augment to be one of .*digits"),
        (("images",), {}, "images as an array, an ImageDataset or a tf.data.Dataset"),
        ((tf.data.Dataset.range(8),), {}, r"batches of images \(b, h, w, c\)"),
        (
            (tf.data.Dataset.from_tensor_slices(X).batch(8),),
            {"batch_size": 8},
            "no batch_size beside a tf.data.Dataset",
        ),
        (
            (tf.data.Dataset.from_tensor_slices(blobs(8, 9)).batch(4),),
            {},
            r"shape \(8, 8, 3\), for which the encoder was built; received \(9, 9, 1\)",
        ),
    ],
)
def test_images_that_cannot_be_used_are_refused_before_training(data, arguments, message):
    model = small_model(SimCLR)
    model.compile()
    with pytest.raises(InputError, match=message):
        model.fit(*data, verbose=0, **arguments)
    assert model.optimizer.iterations.numpy() == 0


SCALED = np.float32(X / 255.0)


def _scaled():
    """Images on a scale from 0 to 1, as batches with and without labels and as views."""
    slices = tf.data.Dataset.from_tensor_slices
    yield from (slices(SCALED).batch(8), slices((SCALED, LABELS)).batch(8))
    yield from (slices((SCALED, SCALED)).batch(8), slices(((SCALED, SCALED), LABELS)).batch(8))


@pytest.mark.parametrize("data", _scaled(), ids=["images", "labels", "two", "views and labels"])
def test_batches_of_pixels_from_0_to_1_are_refused(data):
    model, message = small_model(SimCLR), "scaled to 0-1, multiply by 255"
    model.compile(**EAGER)
    for run in (model.fit, model.evaluate):
        with pytest.raises(InputError, match=message):
            run(data, verbose=0)
    assert model.optimizer.iterations.numpy() == 0
    with pytest.raises(InputError, match=message):
        model.fit(X, validation_data=data, verbose=0)


def test_features_of_pixels_from_0_to_1_are_refused_and_black_images_are_not():
    model = small_model(SimCLR)
    with pytest.raises(InputError, match="scaled to 0-1, multiply by 255"):
        model.encode(SCALED)
    np.testing.assert_array_equal(model.encode(np.float32(X)), model.encode(X))
    assert np.isfinite(model.encode(np.zeros((1, 8, 8), "float32"))).all()


def test_methods_that_need_labels_say_so():
    model = small_model(SupCon)
    model.compile()
    for data in (X, tf.data.Dataset.from_tensor_slices(X).batch(8)):
        with pytest.raises(InputError, match="Expected labels.*SimCLR"):
            model.fit(data, verbose=0)


def test_a_step_on_images_without_views_is_refused():
    model = small_model(SimCLR)
    model.compile()
    with pytest.raises(InputError, match="two views of each image.*received images"):
        model.train_on_batch(X)
