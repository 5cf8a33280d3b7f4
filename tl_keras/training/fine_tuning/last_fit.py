"""Last fit of `refit`: the chosen training again, on training and validation images together."""

import dataclasses
from collections.abc import Sequence

import keras

from tl_keras.checks import DivergedError
from tl_keras.progress import say
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.from_linear import FitPart, FromLinear, between, line_of
from tl_keras.training.fine_tuning.linear_head import put_into_head
from tl_keras.training.fine_tuning.trainable_part import TrainablePart
from tl_keras.training.frozen.feature_cache import Images
from tl_keras.training.time_limit import Deadline


def fit_all_images(
    model: keras.Model,
    found: FromLinear,
    lines: Sequence[FineTuneSettings],
    images: Images,
    part: TrainablePart | None,
    fit: FitPart,
    deadline: Deadline,
) -> FromLinear:
    """Repeats the training that was chosen on training and validation images together.

    So are the fine-tunings of the members of an average, as long as there is time. A member that is
    not fitted again stays as it was.

    Args:
        model: classifier at the chosen point.
        lines: settings of each fine-tuning.
        part: the trainable part of the model on these images; None without fine-tuning.
        fit: trains such a part and keeps its last weights.

    Returns:
        `FromLinear` with `refit`; `found` if time is over or the loss became NaN.
    """
    settings = lines[line_of(found.chosen)] if found.chosen else None
    what = "the last fit with the validation images"
    if settings is not None and deadline.leaves_out(settings.epochs, images, what):
        return found
    before, kept = found, model.get_weights()
    model.set_weights(found.weights)
    put_into_head(found.starts.both, model)
    found = dataclasses.replace(found, weights=model.get_weights(), refit=True)
    if not lines:
        return found
    at_start, part = part.model.get_weights(), dataclasses.replace(part, val=None)
    ends = {None: part.upper.get_weights()}  # of each line
    if settings is not None:
        try:
            phase = fit(part, settings)
        except DivergedError as error:
            say(f"{error} The model from before the last fit is kept.")
            model.set_weights(kept)
            return before
        ends[line_of(found.chosen)] = part.upper.get_weights()
        end = between(at_start, part.model.get_weights(), found.point.share)
        part.model.set_weights(end)
        found = dataclasses.replace(found, phase=phase)
    if found.members is None:
        return found

    def again(line):
        name = f"the last fit of fine-tuning {line + 1} of {len(lines)}"
        part.model.set_weights(at_start)
        if deadline.leaves_out(lines[line].epochs, images, name):
            return None
        try:
            fit(part, lines[line])
        except DivergedError as error:
            say(f"{error} The average has this network from before it.")
            return None
        return part.upper.get_weights()

    chosen, lines_again = part.model.get_weights(), map(line_of, found.members.points)
    weights = [ends[line] if line in ends else again(line) for line in lines_again]
    part.model.set_weights(chosen)
    return dataclasses.replace(found, members=found.members.refitted(weights))
