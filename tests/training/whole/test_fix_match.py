"""The loss of FixMatch is the paper's, and its pseudo-labels and averages train nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.check_model import check_model
from tests.training.small_models import coloured_images, small_classifier
from tl_keras import CNN, MLP, FixMatch, InputError
from tl_keras.models.signature import gives_logits

RATIO = 3
X, Y = coloured_images(6)
WEAK, HIDDEN = coloured_images(6 * RATIO, seed=1)
STRONG, _ = coloured_images(6 * RATIO, seed=2)


def nested(images):
    return images.reshape(6, RATIO, *images.shape[1:]).astype("float32")


INPUTS = {"images": X.astype("float32"), "weak": nested(WEAK), "strong": nested(STRONG)}
WITH_HIDDEN = {**INPUTS, "hidden": HIDDEN.reshape(6, RATIO)}


def net(seed=0, activation="softmax", dropout=0.0):
    keras.utils.set_random_seed(seed)
    model = MLP(3, (8,), dropout=dropout, classifier_activation=activation)
    model.build((None, 16, 16, 3))
    return model


def probabilities(model, images):
    """In float64, by the textbook, from whatever the model gives."""
    outputs = np.asarray(model(images, training=False), np.float64)
    powers = outputs if model.classifier_activation else np.exp(outputs)
    return powers / powers.sum(axis=1, keepdims=True)


def middle_confidence(model):
    """One that about half of the weak views reach, and far from all of them."""
    highest = np.sort(probabilities(model, WEAK).max(axis=1))
    return float(highest[8:10].mean())


def slow_loss(model, confidence, weight):
    """One image after another."""
    taught = untaught = 0.0
    for row, label in enumerate(Y):
        taught -= np.log(probabilities(model, X)[row, label])
    q, p = probabilities(model, WEAK), probabilities(model, STRONG)
    for row in range(len(WEAK)):
        if max(q[row]) >= confidence:
            untaught -= np.log(p[row, list(q[row]).index(max(q[row]))])
    return taught / len(Y) + weight * untaught / len(WEAK)


def compiled(fix_match, **arguments):
    logits = gives_logits(fix_match.classifier)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    fix_match.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False, **arguments)
    return fix_match


def loss_of(fix_match, inputs=INPUTS):
    outputs = fix_match(inputs, training=True)
    return compiled(fix_match).compute_loss(inputs, tf.constant(Y), outputs)


@pytest.mark.parametrize("activation", ["softmax", None])
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_loss_equals_a_slow_computation(activation, weight):
    model = net(0, activation)
    confidence = middle_confidence(model)
    fix_match = FixMatch(model, confidence=confidence, unlabelled_weight=weight)
    expected = slow_loss(model, confidence, weight)
    assert float(loss_of(fix_match)) == pytest.approx(expected, rel=1e-5)
    assert expected > slow_loss(model, 1.0, weight)


def test_where_nothing_is_sure_the_loss_is_that_of_the_labels():
    model = net()
    alone = compiled(FixMatch(model)).compute_loss(X, tf.constant(Y), model(X))
    sure_of_nothing = FixMatch(model, confidence=0.999999)
    assert float(loss_of(sure_of_nothing)) == pytest.approx(float(alone), rel=1e-6)


def test_of_equal_views_all_sure_it_adds_the_mean_of_minus_log_of_the_highest():
    model = net()
    same = {**INPUTS, "strong": INPUTS["weak"]}
    all_sure = loss_of(FixMatch(model, confidence=0.01), same)
    alone = loss_of(FixMatch(model, confidence=0.999999), same)
    highest = probabilities(model, WEAK).max(axis=1)
    assert float(all_sure - alone) == pytest.approx(-np.log(highest).mean(), rel=1e-4)


def test_no_gradient_goes_through_the_pseudo_labels():
    model = net()
    fix_match = compiled(FixMatch(model, confidence=0.34))
    weak, strong = (tf.constant(INPUTS[name]) for name in ("weak", "strong"))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([weak, strong])
        inputs = {**INPUTS, "weak": weak, "strong": strong}
        loss = fix_match.compute_loss(inputs, tf.constant(Y), fix_match(inputs, training=True))
    assert tape.gradient(loss, weak) is None
    assert np.abs(tape.gradient(loss, strong)).max() > 0
    labels = probabilities(model, WEAK).argmax(axis=1)
    sure = probabilities(model, WEAK).max(axis=1) >= 0.34
    with tf.GradientTape() as fixed:
        outputs = fix_match(INPUTS, training=True)
        apart = keras.losses.sparse_categorical_crossentropy(labels, outputs[6:])
        taught = keras.losses.sparse_categorical_crossentropy(Y, outputs[:6])
        expected = tf.reduce_mean(taught) + tf.reduce_sum(apart[sure]) / len(WEAK)
    weights = [weight.value for weight in model.trainable_weights]
    for one, other in zip(
        tape.gradient(loss, weights), fixed.gradient(expected, weights), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_pseudo_labels_are_asked_without_dropout():
    fix_match = FixMatch(net(dropout=0.5), confidence=0.4)
    first, again = (fix_match.pseudo_labels(WEAK.astype("float32")) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_normalisation_learns_from_labelled_and_strong_views_alone():
    model = small_classifier(dropout=0.0)
    fix_match = compiled(FixMatch(model, average_decay=0.0))
    norm = model.get_layer("small").get_layer("low_bn")
    before = norm.moving_mean.numpy()
    seen = keras.Model(model.get_layer("small").input, norm.input)
    expected = np.mean(seen(np.concatenate([X, STRONG])), axis=(0, 1, 2))
    fix_match.train_on_batch(INPUTS, Y)
    np.testing.assert_allclose(norm.moving_mean, 0.99 * before + 0.01 * expected, atol=1e-5)


def test_rate_and_accuracy_of_pseudo_labels_are_counted_by_hand():
    model = net()
    confidence = middle_confidence(model)
    answers = probabilities(model, WEAK)
    sure = answers.max(axis=1) >= confidence
    right = (answers.argmax(axis=1) == HIDDEN)[sure]
    fix_match = compiled(FixMatch(model, confidence=confidence))
    logs = fix_match.train_on_batch(WITH_HIDDEN, Y, return_dict=True)
    assert logs["pseudo_label_rate"] == pytest.approx(sure.mean())
    assert logs["pseudo_label_accuracy"] == pytest.approx(right.mean())


def test_what_cannot_be_measured_is_not_reported():
    fix_match = compiled(FixMatch(net()), metrics=["accuracy"])
    assert set(fix_match.train_on_batch(INPUTS, Y, return_dict=True)) == {
        "accuracy",
        "loss",
        "pseudo_label_rate",
    }
    assert set(fix_match.train_on_batch(X, Y, return_dict=True)) == {"accuracy", "loss"}
    assert set(fix_match.evaluate(X, Y, verbose=0, return_dict=True)) == {"accuracy", "loss"}


def test_hidden_labels_train_nothing():
    def trained(hidden):
        fix_match = compiled(FixMatch(net(), confidence=0.34))
        fix_match.train_on_batch({**INPUTS, "hidden": hidden}, Y)
        return fix_match.classifier.get_weights()

    first = trained(WITH_HIDDEN["hidden"])
    for one, other in zip(first, trained(np.full((6, RATIO), -1)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_average_follows_the_weights_and_is_what_is_evaluated():
    model = net()
    fix_match = compiled(FixMatch(model, average_decay=0.5), metrics=["accuracy"])
    expected = [weight.copy() for weight in model.get_weights()]
    for step in range(1, 7):
        fix_match.train_on_batch(INPUTS, Y)
        decay = min(0.5, (1 + step) / (10 + step))
        pairs = zip(expected, model.get_weights(), strict=True)
        expected = [decay * mean + (1 - decay) * weight for mean, weight in pairs]
    for mean, weight in zip(expected, fix_match.average.get_weights(), strict=True):
        np.testing.assert_allclose(weight, mean, atol=1e-6)
    np.testing.assert_allclose(fix_match(X, training=False), fix_match.average(X))
    assert np.abs(fix_match(X, training=False) - model(X)).max() > 1e-4
    fix_match.use_average()
    np.testing.assert_array_equal(model(X), fix_match.average(X))


def test_without_unlabelled_images_it_is_plain_training_to_the_last_bit():
    plain, model = net(), net()
    plain.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
    for fitted in (plain, compiled(FixMatch(model))):
        fitted.fit(X, Y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_classifier_that_taught_itself_is_a_model_like_any_other():
    def build():
        model = CNN(3, "small")
        model.build((None, 16, 16, 3))
        compiled(FixMatch(model, confidence=0.4)).fit(INPUTS, Y, verbose=0)
        return model

    check_model(build, X, Y, probabilities=True)


def test_the_classifier_is_what_is_saved(tmp_path):
    with pytest.raises(NotImplementedError, match="Save the classifier"):
        FixMatch(net()).save(tmp_path / "all.keras")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"confidence": 0}, "confidence to be a number > 0 and < 1; received confidence=0"),
        ({"confidence": 1.0}, "confidence to be a number > 0 and < 1; received confidence=1.0"),
        ({"unlabelled_weight": -1}, "unlabelled_weight to be a number >= 0; received .*=-1"),
        ({"average_decay": 1}, "average_decay to be a number >= 0 and < 1; received .*=1"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        FixMatch(net(), **arguments)


def test_a_classifier_that_is_not_built_is_refused():
    with pytest.raises(InputError, match="one output vector per image.*output shape None"):
        FixMatch(MLP(3))
