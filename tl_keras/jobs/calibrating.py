"""Makes the probabilities of a trained classifier mean what they say."""

import numpy as np

from tl_keras.evaluation.classification import evaluate_predictions
from tl_keras.jobs.measuring import views_of
from tl_keras.training.linear_start import last_dense
from tl_keras.training.temperature import fit_temperature, fold_temperature, tempered


def calibrate(model, val, *, flips=False, out_of_fold=None, labels=None):
    """Fits a temperature on validation images and folds it into the last layer of `model`.

    Each image counts once, whatever class weights the model was trained with: probabilities are
    to fit the data as they are.

    Args:
        model: classifier; one whose last layer is not Dense is left as it is.
        val: `ImageDataset`.
        flips: whether predictions are means over each image and its mirror image.
        out_of_fold: float (n, num_classes), probabilities of training images by fits without
            them, which count as validation images do; rows of NaN are left out. None for none.
        labels: ints (n,), of `out_of_fold`.

    Returns:
        The temperature by which logits were divided; None where there is no such layer.
    """
    if last_dense(model) is None:
        return None
    views, known = views_of(model, val, flips=flips), val.labels
    if out_of_fold is not None:
        held_out = np.isfinite(out_of_fold).all(axis=1)
        more = np.broadcast_to(out_of_fold[held_out], (len(views), held_out.sum(), views.shape[2]))
        views = np.concatenate([views, more], axis=1)
        known = np.concatenate([known, labels[held_out]])
    temperature = fit_temperature(views, known)
    fold_temperature(model, temperature)
    return temperature


def calibration_figures(views, labels, temperature):
    """Log loss and calibration error of a calibrated classifier, and those without calibration.

    Args:
        views: float (views, n, num_classes), probabilities of the calibrated classifier.
        labels: ints (n,).
        temperature: as `calibrate` returned it.

    Returns:
        {"temperature": number, "before": {"loss", "expected_calibration_error"}, "after": ...}
    """
    names = [str(number) for number in range(views.shape[2])]
    result = {"temperature": temperature}
    for name, probabilities in (
        ("before", tempered(views, 1 / temperature)),
        ("after", views.mean(axis=0)),
    ):
        figures = evaluate_predictions(probabilities, labels, names)
        result[name] = {key: figures[key] for key in ("loss", "expected_calibration_error")}
    return result
