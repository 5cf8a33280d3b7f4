"""Last fit of `refit`: the chosen training again, on training and validation images together."""

import dataclasses

import keras

from tl_keras.checks import DivergedError
from tl_keras.progress import say
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.from_linear import FitPart, FromLinear, between
from tl_keras.training.fine_tuning.linear_head import put_into_head
from tl_keras.training.fine_tuning.trainable_part import TrainablePart
from tl_keras.training.frozen.feature_cache import Images
from tl_keras.training.time_limit import Deadline


def fit_all_images(
    model: keras.Model,
    found: FromLinear,
    settings: FineTuneSettings | None,
    images: Images,
    part: TrainablePart | None,
    fit: FitPart,
    deadline: Deadline,
) -> FromLinear:
    """Repeats the training that was chosen on training and validation images together.

    Args:
        model: classifier at the chosen point.
        part: the trainable part of the model on these images; None without fine-tuning.
        fit: trains such a part and keeps its last weights.

    Returns:
        `FromLinear` with `refit`; `found` if time is over or the loss became NaN.
    """
    what = "the last fit with the validation images"
    if settings is not None and deadline.leaves_out(settings.epochs, images, what):
        return found
    before, kept = found, model.get_weights()
    model.set_weights(found.weights)
    put_into_head(found.starts.both, model)
    found = dataclasses.replace(found, weights=model.get_weights(), refit=True)
    if settings is None:
        return found
    at_start = part.model.get_weights()
    try:
        phase = fit(dataclasses.replace(part, val=None), settings)
    except DivergedError as error:
        say(f"{error} The model from before the last fit is kept.")
        model.set_weights(kept)
        return before
    part.model.set_weights(between(at_start, part.model.get_weights(), found.point.share))
    return dataclasses.replace(found, phase=phase)
