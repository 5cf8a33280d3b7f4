"""Fine-tuning that starts at a logistic regression and keeps the best point on the way."""

import contextlib
import dataclasses
import math
import time

import keras
import numpy as np

from tl_keras.checks import DivergedError, InputError
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.data.splits import joined
from tl_keras.models.inference import traced
from tl_keras.models.signature import gives_logits
from tl_keras.progress import say
from tl_keras.training.class_weights import image_weights
from tl_keras.training.fine_tuning.linear_start import fit_linear_start, last_dense
from tl_keras.training.fine_tuning.trainable_part import AboveFrozen
from tl_keras.training.frozen.cutting import cut_at_frozen, unpacked
from tl_keras.training.frozen.feature_cache import Features
from tl_keras.training.frozen.freezing import apply_unfreeze, freeze, restoring_trainable
from tl_keras.training.temperature import fit_temperature, tempered_losses

POINTS = (0.25, 0.5, 0.75, 1.0)  # of the way from the linear start to the end of fine-tuning
USUAL = 0.75  # the point that is kept unless validation clearly speaks for another
_USUAL = 1 + POINTS.index(USUAL)  # among the points, of which the start is the first
_AT_ONCE = 64  # images


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """Weights between the linear start and the end of a fine-tuning.

    Attributes:
        lr: highest learning rate of the fine-tuning; None at the start itself.
        share: of the way, 0 to 1.
        accuracy: on validation, mean over each image and its mirror image; None without any.
        loss: log loss on validation at its best temperature; None without any.
        standard_error: of the difference between this loss and the lowest.
    """

    lr: float | None
    share: float
    accuracy: float | None = None
    loss: float | None = None
    standard_error: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Starts:
    """Logistic regressions on frozen features.

    Attributes:
        train: `LinearStart` of the training images.
        both: `LinearStart` of training and validation images together; None without refit.
        val: float32 (views, n, num_classes), probabilities of `train` for the validation images;
            None without refit.
    """

    train: object
    both: object = None
    val: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class FromLinear:
    """Result of a fine-tuning from a linear start.

    Attributes:
        starts: `Starts`.
        weights: of the whole classifier at the start; that of both with refit.
        points: list of `Point`, the start first.
        chosen: index of the point that was kept.
        val: float (views, n, num_classes), probabilities at that point for the validation images,
            which it was not trained on; None if they were not needed.
        phase: number of the phase of the history that led there; None for the start.
        refit: whether the same was trained again on training and validation images together.
    """

    starts: Starts
    weights: list
    points: list
    chosen: int
    val: np.ndarray | None = None
    phase: int | None = None
    refit: bool = False

    @property
    def point(self):
        return self.points[self.chosen]


def takes_linear_start(model):
    """Tells whether a classifier is one Dense layer with a bias on its backbone's features."""
    last = last_dense(model)
    if last is None:
        return False
    with restoring_trainable(model):
        freeze(model)
        alone = len(model.trainable_weights) == len(last.trainable_weights)
        cut = cut_at_frozen(model) if alone else None
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
        `Starts`; that of the training images is in the head.
    """
    freeze(model)
    cut = cut_at_frozen(model)
    mirrored = mirrors(settings.augment, part.train.dataset)
    images = dataclasses.replace(part.train, augment="none", mirrored=mirrored)
    classes, views = model.output_shape[-1], images.distinct_views

    images = _with_val(images, part.val) if settings.refit else images
    [features] = part.compute(cut.prefix, images, views=views, batch_size=batch_size).arrays
    count = len(part.train.labels)

    def fit(number):
        return fit_linear_start(
            features[:, :number],
            images.labels[:number],
            classes,
            seed=settings.seed,
            class_weights=settings.class_weights,
        )

    starts = Starts(fit(count))
    if settings.refit:
        val = starts.train.predict(features[:, count:])
        starts = Starts(starts.train, fit(len(images.labels)), val)
    _put(starts.train, model)
    return starts


def _put(start, model):
    last_dense(model).set_weights([start.kernel, start.bias])


def tune_from_linear(model, settings, starts, whole, above, fit, limit):
    """Fine-tunes from a linear start and leaves `model` at the best point on the way.

    Between the weights at the start, w0, and those after a fine-tuning, w1, lie w0 + a (w1 - w0)
    for a in `POINTS`. Validation may choose among them and the start: see `choose`. With refit the
    chosen training is repeated on training and validation images together.

    Args:
        model: classifier with the start in its head.
        settings: `FineTuneSettings`.
        starts: `Starts`.
        whole: `TrainablePart`, the whole classifier on images.
        above: function from such a part to that above what is frozen while fine-tuning.
        fit: function (part, settings) that trains it, keeps the last weights, and returns the
            number of its phase in the history.
        limit: `Deadline`.

    Returns:
        `FromLinear`.

    Reference:
        Start at a linear probe: Kumar et al. 2022, arXiv 2202.10054. Weights between: Wortsman et
        al. 2022, arXiv 2109.01903.
    """
    start = FromLinear(starts, model.get_weights(), [Point(None, 0.0)], 0, starts.val)
    found, tried, images, part = start, None, whole.train, None
    if settings.refit:
        images = _with_val(whole.train, whole.val)
    tries = settings.fine_tunings(len(whole.train.labels))
    if tries and not limit.allows(0, whole.train):
        _say_left_out("fine-tuning")
    elif tries:
        apply_unfreeze(model, settings.unfreeze, settings.batch_norm)
        # What the frozen part gives is computed once, for the last fit too.
        part = above(dataclasses.replace(whole, train=images))
        ways = _Ways(_first(part, whole.train), gives_logits(model), settings.class_weights)
        found, tried = _search(ways, start, tries, fit, limit)
    return _refit(model, found, tried, images, part, fit, limit) if settings.refit else found


def _first(part, train):
    """The part with the training images alone, the first of those that it has."""
    if isinstance(part.train, Features):
        train = part.train.first(len(train.labels))
    return dataclasses.replace(part, train=train)


def _search(ways, start, tries, fit, limit):
    """(`FromLinear`; the settings of its fine-tuning, None at the start)"""
    gone = _go_each(ways, tries, fit, limit)
    if not gone:
        return start, None
    found = ways.best(start)
    return found, gone[(found.chosen - 1) // len(POINTS)] if found.chosen else None


def _go_each(ways, tries, fit, limit):
    """Fine-tunes as far as time allows; returns the tries that went well.

    Raises:
        DivergedError: the loss of each became NaN.
    """
    gone, diverged, source = [], None, ways.part.train
    for tried in tries:
        if not limit.allows(tried.epochs, source):
            _say_left_out(f"fine-tuning at learning rate {tried.lr:g}")
            continue
        try:
            with limit.measuring(tried.epochs, source):
                ways.go(tried, fit)
            gone.append(tried)
        except DivergedError as error:
            diverged = error
            say(str(error))
    if diverged and not gone:
        raise diverged
    return gone


def _refit(model, found, tried, images, part, fit, limit):
    """Repeats the training that was chosen on training and validation images together."""
    if tried is not None and not limit.allows(tried.epochs, images):
        _say_left_out("the last fit with the validation images")
        return found
    before, kept = found, model.get_weights()
    model.set_weights(found.weights)
    _put(found.starts.both, model)
    found = dataclasses.replace(found, weights=model.get_weights(), refit=True)
    if tried is None:
        return found
    part = dataclasses.replace(part, val=None)
    at_start = part.model.get_weights()
    try:
        phase = fit(part, tried)
    except DivergedError as error:
        say(f"{error} The model from before the last fit is kept.")
        model.set_weights(kept)
        return before
    part.model.set_weights(_between(at_start, part.model.get_weights(), found.point.share))
    return dataclasses.replace(found, phase=phase)


def _with_val(train, val):
    """`Pictures` of both, training images first; of several kinds or sizes in the model's size."""
    parts = [train.dataset, val.dataset]
    if _kind(parts[0]) == _kind(parts[1]):
        return dataclasses.replace(train, dataset=joined(parts))
    images = np.concatenate([part.decoded(train.image_size) for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    both = dataclasses.replace(parts[0], images=images, labels=labels, rows=None)
    return dataclasses.replace(train, dataset=both)


def _kind(dataset):
    return "files" if dataset.is_files else dataset.images.shape[1:]


def _say_left_out(what):
    say(f"OUT OF TIME: {what} is left out.")


class Deadline:
    """Tells whether a further fine-tuning ends in time.

    Args:
        minutes: from `started` on; None for no limit.
        started: of `time.monotonic`.
    """

    def __init__(self, minutes, started):
        self._end = math.inf if minutes is None else started + 60 * minutes
        self._slowest = 0.0  # seconds for one image in one epoch

    @contextlib.contextmanager
    def measuring(self, epochs, source):
        """Measures a fine-tuning for so many epochs on `Pictures` or `Features`."""
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        self._slowest = max(self._slowest, seconds / (epochs * len(source.labels)))

    def allows(self, epochs, source):
        """Tells whether one for so many epochs, as slow as the slowest before, ends in time."""
        needed = self._slowest * epochs * len(source.labels)
        return time.monotonic() + needed <= self._end


class _Ways:
    """Fine-tunings from one start, and the points on them."""

    def __init__(self, part, logits, class_weights):
        self.part, self.logits, self.class_weights = part, logits, class_weights
        self.at_start = part.model.get_weights()
        self.points = [(None, 0.0, self.at_start, None)]

    def go(self, tried, fit):
        self.part.model.set_weights(self.at_start)
        phase = fit(self.part, tried)
        end = self.part.model.get_weights()
        self.points += [(tried.lr, share, end, phase) for share in POINTS]

    def best(self, start):
        """`FromLinear` as at the start, with the model at the point that was chosen."""
        points, chosen, val = self._measured()
        _, share, end, phase = self.points[chosen]
        self._set(share, end)
        return dataclasses.replace(start, points=points, chosen=chosen, val=val, phase=phase)

    def _set(self, share, end):
        self.part.model.set_weights(_between(self.at_start, end, share))

    def _measured(self):
        """([`Point`], index of the chosen one, probabilities there).

        Without validation images it is the usual one.
        """
        val = self.part.val
        if val is None or not len(val.labels):
            points = [Point(rate, share) for rate, share, *_ in self.points]
            return points, _USUAL, None
        labels, measure = val.labels, _probabilities_of(self.part.model, val, logits=self.logits)
        losses, found, weights = [], [], image_weights(labels, self.class_weights)
        for _, share, end, _ in self.points:
            self._set(share, end)
            found.append(measure())
            temperature = fit_temperature(found[-1], labels, weights)
            losses.append(tempered_losses(found[-1], labels, temperature))
        chosen, errors = choose(np.array(losses), _USUAL, weights)
        points = [
            Point(
                rate,
                share,
                float(np.mean(probabilities.mean(axis=0).argmax(axis=1) == labels)),
                float(np.average(loss, weights=weights)),
                float(error),
            )
            for (rate, share, *_), probabilities, loss, error in zip(
                self.points, found, losses, errors, strict=True
            )
        ]
        return points, chosen, found[chosen]


def choose(losses, usual, weights=None):
    """Chooses the usual point, or the one of the lowest mean loss if that is clearly better.

    Clearly: by more than one standard error of the difference. Of few validation images the lowest
    loss is mostly luck; without looking at any, the usual point is better than the start.

    Args:
        losses: float (points, n), of each validation image at each point.
        usual: index of a point.
        weights: float (n,) of the images; None for 1 each.

    Returns:
        (index, standard error (points,) of the difference between each mean and the lowest)
    """
    means = np.average(losses, axis=1, weights=weights)
    best = int(means.argmin())
    deviation = losses - losses[best] - (means - means[best])[:, None]
    shares = np.ones(losses.shape[1]) if weights is None else weights
    errors = np.sqrt(((shares / shares.sum()) ** 2 * deviation**2).sum(axis=1))
    return (best if means[usual] - means[best] > errors[usual] else usual), errors


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
