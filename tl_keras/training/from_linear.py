"""Fine-tuning that starts at a logistic regression and keeps the best point on the way."""

import dataclasses

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.augmentation_presets import mirrors
from tl_keras.models.inference import traced
from tl_keras.models.signature import gives_logits
from tl_keras.training.class_weights import image_weights
from tl_keras.training.cutting import cut_at_frozen, unpacked
from tl_keras.training.freezing import apply_unfreeze, freeze
from tl_keras.training.linear_start import fit_linear_start, last_dense
from tl_keras.training.temperature import fit_temperature, tempered_losses
from tl_keras.training.trainable_part import AboveFrozen

POINTS = (0.25, 0.5, 0.75, 1.0)  # of the way from the linear start to the end of fine-tuning
UNCHOSEN = 0.5  # the point without validation images
# Of the preset "best": factors on the learning rate and on the number of epochs.
STRONGER = ((1.0, 1.0), (3.0, 4 / 3))
_AT_ONCE = 64  # images


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """Weights between the linear start and the end of a fine-tuning.

    Attributes:
        lr: highest learning rate of the fine-tuning; None at the start itself.
        share: of the way, 0 to 1.
        accuracy: on validation, mean over each image and its mirror image; None without any.
        loss: log loss on validation at its best temperature, weighted by class as training is;
            None without any.
        standard_error: of the difference between this loss and the lowest.
    """

    lr: float | None
    share: float
    accuracy: float | None = None
    loss: float | None = None
    standard_error: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class FromLinear:
    """Result of a fine-tuning from a linear start.

    Attributes:
        start: `LinearStart`.
        weights: of the whole classifier at the start.
        points: list of `Point`, the start first.
        chosen: index of the point that was kept.
        fine_tuning: number of the fine-tuning that it is of, from 0; None for the start.
    """

    start: object
    weights: list
    points: list
    chosen: int
    fine_tuning: int | None = None

    @property
    def point(self):
        return self.points[self.chosen]


def takes_linear_start(model):
    """Tells whether a classifier is one Dense layer with a bias on its backbone's features."""
    last = last_dense(model)
    if last is None:
        return False
    before = [(layer, layer.trainable) for layer in model._flatten_layers()]
    freeze(model)
    alone = len(model.trainable_weights) == len(last.trainable_weights)
    cut = cut_at_frozen(model) if alone else None
    for layer, trainable in before:  # a model stands before its layers
        layer.trainable = trainable
    outputs = cut.prefix.outputs if cut and cut.prefix else ()
    return len(outputs) == 1 and len(outputs[0].shape) == 2


def suited_to_head(model):
    """Settings of `fine_tune` that the layers of a classifier decide."""
    return {} if takes_linear_start(model) else {"linear_start": False}


def check_linear_start(model):
    """Refuses a classifier that can have no linear start."""
    if not takes_linear_start(model):
        raise InputError(
            "Expected a classifier with head='linear' on a backbone for linear_start=True; "
            f"received {model.name!r}, which has other layers to train. Leave linear_start out."
        )


def set_linear_start(model, part, settings, batch_size):
    """Fits a logistic regression on the frozen features and puts it into the head.

    Args:
        model: classifier.
        part: its `TrainablePart`, the whole.
        settings: `FineTuneSettings`.
        batch_size: images a step while the backbone runs.

    Returns:
        `LinearStart`.
    """
    freeze(model)
    cut = cut_at_frozen(model)
    mirrored = mirrors(settings.augment, part.train.dataset)
    images = dataclasses.replace(part.train, augment="none", mirrored=mirrored)
    views = images.distinct_views
    features = part.compute(cut.prefix, images, views=views, batch_size=batch_size)
    classes = model.output_shape[-1]
    start = fit_linear_start(
        features.arrays[0],
        images.labels,
        classes,
        seed=settings.seed,
        class_weights=settings.class_weights,
    )
    last_dense(model).set_weights([start.kernel, start.bias])
    return start


def candidates(settings):
    """[(learning rate, epochs)] of the fine-tunings that a preset tries, the gentlest first."""
    if settings.unfreeze == "none" or not settings.epochs:
        return []
    steps = STRONGER if settings.preset == "best" else STRONGER[:1]
    return [(settings.lr * rate, round(settings.epochs * more)) for rate, more in steps]


def tune_from_linear(model, settings, start, above, fit):
    """Fine-tunes from a linear start and leaves `model` at the best point on the way.

    Between the weights at the start, w0, and those after a fine-tuning, w1, lie w0 + a (w1 - w0)
    for a in `POINTS`. Validation chooses among them and the start: see `choose`.

    Args:
        model: classifier with the start in its head.
        settings: `FineTuneSettings`.
        start: `LinearStart`.
        above: function without arguments that returns the `TrainablePart` above what is frozen
            while fine-tuning.
        fit: function (part, learning rate, epochs) that trains it and keeps the last weights.

    Returns:
        `FromLinear`.

    Reference:
        Start at a linear probe: Kumar et al. 2022, arXiv 2202.10054. Weights between: Wortsman et
        al. 2022, arXiv 2109.01903.
    """
    weights = model.get_weights()
    tries = candidates(settings)
    if not tries:
        return FromLinear(start, weights, [Point(None, 0.0)], 0)
    apply_unfreeze(model, settings.unfreeze, settings.batch_norm)
    part = above()
    at_start = part.model.get_weights()
    way = [(None, 0.0, at_start)]
    for rate, epochs in tries:
        part.model.set_weights(at_start)
        fit(part, rate, epochs)
        end = part.model.get_weights()
        way += [(rate, share, end) for share in POINTS]
    how = {"logits": gives_logits(model), "class_weights": settings.class_weights}
    points, chosen = _measured(part, at_start, way, **how)
    _, share, end = way[chosen]
    part.model.set_weights(_between(at_start, end, share))
    number = (chosen - 1) // len(POINTS) if chosen else None
    return FromLinear(start, weights, points, chosen, number)


def _measured(part, at_start, way, *, logits, class_weights):
    """([`Point`], index of the chosen one); without validation images half of the gentlest way."""
    if part.val is None or not len(part.val.labels):
        points = [Point(rate, share) for rate, share, _ in way]
        return points, 1 + POINTS.index(UNCHOSEN)
    labels, measure = part.val.labels, _probabilities_of(part.model, part.val, logits=logits)
    losses, accuracies, weights = [], [], image_weights(labels, class_weights)
    for _, share, end in way:
        part.model.set_weights(_between(at_start, end, share))
        probabilities = measure()
        temperature = fit_temperature(probabilities, labels, weights)
        losses.append(tempered_losses(probabilities, labels, temperature))
        accuracies.append(np.mean(probabilities.mean(axis=0).argmax(axis=1) == labels))
    chosen, errors = choose(np.array(losses), weights)
    measured = zip(way, accuracies, losses, errors, strict=True)
    points = [
        Point(rate, share, float(accuracy), float(np.average(loss, weights=weights)), float(error))
        for (rate, share, _), accuracy, loss, error in measured
    ]
    return points, chosen


def choose(losses, weights=None):
    """Chooses the point of the lowest mean loss.

    Args:
        losses: float (points, n), of each validation image at each point.
        weights: float (n,) of the images; None for 1 each.

    Returns:
        (index, standard error (points,) of the difference between each mean and the lowest)
    """
    means = np.average(losses, axis=1, weights=weights)
    best = int(means.argmin())
    deviation = losses - losses[best] - (means - means[best])[:, None]
    shares = np.full(losses.shape[1], 1.0) if weights is None else weights
    shares = shares / shares.sum()
    return best, np.sqrt((shares**2 * deviation**2).sum(axis=1))


def _between(start, end, share):
    return [first + share * (last - first) for first, last in zip(start, end, strict=True)]


def _probabilities_of(model, source, *, logits):
    """A function that gives the probabilities (views, n, classes) of `model` as it is then.

    Args:
        model: what trains.
        source: `Pictures` or `Features`.
        logits: whether it gives logits.
    """
    inputs = (model.prefix if isinstance(model, AboveFrozen) else model).inputs

    def probabilities(*tensors):
        outputs = model(unpacked(tensors), training=False)
        return keras.ops.softmax(outputs) if logits else outputs

    run = traced(probabilities, [tensor.shape[1:] for tensor in inputs])
    load, rows = source.loader(), np.arange(len(source.labels))
    parts = [rows[first : first + _AT_ONCE] for first in range(0, len(rows), _AT_ONCE)]

    def measure():
        return np.stack(
            [
                np.concatenate([run(*load(view, part)).numpy() for part in parts])
                for view in range(source.distinct_views)
            ]
        )

    return measure
