"""Training of a compatibility model, with the penalty chosen over classes."""

import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import check_number
from tl_keras.data.sources.class_descriptions import ClassDescriptions
from tl_keras.models.attributes.class_folds import FEWEST_CLASSES, Choice, choose
from tl_keras.models.attributes.compatibility import CompatibilityModel

PENALTIES = (0.1, 0.01, 1e-3, 1e-4)
_USUAL = 1e-2
_STEPS = 150
_BATCH = 1024
_RATE = 5e-3


def fit_compatibility(
    features: np.ndarray,
    labels: Sequence,
    descriptions: ClassDescriptions,
    *,
    hidden_units: Sequence[int] = (),
    penalty: float | None = None,
    seed: int = 0,
) -> CompatibilityModel:
    """Trains a `CompatibilityModel` on features of the seen classes.

    Each penalty is tried on seen classes that are held out, which also choose the scale and the
    calibration. The model is then trained on all images.

    Args:
        features: float (n, d).
        labels: class of each image, (n,), by name or by row of the descriptions.
        descriptions: `ClassDescriptions` of the classes, seen and unseen.
        hidden_units: ints, widths of hidden layers. Defaults to none: a bilinear model.
        penalty: float from 0; None for the one of the highest accuracy between seen classes that
            were held out. Below four seen classes a usual one is taken.
        seed: int, of weights, order and held-out classes. Defaults to 0.

    Returns:
        Compiled `CompatibilityModel`.

    Raises:
        InputError: features are not finite, a class is not described, or fewer than two are seen.
    """
    check_number("seed", seed, minimum=0, integer=True)
    features = np.asarray(features, np.float32)
    numbers = descriptions.numbers(np.asarray(labels).tolist())
    seen = np.unique(numbers)
    unseen = np.setdiff1d(np.arange(len(descriptions)), seen)
    keras.utils.set_random_seed(seed)
    model = CompatibilityModel(
        descriptions, features.shape[-1], unseen=unseen.tolist(), hidden_units=hidden_units
    )
    model.compile(keras.optimizers.Adam(_RATE))
    training = _Training(model, features, numbers)
    penalties = PENALTIES if penalty is None else (penalty,)
    if len(seen) < FEWEST_CLASSES:
        choice = Choice(_USUAL if penalty is None else penalty)
    else:
        choice = choose(
            training.of_rows(penalties),
            features,
            numbers,
            penalties,
            held_out=len(unseen),
            seed=seed,
        ).between
    training.run(np.arange(len(numbers)), seen, choice.strength)
    model.set_choice(choice)
    return model


class _Training:
    """Trainings of one model from the same initial weights; its step is traced once."""

    def __init__(self, model, features, labels):
        self._model, self._features, self._labels = model, features, labels
        self._begun = model.get_weights()
        self._optimizer = [np.array(v) for v in model.optimizer.variables]

    def of_rows(self, penalties):
        """Function of rows, then of classes, that yields scores of a training per penalty."""

        def trained(rows, classes):
            own = rows[np.isin(self._labels[rows], classes)]
            for penalty in penalties:
                self.run(own, classes, penalty)
                yield self._model.scores

        return lambda rows: functools.partial(trained, rows)

    def run(self, rows, classes, penalty):
        model, size = self._model, min(_BATCH, len(rows))
        model.set_weights(self._begun)
        for variable, value in zip(model.optimizer.variables, self._optimizer, strict=True):
            variable.assign(value)
        model.set_choice(Choice(penalty))
        model.learn_from(classes)
        data = tf.data.Dataset.from_tensor_slices((self._features[rows], self._labels[rows]))
        # One long epoch: Keras takes longer between epochs than for a step.
        batches = data.shuffle(len(rows), seed=0).repeat().batch(size).take(_STEPS)
        model.fit(batches, epochs=1, verbose=0, shuffle=False)
