"""Estimated seconds of each strategy on this machine."""

from collections.abc import Sequence

import numpy as np

from tl_keras.data.dataset import Splits
from tl_keras.evaluation.policy.table import Row
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.classifier import build_classifier
from tl_keras.settings.few_labels.recommend import OF_TRAIN, STRATEGIES, RecommendSettings
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.fine_tuning.inputs import images_of, suited_to_data
from tl_keras.training.fine_tuning.time_plan import Speed, measure_speed, stages


def speed_of(config: RecommendSettings, splits: Splits) -> Speed:
    """Measures the seconds for one image in the two parts of the backbone, on a few images."""
    model = build_classifier(
        config.backbone,
        splits.train.num_classes,
        image_size=image_size_for(config.backbone, splits.train, config.image_size),
    )
    settings = _settings("balanced", splits, refit=False)
    return measure_speed(model, images_of(splits.train, model, settings, training=True), settings)


def estimated_seconds(
    speed: Speed, splits: Splits, features: int, rows: Sequence[Row], *, refit: bool
) -> dict[str, float]:
    """Returns {strategy: seconds}.

    Those of `train` follow the plan that it prints itself. Others take as long for an image as the
    median of the table, which another machine made.

    Args:
        features: numbers that the backbone computes for an image.
        refit: whether `train` repeats the training with the validation images.
    """
    seconds = {"prototype": (speed.loading + speed.whole) * len(splits.train)}
    for name in OF_TRAIN:
        settings = _settings(name, splits, refit)
        own = speed.of_all_layers if settings.unfreeze == "all" else speed
        seconds[name] = sum(stages(own, settings, splits, features).values())
    for name in set(STRATEGIES) - set(seconds):
        times = [r.seconds[name] / r.descriptors["images"] for r in rows if name in r.seconds]
        if times:
            seconds[name] = float(np.median(times)) * len(splits.train)
    return seconds


def _settings(name, splits, refit):
    """The settings of a strategy that `train` carries out, with a value for each."""
    asked = FineTuneSettings(**STRATEGIES[name].options, refit=refit)
    return suited_to_data(asked.filled(), splits.train)
