"""Calibrates the probabilities of a trained classifier."""

import keras
import numpy as np

from tl_keras.evaluation.classifiers.classification import evaluate_predictions
from tl_keras.jobs.runs.measuring import main_figures, views_of
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.fine_tuning.from_linear import FromLinear
from tl_keras.training.fine_tuning.inputs import new_rows
from tl_keras.training.fine_tuning.linear_start import last_dense
from tl_keras.training.temperature import fit_temperature, fold_temperature


def calibrate(model: keras.Model, probabilities: np.ndarray, labels: np.ndarray) -> float | None:
    """Fits a temperature on held-out predictions and folds it into the last layer of `model`.

    Each image counts once, whatever class weights the model was trained with: probabilities are
    to fit the data as they are.

    Args:
        model: classifier; one whose last layer is not Dense is left as it is.
        probabilities: float (views, n, num_classes), its predictions for images that it was not
            trained on.
        labels: ints (n,).

    Returns:
        The temperature by which logits were divided; None where there is no such layer.
    """
    if last_dense(model) is None:
        return None
    temperature = from_chief(fit_temperature(probabilities, labels))
    fold_temperature(model, temperature)
    return temperature


def held_out_predictions(
    tuned: FromLinear | None, start: StartingPoint, flips: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Returns predictions for labelled images by a classifier that was not trained on them.

    For a linear start they are for its validation images and, out of fold, its training images.
    After a refit they are of the classifiers before it: out of fold, or of those without the
    validation images. Validation images in groups of training images are left out, see `new_rows`.

    Args:
        tuned: result of the training from a linear start; None of another.
        start: `StartingPoint` with the trained model.
        flips: whether predictions are means over each image and its mirror image.

    Returns:
        (probabilities (views, n, num_classes), labels (n,))
    """
    train, val, *_ = start.splits
    rows = new_rows(train, val)
    labels = val.labels[rows]
    if tuned is None:
        return views_of(start.model, val.subset(rows), flips=flips), labels
    views = val_predictions(tuned, start, flips)[:, rows]
    if tuned.chosen:
        return views, labels
    if tuned.refit:
        known = tuned.starts.both.probabilities, np.concatenate([train.labels, val.labels])
        views = views[:, :0]
    else:
        known = tuned.starts.train.probabilities, train.labels
    return _with_rows(views, labels[: views.shape[1]], *known)


def val_predictions(tuned: FromLinear, start: StartingPoint, flips: bool) -> np.ndarray:
    """Returns predictions (views, n, num_classes) for the validation images, before any refit.

    Those of an average have the temperatures of its networks, others have none yet.

    After a refit the model has seen these images and is not asked: where training had no mirror
    images, the one view from before has to do.

    Args:
        start, flips: see `held_out_predictions`.
    """
    val = tuned.val if tuned.members is None else tuned.members.average
    if val is None or (flips and len(val) == 1 and not tuned.refit):
        return views_of(start.model, start.splits.val, flips=flips)
    return val if flips else val[:1]


def _with_rows(views, labels, more, more_labels):
    """Appends predictions (n, num_classes), those for each view; rows of NaN are left out."""
    known = np.isfinite(more).all(axis=1)
    more = np.broadcast_to(more[known], (len(views), known.sum(), more.shape[1]))
    return np.concatenate([views, more], axis=1), np.concatenate([labels, more_labels[known]])


def calibration_figures(before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> dict:
    """Returns log loss and calibration error of a classifier, without and with calibration.

    Args:
        before, after: float (n, num_classes), its probabilities.
        labels: ints (n,).

    Returns:
        {"before": {"loss", "expected_calibration_error", "calibration_error_by_chance"},
        "after": the same}
    """
    names, result = [str(number) for number in range(after.shape[1])], {}
    for name, probabilities in (("before", before), ("after", after)):
        figures = evaluate_predictions(probabilities, labels, names)
        result[name] = {
            key: value
            for key, value in main_figures(figures).items()
            if key == "loss" or "calibration_error" in key
        }
    return result
