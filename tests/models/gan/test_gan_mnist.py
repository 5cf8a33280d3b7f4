"""Results of the GAN on MNIST, in the folder that TL_KERAS_DATA names."""

import time

import keras

from tests.real_data import load_mnist, needs
from tl_keras import GAN, evaluate_samples, fit_sample_classifier

pytestmark = needs("mnist.npz")
EPOCHS, MINUTES = 12, 30


def test_all_digits_are_among_1000_samples_none_below_3_percent():
    data = load_mnist()
    keras.utils.set_random_seed(0)
    classifier = fit_sample_classifier(data.train)
    gan = GAN((28, 28), seed=0)
    gan.compile(steps_per_execution=8)
    started = time.monotonic()
    gan.fit(data.train.images, epochs=EPOCHS, verbose=2)
    minutes = (time.monotonic() - started) / 60
    measured = evaluate_samples(
        gan.sample(1000, seed=1), data.train.images, classifier, held_out=data.test.images
    )
    print(f"{minutes:.1f} minutes", measured)  # noqa: T201 - the figures asked for
    assert measured["classes_covered"] == 10
    assert measured["smallest_share"] >= 0.03
    assert minutes < MINUTES
