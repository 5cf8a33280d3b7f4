"""Estimated seconds of each strategy on this machine."""

from collections.abc import Sequence

import numpy as np

from tl_keras.data.dataset import Splits
from tl_keras.evaluation.policy.table import Row
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.recommend import OF_TRAIN, STRATEGIES
from tl_keras.training.fine_tuning.inputs import suited_to_data
from tl_keras.training.fine_tuning.time_plan import Speed, stages

# Share of the time of a forward pass in the part that trains; half of the layers of MobileNetV2
# are at low resolution.
_TRAINED = {"linear": 0.0, "balanced": 0.35, "full": 1.0}


def estimated_seconds(
    splits: Splits, features: int, per_image: float, rows: Sequence[Row], *, refit: bool
) -> dict[str, float]:
    """Returns {strategy: seconds}.

    Those of `train` follow the plan that it prints itself, from the measured time of the frozen
    pass. Others take as long for an image as the median of the table, which another machine made.

    Args:
        features: numbers that the backbone computes for an image.
        per_image: seconds in which it does so.
        refit: whether `train` repeats the training with the validation images.
    """
    seconds = {"prototype": per_image * len(splits.train)}
    for name in OF_TRAIN:
        seconds[name] = sum(_stages(name, splits, features, per_image, refit).values())
    for name in set(STRATEGIES) - set(seconds):
        times = [
            row.seconds[name] / row.descriptors["images"] for row in rows if name in row.seconds
        ]
        if times:
            seconds[name] = float(np.median(times)) * len(splits.train)
    return seconds


def _stages(name, splits, features, per_image, refit):
    asked = FineTuneSettings(**STRATEGIES[name].options, refit=refit)
    settings = suited_to_data(asked.filled(), splits.train)
    trained = _TRAINED[name] * per_image
    return stages(Speed(0.0, 0.0, per_image - trained, trained), settings, splits, features)
