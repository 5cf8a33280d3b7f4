"""The GAN: its step, samples, files and errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.gan.small_gans import IMAGES, LABELS, own_networks, small_gan
from tl_keras import ImageDataset, InputError, load_model
from tl_keras.checks import DivergedError
from tl_keras.models.gan.inputs import one_hot_classes, spherical, to_pixels, to_unit
from tl_keras.models.gan.losses import LOSSES


def values(model):
    return [weight.numpy() for weight in model.weights]


def same(before, after):
    return [np.array_equal(b, a) for b, a in zip(before, after, strict=True)]


def idle(gan):
    """A constant added to all scores changes no critic's loss, so its bias stays."""
    return 1 if gan.loss_name == "wgan-gp" else 0


@pytest.fixture(
    params=[
        ("non-saturating", None),
        ("wgan-gp", 3),
        pytest.param(("non-saturating", 3), marks=pytest.mark.slow),
        pytest.param(("wgan-gp", None), marks=pytest.mark.slow),
    ],
    ids=str,
)
def gan(request):
    loss, num_classes = request.param
    return small_gan(loss=loss, num_classes=num_classes, discriminator_steps=2)


def test_the_penalty_of_a_linear_discriminator_is_half_its_squared_slope():
    def d_loss(weight):
        keras.utils.set_random_seed(0)
        linear = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
        )
        gan = small_gan(discriminator=linear, penalty_weight=weight)
        loss = gan.evaluate(IMAGES, batch_size=16, verbose=0, return_dict=True)["d_loss"]
        return loss, float(np.square(linear.layers[-1].kernel).sum())

    without, squared_slope = d_loss(0.0)
    np.testing.assert_allclose(d_loss(3.0)[0] - without, 3 / 2 * squared_slope, rtol=1e-5)


def test_it_trains_saves_loads_with_both_optimizers_and_goes_on(gan, tmp_path):
    before = values(gan.generator) + values(gan.discriminator)
    history = gan.fit(IMAGES, LABELS, batch_size=8, epochs=1, verbose=0).history
    assert sum(same(before, values(gan.generator) + values(gan.discriminator))) <= idle(gan)
    assert set(history) == {"d_loss", "g_loss", "real_accuracy", "fake_accuracy", "diversity"}
    assert all(np.isfinite(series).all() for series in history.values())

    gan.save(tmp_path / "gan.keras")
    loaded = load_model(tmp_path / "gan.keras", compile=True)
    np.testing.assert_array_equal(loaded.sample(5, seed=1), gan.sample(5, seed=1))
    loaded.run_eagerly = True
    for name in ("optimizer", "discriminator_optimizer"):
        mine, its = (getattr(model, name).variables for model in (gan, loaded))
        assert [v.path for v in mine] == [v.path for v in its]
        assert all(same([v.numpy() for v in mine], [v.numpy() for v in its])), name
    for model in (gan, loaded):
        model.fit(IMAGES, LABELS, batch_size=32, epochs=1, shuffle=False, verbose=0)
    for mine, its in zip(gan.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-6)


def test_a_step_of_either_network_leaves_the_other_untouched(gan):
    real, classes = gan._unpacked((IMAGES, LABELS))
    with tf.GradientTape() as tape:
        fake = gan._generate(len(IMAGES), classes, training=True)
    generator, discriminator = values(gan.generator), values(gan.discriminator)
    gan._train_discriminator(real, tf.stop_gradient(fake), classes)
    assert all(same(generator, values(gan.generator)))
    assert sum(same(discriminator, values(gan.discriminator))) <= idle(gan)
    discriminator = values(gan.discriminator)
    gan._train_generator(tape, fake, classes)
    assert all(same(discriminator, values(gan.discriminator)))
    trained = [weight.numpy() for weight in gan.generator.trainable_weights]
    small = [g for g, w in zip(generator, gan.generator.weights, strict=True) if w.trainable]
    assert not any(same(small, trained))


def test_the_generator_gradient_is_that_of_the_whole_chain():
    gan = small_gan()
    with tf.GradientTape(persistent=True) as tape:
        fake = gan._generate(6, None, training=True)
        loss = gan._generator_loss(gan._judge(fake, None, True))
    weights = gan.generator.trainable_variables
    expected = tape.gradient(loss, weights)
    gan.optimizer = keras.optimizers.SGD(1.0)
    before = [weight.numpy() for weight in weights]
    gan._train_generator(tape, fake, None)
    for start, weight, gradient in zip(before, weights, expected, strict=True):
        np.testing.assert_allclose(start - weight.numpy(), gradient, atol=1e-5)


def test_sampling_is_of_the_average_in_pixels_and_leaves_training_as_it_is():
    gan, other = small_gan(), small_gan()
    images = gan.sample(300, seed=5)
    assert images.shape == (300, 8, 8, 1)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(gan.sample(7, seed=5), gan.sample(7, seed=5))
    assert not np.array_equal(gan.sample(7), gan.sample(7))
    plain = gan.average_generator(gan.draw_latent(300, seed=5), training=False).numpy()
    np.testing.assert_allclose(images, (plain + 1) * 127.5, atol=0.51)
    for model in (gan, other):
        model.fit(IMAGES, batch_size=8, shuffle=False, verbose=0)
    assert all(same(values(gan), values(other)))
    assert not np.array_equal(
        gan.generate(gan.draw_latent(9, 0)), gan.generate(gan.draw_latent(9, 0), average=False)
    )


def test_pixels_go_to_minus_one_to_one_and_back():
    gan = small_gan()
    scaled = to_unit(gan, IMAGES)
    assert scaled.shape == (32, 8, 8, 1)
    np.testing.assert_allclose(scaled[..., 0], IMAGES / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(to_pixels(scaled)[..., 0], IMAGES)
    logits = gan(IMAGES)
    np.testing.assert_allclose(logits, gan.discriminator(scaled), atol=1e-6)
    assert logits.shape == (32, 1)


def test_labels_are_ignored_without_num_classes():
    gan, other = small_gan(), small_gan()
    gan.fit(IMAGES, batch_size=8, shuffle=False, verbose=0)
    other.fit(IMAGES, LABELS, batch_size=8, shuffle=False, verbose=0)
    assert all(same(values(gan), values(other)))


def test_classes_come_as_numbers_or_one_hot():
    expected = np.eye(3)[LABELS]
    for labels in (LABELS, LABELS[:, None], np.eye(3, dtype=int)[LABELS]):
        np.testing.assert_array_equal(one_hot_classes(tf.constant(labels), 3), expected)


def test_samples_follow_their_class_after_brief_training():
    keras.utils.set_random_seed(0)
    labels = np.arange(256) % 2
    bright = np.where(labels == 1, 200, 40)[:, None, None]
    images = (bright + np.random.default_rng(0).integers(-40, 40, (256, 8, 8))).astype("uint8")
    gan = small_gan(num_classes=2, width=8, ema_decay=0.9)
    gan.compile(keras.optimizers.Adam(2e-3, beta_1=0.5))
    gan.fit(images, labels, batch_size=32, epochs=20, verbose=0)
    dark, light = (gan.sample(20, labels=c, seed=0).mean() for c in (0, 1))
    assert dark < 90 < 150 < light
    means = gan.sample(6, seed=0).mean(axis=(1, 2, 3))  # 0, 1, 0, 1, ...
    assert (means[::2] < 120).all() and (means[1::2] > 120).all()


def test_ways_between_latent_points_keep_ends_and_length():
    gan = small_gan()
    a, b = gan.draw_latent(2, seed=0)
    points = spherical(a, b, 5)
    np.testing.assert_allclose(points[[0, -1]], [a, b], atol=1e-5)
    lengths = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(
        lengths, np.linspace(np.linalg.norm(a), np.linalg.norm(b), 5), rtol=1e-5
    )
    cosines = [
        np.dot(p, q) / np.linalg.norm(p) / np.linalg.norm(q)
        for p, q in zip(points, points[1:], strict=False)
    ]
    np.testing.assert_allclose(cosines, cosines[0], rtol=1e-4)
    np.testing.assert_allclose(spherical(a, a, 3), [a, a, a], rtol=1e-6)
    np.testing.assert_array_equal(gan.interpolate(a, b, 4)[0], gan.generate(a)[0])


def test_any_data_source_will_do():
    dataset = ImageDataset.from_arrays(IMAGES, LABELS)
    small_gan().fit(dataset, batch_size=8, verbose=0)
    conditional = small_gan(num_classes=3)
    conditional.fit(dataset, batch_size=8, verbose=0)
    batches = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(8)
    conditional.fit(batches, verbose=0)
    assert int(conditional.optimizer.iterations) == 8
    assert set(conditional.evaluate(batches, verbose=0, return_dict=True)) >= {"d_loss", "g_loss"}


def test_several_discriminator_steps_are_counted():
    gan = small_gan(loss="wgan-gp", run_eagerly=False)
    gan.fit(IMAGES, batch_size=16, verbose=0)
    assert int(gan.optimizer.iterations) == 2
    assert int(gan.discriminator_optimizer.iterations) == 10


def test_nan_stops_names_the_batch_and_keeps_the_weights_of_the_last_epoch():
    gan = small_gan()
    gan.fit(IMAGES, batch_size=8, shuffle=False, verbose=0)
    good = [*values(gan), *(v.numpy() for v in gan.optimizer.variables)]
    bad = IMAGES.astype("float32")
    bad[20] = np.nan
    batches = tf.data.Dataset.from_tensor_slices(bad).batch(8)
    with pytest.raises(DivergedError, match="d_loss=nan in batch 3 of epoch 1"):
        gan.fit(batches, verbose=0)
    assert all(same(good, [*values(gan), *(v.numpy() for v in gan.optimizer.variables)]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (27, 27)}, "halves to 4-8 pixels"),
        ({"input_shape": 28}, "Expected input_shape"),
        ({"input_shape": (8, 8, 2)}, "Expected input_shape"),
        ({"latent_dim": 0}, "latent_dim to be an integer >= 1"),
        ({"loss": "wgan"}, "wgan-gp"),
        ({"num_classes": 1}, "num_classes"),
        ({"discriminator_width": 0}, "discriminator_width"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"discriminator_steps": 0}, "discriminator_steps"),
        ({**own_networks(), "latent_dim": 5}, "Expected a built generator from"),
        ({**own_networks(), "input_shape": (8, 8, 3)}, "Expected a built generator from"),
        ({**own_networks(), "generator": None, "input_shape": (8, 8, 3)}, "built discriminator"),
        ({**own_networks(), "num_classes": 2}, "Expected a built generator from"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        small_gan(**arguments)


@pytest.mark.parametrize(
    ("x", "y", "num_classes", "message"),
    [
        (IMAGES / 255.0, None, None, "multiply by 255"),
        (IMAGES / 127.5 - 1, None, None, "from 0 to 255"),
        (IMAGES[:, :4], None, None, r"Expected images of shape \(8, 8, 1\)"),
        (IMAGES, None, 3, "Expected labels beside the images"),
        (IMAGES, LABELS + 1, 3, "labels"),
    ],
)
def test_data_that_cannot_be_used_is_refused(x, y, num_classes, message):
    with pytest.raises(InputError, match=message):
        small_gan(num_classes=num_classes).fit(x, y, verbose=0)


@pytest.mark.parametrize(
    "form", ["array", "batches", pytest.param("compiled", marks=pytest.mark.slow)]
)
def test_pixels_from_0_to_1_are_refused_wherever_they_come_in(form):
    gan = small_gan(run_eagerly=form != "compiled")
    scaled = np.float32(IMAGES / 255.0)
    held_out = data = scaled
    if form != "array":
        held_out = data = tf.data.Dataset.from_tensor_slices(scaled).batch(8)
    for run in (
        lambda: gan.fit(data, verbose=0),
        lambda: gan.fit(IMAGES, validation_data=held_out, verbose=0),
        lambda: gan.evaluate(data, verbose=0),
    ):
        with pytest.raises(InputError, match="scaled to 0-1, multiply by 255"):
            run()
    black = tf.data.Dataset.from_tensor_slices(np.zeros_like(scaled)).batch(16)
    gan.fit(black, verbose=0)
    if form == "array":
        gan.fit(IMAGES, validation_data=(np.float32(IMAGES), LABELS), batch_size=16, verbose=0)


def test_samples_that_cannot_be_had_are_refused():
    gan, conditional = small_gan(), small_gan(num_classes=3)
    with pytest.raises(InputError, match="n to be an integer"):
        gan.sample(0)
    with pytest.raises(InputError, match="without num_classes"):
        gan.sample(2, labels=[0, 1])
    with pytest.raises(InputError, match="ints from 0 to 2"):
        conditional.sample(2, labels=[0, 3])
    with pytest.raises(InputError, match="latent points of length 4"):
        gan.generate(np.zeros((2, 5)))
    optimizer = keras.optimizers.Adam()
    with pytest.raises(InputError, match="two optimizers"):
        gan.compile(optimizer, optimizer)


def test_evaluate_gives_a_number_for_each_name_in_the_same_order():
    gan = small_gan()
    for _ in range(2):  # before and after training
        seeds = gan.validation_seeds.state
        start = seeds.numpy()
        values = gan.evaluate(IMAGES, batch_size=32, verbose=0)
        seeds.assign(start)
        named = gan.evaluate(IMAGES, batch_size=32, verbose=0, return_dict=True)
        assert gan.metrics_names == ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"]
        assert dict(zip(gan.metrics_names, values, strict=True)) == named
        gan.fit(IMAGES, batch_size=32, verbose=0)


@pytest.mark.parametrize(
    "loss",
    [pytest.param(loss, marks=pytest.mark.slow if loss != "wgan-gp" else ()) for loss in LOSSES],
)
def test_validation_does_not_change_what_training_draws(loss):
    weights = []
    for held_out in (None, IMAGES[:8]):
        gan = small_gan(loss=loss, discriminator_steps=1)
        gan.fit(IMAGES, batch_size=16, shuffle=False, verbose=0, validation_data=held_out)
        gan.fit(IMAGES, batch_size=32, shuffle=False, verbose=0)
        weights.append(gan.get_weights())
    for without, validated in zip(*weights, strict=True):
        np.testing.assert_array_equal(without, validated)
