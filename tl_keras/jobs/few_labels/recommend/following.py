"""Choice of the strategy of a training by `tl-keras train --policy auto`."""

import dataclasses

from tl_keras.checks import InputError
from tl_keras.evaluation.policy.advice import advise
from tl_keras.evaluation.policy.descriptors import describe
from tl_keras.jobs.features.kept_features import kept_features
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.progress import say
from tl_keras.reports.wording.numbers import format_percent
from tl_keras.reports.wording.recommendation import policy_sentences, title_of
from tl_keras.settings.few_labels.recommend import OF_TRAIN, STRATEGIES
from tl_keras.settings.train import TrainSettings
from tl_keras.training.checkpoints.decisions import decided
from tl_keras.training.distribution.several_machines import from_chief


def followed(
    config: TrainSettings, start: StartingPoint
) -> tuple[TrainSettings, StartingPoint, dict | None]:
    """Gives the settings of the strategy that `policy="auto"` chooses for the training images.

    Returns:
        (settings without a policy, start whose note names the choice, content of "policy" in
        metrics.json); the arguments and None without a policy.

    Raises:
        InputError: the start cannot begin from a linear start.
    """
    if config.policy is None:
        return config, start, None
    if start.suited.get("linear_start") is False:
        raise InputError(
            "Expected a backbone with ImageNet weights for policy='auto', whose results are those "
            f"of one; received {start.weights['note']} Leave policy out."
        )
    chosen = from_chief(decided("policy", lambda: _chosen(config, start.splits)))
    tuning = dataclasses.replace(config.fine_tune, **STRATEGIES[chosen["strategy"]].options)
    words = f"policy=auto: {title_of(chosen['strategy'])}{_expected(chosen['expected'])}. "
    words += chosen["reason"]
    say(words)
    weights = {**start.weights, "note": f"{start.weights['note']} {words}"}
    config = dataclasses.replace(config, policy=None, fine_tune=tuning)
    return config, dataclasses.replace(start, weights=weights), chosen


def _chosen(config, splits):
    """The choice and its reason, as metrics.json has them."""
    features = kept_features(
        config.backbone,
        splits.train,
        getattr(splits.inspection, "contents", {}),
        weights=config.weights,
        image_size=config.image_size,
    )
    descriptors = describe(splits.train, features, seed=config.seed)
    advice = advise(descriptors, OF_TRAIN)
    expected = advice.expected[advice.choice]
    return {
        "strategy": advice.choice,
        "expected": expected and dataclasses.asdict(expected),
        "reason": " ".join(policy_sentences(advice.judgement)[:2]),
        "descriptors": descriptors,
    }


def _expected(expected):
    if expected is None:
        return ""
    mean, low, high = (format_percent(expected[name], 0) for name in ("mean", "low", "high"))
    return f", expected accuracy {mean} ({low} to {high})"
