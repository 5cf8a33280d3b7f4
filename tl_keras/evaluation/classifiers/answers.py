"""Answers of a model for labelled images: which it gives, and how many are wrong."""

import dataclasses
import functools

import keras
import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.classifiers.prediction import predict_outputs
from tl_keras.models.answers.answering_model import NO_ANSWER, certainty


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """Outputs of a model from `build_answering_model` for labelled images.

    Attributes:
        probabilities: float32 (n, num_classes).
        novelty: float32 (n,).
        answer: ints (n,), -1 for an image that is left to a person.
        labels: ints (n,).
    """

    probabilities: np.ndarray
    novelty: np.ndarray
    answer: np.ndarray
    labels: np.ndarray

    @property
    def novel(self) -> np.ndarray:
        """True for an image that resembles no training image, bool (n,)."""
        return ~(self.novelty <= 0)

    @property
    def answered(self) -> np.ndarray:
        """True for an image that is answered, bool (n,)."""
        return self.answer != NO_ANSWER

    @functools.cached_property
    def certainty(self) -> np.ndarray:
        """Certainty of the likeliest class, float32 (n,), see `certainty`."""
        return certainty(self.probabilities, self.novelty)

    @property
    def right(self) -> np.ndarray:
        """True where the likeliest class is the label, bool (n,)."""
        return self.probabilities.argmax(axis=1) == self.labels


def answers_on(model: keras.Model, *datasets: ImageDataset, batch_size: int = 32) -> Answers:
    """Returns the `Answers` of a model from `build_answering_model` for labelled datasets."""
    size = model.input_shape[1:3]
    found = [
        predict_outputs(model, each.pipeline(batch_size, image_size=size)) for each in datasets
    ]
    joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    return Answers(**joined, labels=np.concatenate([each.labels for each in datasets]))


def answer_figures(answers: Answers) -> dict:
    """Returns how many images are answered and how many of these wrongly, ready for JSON.

    Returns:
        A dict: "images", "answered", "errors", "novel" and "unsure" are counts. The 95% intervals
        are [low, high]: "answered_interval" of the share that is answered, and "error_interval" of
        the error among these, None where nothing is answered.
    """
    answered, novel = answers.answered, answers.novel
    images, given = len(answered), int(answered.sum())
    errors = int((answered & (answers.answer != answers.labels)).sum())
    return {
        "images": images,
        "answered": given,
        "answered_interval": exact_interval(given, images),
        "errors": errors,
        "error_interval": exact_interval(errors, given) if given else None,
        "novel": int(novel.sum()),
        "unsure": int((~answered & ~novel).sum()),
    }


def exact_interval(count: int, total: int) -> list[float]:
    """Returns the 95% interval of Clopper and Pearson for a share, [low, high]."""
    from scipy.stats import beta

    low = beta.ppf(0.025, count, total - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, total - count) if count < total else 1.0
    return [float(low), float(high)]
