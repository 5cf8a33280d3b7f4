"""The loss of distillation is the paper's, and trains the student alone."""

import keras
import numpy as np
import pytest

from tests.check_model import check_model
from tests.training.small_models import coloured_images
from tl_keras import CNN, MLP, Distiller, InputError, load_model

X, Y = coloured_images(12)
LABELS = {"sparse": Y, "one-hot": np.eye(3, dtype="float32")[Y]}


def net(seed=0, activation="softmax", num_classes=3, side=16):
    keras.utils.set_random_seed(seed)
    model = MLP(num_classes, (8,), classifier_activation=activation)
    model.build((None, side, side, 3))
    return model


def probabilities(model, images=X, temperature=1.0):
    """In float64, by the textbook, from whatever the model gives."""
    outputs = np.asarray(model(images, training=False), np.float64)
    outputs = np.log(outputs) if model.classifier_activation else outputs
    powers = np.exp(outputs / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def slow_loss(student, teacher, labels, temperature, alpha):
    """One image after another; a label below 0 is none."""
    soft_t, soft_s = (probabilities(m, temperature=temperature) for m in (teacher, student))
    total = 0.0
    for row, label in enumerate(labels):
        for p, q in zip(soft_t[row], soft_s[row], strict=True):
            total += alpha * temperature**2 * p * (np.log(p) - np.log(q))
        if label >= 0:
            total -= (1 - alpha) * np.log(probabilities(student)[row, label])
    return total / len(labels)


def loss_of(distiller, labels, form="sparse", x=X):
    distiller.compile(loss=_loss(form, distiller.student))
    labels = keras.ops.convert_to_tensor(labels)
    return float(distiller.compute_loss(x, labels, distiller(x, training=False)))


def _loss(form, student):
    logits = student.classifier_activation is None
    if form == "sparse":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    return keras.losses.CategoricalCrossentropy(from_logits=logits)


@pytest.mark.parametrize("form", LABELS)
@pytest.mark.parametrize("of_teacher", ["softmax", None])
@pytest.mark.parametrize("of_student", ["softmax", None])
@pytest.mark.parametrize(("temperature", "alpha"), [(4.0, 0.9), (1.0, 0.3), (2.0, 1.0)])
def test_loss_equals_a_slow_computation(form, of_teacher, of_student, temperature, alpha):
    student, teacher = net(0, of_student), net(1, of_teacher)
    distiller = Distiller(student, teacher, temperature=temperature, alpha=alpha)
    expected = slow_loss(student, teacher, Y, temperature, alpha)
    assert loss_of(distiller, LABELS[form], form) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("form", LABELS)
def test_a_image_without_a_label_has_the_teacher_alone(form):
    student, teacher = net(0), net(1)
    some = np.where(np.arange(12) % 3 == 1, -1, Y)
    labels = some if form == "sparse" else LABELS["one-hot"] * (some >= 0)[:, None]
    distiller = Distiller(student, teacher, temperature=3.0, alpha=0.6)
    expected = slow_loss(student, teacher, some, 3.0, 0.6)
    assert loss_of(distiller, labels, form) == pytest.approx(expected, rel=1e-4)


def test_answers_beside_the_images_are_as_good_as_the_teacher():
    student, teacher = net(0), net(1)
    distiller = Distiller(student, teacher)
    asked = loss_of(distiller, Y)
    assert loss_of(distiller, Y, x=(X, teacher(X))) == asked
    assert loss_of(distiller, Y, x=(X, teacher(X[::-1]))) != asked


def test_at_a_high_temperature_the_gradient_matches_logits():
    """Section 2.1 of the paper: (z - v) / (N T^2) for logits of mean zero; T^2 is in our loss."""
    import tensorflow as tf

    student, teacher = net(0, None), net(1, None)
    distiller = Distiller(student, teacher, temperature=1e3, alpha=1.0)
    distiller.compile(loss="sparse_categorical_crossentropy")
    z, v = tf.constant(student(X)), np.asarray(teacher(X))
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = distiller.compute_loss((X, teacher(X)), tf.constant(Y), z)
    centred = (z - z.numpy().mean(1, keepdims=True)) - (v - v.mean(1, keepdims=True))
    gradient = tape.gradient(loss, z) * len(X)
    np.testing.assert_allclose(gradient, centred / 3, atol=0.02 * np.abs(centred).max())


def test_evaluation_is_of_the_student_alone():
    student, teacher = net(0), net(1)
    distiller = Distiller(student, teacher)
    for model in (distiller, student):
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    assert distiller.evaluate(X, Y, verbose=0) == student.evaluate(X, Y, verbose=0)


def test_weighted_metrics_leave_out_what_has_no_label():
    student = net(0)
    distiller = Distiller(student, net(1))
    distiller.compile(loss="sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    right = probabilities(student).argmax(axis=1)
    labels = np.where(np.arange(12) < 4, right, -1)
    assert distiller.evaluate(X, labels, verbose=0, return_dict=True)["accuracy"] == 1.0


def test_without_the_teacher_it_is_plain_training_to_the_last_bit():
    def trained(wrap):
        student = net(0)
        model = wrap(student)
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
        model.fit(X, Y, epochs=3, batch_size=5, shuffle=False, verbose=0)
        return student.get_weights()

    plain = trained(lambda student: student)
    for one, other in zip(plain, trained(lambda s: Distiller(s, net(1), alpha=0.0)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_teacher_stays_and_the_student_comes_nearer(tmp_path):
    student, teacher = net(0), net(1)
    before = [weight.copy() for weight in teacher.get_weights()]
    distiller = Distiller(student, teacher, alpha=1.0)
    distiller.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    start = loss_of(distiller, Y)
    distiller.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    distiller.fit(X, Y, epochs=60, verbose=0)
    assert loss_of(distiller, Y) < 0.2 * start
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(distiller.trainable_weights) == len(student.trainable_weights)


def test_student_is_saved_without_the_teacher(tmp_path):
    student = net(0)
    distiller = Distiller(student, net(1))
    distiller.compile("adam", "sparse_categorical_crossentropy")
    distiller.fit(X, Y, verbose=0)
    student.save(tmp_path / "student.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "student.keras")(X), student(X))
    with pytest.raises(NotImplementedError, match="Save the student"):
        distiller.save(tmp_path / "distiller.keras")


def test_a_student_that_was_distilled_is_a_model_like_any_other():
    def build():
        student = CNN(3, "small")
        student.build((None, 16, 16, 3))
        distiller = Distiller(student, net(1))
        distiller.compile("adam", "sparse_categorical_crossentropy")
        distiller.fit(X, Y, verbose=0)
        return student

    check_model(build, X, Y, probabilities=True)


def test_teacher_and_student_may_take_other_sizes():
    student, teacher = net(0, side=8), net(1, side=12)
    distiller = Distiller(student, teacher)
    assert np.isfinite(loss_of(distiller, Y))
    size = {"size": (8, 8), "interpolation": "bilinear", "antialias": True}
    small = keras.ops.image.resize(X.astype("float32"), **size)
    np.testing.assert_allclose(distiller(X), student(small), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature to be a number > 0; received temperature=0"),
        ({"temperature": -1.0}, "temperature to be a number > 0; received temperature=-1.0"),
        ({"alpha": 1.1}, "alpha to be a number >= 0 and <= 1; received alpha=1.1"),
        ({"alpha": -0.1}, "alpha to be a number >= 0 and <= 1; received alpha=-0.1"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Distiller(net(0), net(1), **arguments)


def test_a_student_of_other_classes_is_refused_and_both_are_named():
    student, teacher = net(0, num_classes=4), net(1)
    wanted = f"student '{student.name}' with output shape .*4.* teacher '{teacher.name}' with .*3"
    with pytest.raises(InputError, match=wanted):
        Distiller(student, teacher)


def test_a_student_that_is_not_built_is_refused():
    with pytest.raises(InputError, match="one output vector per image.*output shape None"):
        Distiller(MLP(3), net(1))
