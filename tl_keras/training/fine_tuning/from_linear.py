"""Search for the weights to keep, between a linear start and the ends of fine-tunings."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np

from tl_keras.checks import DivergedError
from tl_keras.models.cutting import unpacked
from tl_keras.models.inference import traced
from tl_keras.models.signature import gives_logits
from tl_keras.progress import say
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.averaging import Members, fit_members
from tl_keras.training.class_weights import image_weights
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.fine_tuning.linear_head import Starts
from tl_keras.training.fine_tuning.trainable_part import AboveFrozen, TrainablePart
from tl_keras.training.frozen.feature_cache import Features, Images
from tl_keras.training.temperature import fit_temperature, tempered_losses
from tl_keras.training.time_limit import Deadline

POINTS = (0.25, 0.5, 0.75, 1.0)  # shares of the line from the start to the end of fine-tuning
USUAL = 0.75  # the point that is kept unless validation clearly speaks for another
_USUAL = 1 + POINTS.index(USUAL)  # among the points, of which the start is the first
_BEHIND = 0.03  # of accuracy that a point may lie behind the start on validation images
_AT_ONCE = 64  # images
# Trains a part, keeps its last weights, and returns the number of its phase in the history.
FitPart = Callable[[TrainablePart, FineTuneSettings], int]
Weights = list[np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """Weights between the linear start and the end of a fine-tuning.

    Attributes:
        lr: highest learning rate of the fine-tuning; None at the start itself.
        share: part of the line, 0 to 1.
        accuracy: on validation, mean over each image and its mirror image; None without any.
        loss: log loss on validation at its best temperature; None without any.
        standard_error: of the difference between this loss and the lowest.
        epochs, mixup, label_smoothing: of the fine-tuning; None at the start itself.

    Validation is that on images that lie in no group of a training image, see `inputs.new_rows`.
    """

    lr: float | None
    share: float
    accuracy: float | None = None
    loss: float | None = None
    standard_error: float | None = None
    epochs: int | None = None
    mixup: float | None = None
    label_smoothing: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class FromLinear:
    """Result of a fine-tuning from a linear start.

    Attributes:
        starts: the logistic regressions.
        weights: of the whole classifier at the start; that of both with refit.
        points: the start first.
        chosen: index of the point that was kept.
        val: float (views, n, num_classes), probabilities at that point for the validation images,
            which it was not trained on; None if they were not needed.
        phase: number of the phase of the history that led there; None for the start.
        refit: whether the same was trained again on training and validation images together.
        members: of the average; None without average=True or several networks.
    """

    starts: Starts
    weights: Weights
    points: list[Point]
    chosen: int
    val: np.ndarray | None = None
    phase: int | None = None
    refit: bool = False
    members: Members | None = None

    @property
    def point(self) -> Point:
        return self.points[self.chosen]


def kept_at_start(model: keras.Model, starts: Starts) -> FromLinear:
    """Returns the result without any fine-tuning: the classifier with the start in its head."""
    return FromLinear(starts, model.get_weights(), [Point(None, 0.0)], 0, starts.val)


def search_points(
    model: keras.Model,
    start: FromLinear,
    part: TrainablePart,
    tries: Sequence[FineTuneSettings],
    fit: FitPart,
    deadline: Deadline,
    rows: np.ndarray | None = None,
) -> tuple[FromLinear, list[FineTuneSettings]]:
    """Fine-tunes from a linear start and leaves `model` at the best point on the lines.

    Between the weights at the start, w0, and those after a fine-tuning, w1, lie w0 + a (w1 - w0)
    for a in `POINTS`. Validation may choose among them and the start, see `choose`.

    Args:
        model: classifier with the start in its head.
        part: its trainable part on the training images.
        fit: trains such a part and keeps its last weights.
        rows: ints, the validation images by which weights are chosen. Default None: all.

    Returns:
        The result, and the settings of each fine-tuning that was finished, see `line_of`.

    Raises:
        DivergedError: the loss of each fine-tuning became NaN.

    Reference:
        Start at a linear probe: Kumar et al. 2022, arXiv 2202.10054. Weights between: Wortsman et
        al. 2022, arXiv 2109.01903.
    """
    lines = _Lines(part, gives_logits(model), tries[0].class_weights, rows)
    finished, diverged = [], None
    for number, tried in enumerate(tries, 1):
        what = f"fine-tuning {number} of {len(tries)} at learning rate {tried.lr:g}"
        if deadline.leaves_out(tried.epochs, part.train, what):
            continue
        try:
            with deadline.measuring(tried.epochs, part.train):
                lines.add(tried, fit)
            finished.append(tried)
        except DivergedError as error:
            diverged = error
            say(str(error))
    if diverged and not finished:
        raise diverged
    if not finished:
        return start, []
    return lines.best(start, average=tries[0].average), finished


def line_of(point: int) -> int | None:
    """Returns the number of the fine-tuning of a point, from 0; None of the start."""
    return (point - 1) // len(POINTS) if point else None


def on_first_images(part: TrainablePart, train: Images) -> TrainablePart:
    """Returns the part with the training images alone, the first of those that it has."""
    if isinstance(part.train, Features):
        train = part.train.first(len(train.labels))
    return dataclasses.replace(part, train=train)


class _Lines:
    """Fine-tunings from one start, and the points between it and their ends."""

    def __init__(self, part, logits, class_weights, rows=None):
        self.part, self.logits, self.class_weights = part, logits, class_weights
        self.rows = slice(None) if rows is None else rows
        self.at_start = part.model.get_weights()
        self.points = [(Point(None, 0.0), self.at_start, None)]

    def add(self, tried, fit):
        self.part.model.set_weights(self.at_start)
        phase = fit(self.part, tried)
        end = self.part.model.get_weights()
        names = ("lr", "epochs", "mixup", "label_smoothing")
        at_end = Point(share=1.0, **{name: getattr(tried, name) for name in names})
        points = [dataclasses.replace(at_end, share=share) for share in POINTS]
        self.points += [(point, end, phase) for point in points]

    def best(self, start, *, average=False):
        """`FromLinear` as at the start, with the model at the point that was chosen."""
        points, chosen, found = self._measured()
        members = self._members(found) if average else None
        if members is not None and len(members.points) == 1:
            [chosen], members = members.points, None
            one = f"the end of fine-tuning {line_of(chosen) + 1}" if chosen else "the linear start"
            say(f"NOT AVERAGED: by the validation images {one} counts for nearly all.")
        self._set(chosen)
        return dataclasses.replace(
            start,
            points=points,
            chosen=chosen,
            val=found and found[chosen],
            phase=self.points[chosen][-1],
            members=members,
        )

    def _members(self, found):
        """`Members` among the start and the ends of the lines."""
        ends, weights = range(0, len(self.points), len(POINTS)), []
        for point in ends:
            self._set(point)
            weights.append(self.part.upper.get_weights())
        if found is None:
            return fit_members(ends, weights, None)
        val, labels = np.stack([found[point] for point in ends]), self.part.val.labels[self.rows]
        shares = image_weights(labels, self.class_weights)
        members = fit_members(ends, weights, val[:, :, self.rows], labels, shares)
        kept = [ends.index(point) for point in members.points]
        return dataclasses.replace(members, val=val[kept])

    def _set(self, point):
        at, end, _ = self.points[point]
        self.part.model.set_weights(between(self.at_start, end, at.share))

    def _measured(self):
        """([`Point`], index of the chosen one, probabilities at each).

        Without validation images it is the usual one.
        """
        val, points = self.part.val, [point for point, *_ in self.points]
        if val is None or not len(val.labels):
            return points, _USUAL, None
        measure = _probabilities_of(self.part.model, val, logits=self.logits)
        labels = val.labels[self.rows]
        losses, right, found = [], [], []
        weights = image_weights(labels, self.class_weights)
        for number in range(len(self.points)):
            self._set(number)
            found.append(measure())
            chosen_by = found[-1][:, self.rows]
            temperature = fit_temperature(chosen_by, labels, weights)
            losses.append(tempered_losses(chosen_by, labels, temperature))
            right.append(chosen_by.mean(axis=0).argmax(axis=1) == labels)
        chosen, errors = choose(np.array(losses), _USUAL, weights, np.array(right))
        chosen = from_chief(chosen)
        measured = [
            dataclasses.replace(
                point,
                accuracy=float(np.mean(correct)),
                loss=float(np.average(loss, weights=weights)),
                standard_error=float(error),
            )
            for point, correct, loss, error in zip(points, right, losses, errors, strict=True)
        ]
        return measured, chosen, found


def choose(
    losses: np.ndarray,
    usual: int,
    weights: np.ndarray | None = None,
    right: np.ndarray | None = None,
) -> tuple[int, np.ndarray]:
    """Chooses the usual point, or the one of the lowest mean loss if that is clearly better.

    Clearly: by more than one standard error of the difference. With few validation images the
    lowest loss is mostly luck; without looking at any, the usual point is better than the start.
    A lower loss may come from better confidence at fewer right answers, so points that lie more
    than 3 points of accuracy behind the start are left out.

    Args:
        losses: float (points, n), of each validation image at each point, the start first.
        usual: index of a point.
        weights: float (n,) of the images; None for 1 each.
        right: bool (points, n), whether the answer is right. Default None: no point is left out.

    Returns:
        (index, standard error (points,) of the difference between each mean and the lowest)
    """
    means = np.average(losses, axis=1, weights=weights)
    allowed = np.ones(len(means), bool)
    if right is not None:
        accuracies = np.average(right, axis=1, weights=weights)
        allowed = accuracies >= accuracies[0] - _BEHIND - 1e-9  # rounding
    best = int(np.where(allowed, means, np.inf).argmin())
    deviation = losses - losses[best] - (means - means[best])[:, None]
    shares = np.ones(losses.shape[1]) if weights is None else weights
    errors = np.sqrt(((shares / shares.sum()) ** 2 * deviation**2).sum(axis=1))
    if allowed[usual] and means[usual] - means[best] <= errors[usual]:
        return usual, errors
    return best, errors


def between(start: Weights, end: Weights, share: float) -> Weights:
    """Returns the weights at a share of the line from `start` to `end`."""
    return [first + share * (last - first) for first, last in zip(start, end, strict=True)]


def _probabilities_of(model, source, *, logits):
    """Returns a function without arguments: probabilities (views, n, classes) of `model` then."""
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
