"""Plain sentences for numbers."""

from markupsafe import Markup

from tl_keras.data.inspection.checking import Inspection
from tl_keras.evaluation.classifiers.classification import accuracy_interval

_HONEST_GAP = 0.03
_FEW_IMAGES = 300


def accuracy_texts(metrics: dict, copies: int = 0) -> tuple[str, str, str]:
    """Returns the accuracy, its description with the interval, and a comparison with a baseline.

    Args:
        metrics: result of `evaluate_predictions` on a test split.
        copies: test images that are the same as images of train or val, or nearly.
    """
    n, accuracy = metrics["num_examples"], metrics["accuracy"]
    low, high = accuracy_interval(accuracy, n)
    most_frequent = max(metrics["per_class"], key=lambda row: row["support"])
    baseline = most_frequent["support"] / n
    new = "that took no part in training"
    if copies:
        new = f"({copies} of them the same as images of train or val, or nearly)"
    words = Markup("<b>accuracy on {} test images</b> {}<br>\n95% interval {} to {}").format(
        n, new, format_percent(low), format_percent(high)
    )
    text = Markup(
        "The model classifies {} of {} images correctly. Always predicting the most frequent "
        "class, “<bdi>{}</bdi>”, has an accuracy of {}. {}"
    ).format(
        round(accuracy * n),
        n,
        most_frequent["class"],
        format_percent(baseline),
        _verdict(low, high, baseline),
    )
    return format_percent(accuracy), words, text


def reliability_sentence(metrics: dict) -> str:
    """Returns whether the confidence of predictions is reliable, in plain words.

    Args:
        metrics: result of `evaluate_predictions`.
    """
    n = metrics["num_examples"]
    filled = [b for b in metrics["reliability"] if b["count"]]
    confidence = sum(b["count"] * b["confidence"] for b in filled) / n
    gap = confidence - metrics["accuracy"]
    sentence = (
        f"The mean confidence is {format_percent(confidence)} and the accuracy "
        f"{format_percent(metrics['accuracy'])}: "
    )
    excess = metrics["expected_calibration_error"] - metrics["calibration_error_by_chance"]
    if abs(gap) <= _HONEST_GAP and excess <= _HONEST_GAP:
        sentence += "the confidence is reliable."
    elif abs(gap) <= _HONEST_GAP:
        sentence += (
            "right on average, but too high in some ranges of confidence and too low in others."
        )
    elif gap > 0:
        sentence += "the model is overconfident, so do not rely on a high confidence."
    else:
        sentence += "the model is underconfident: it is right more often than its confidence says."
    if n < _FEW_IMAGES:
        sentence += f" With {n} images this is a rough estimate."
    return sentence


def calibration_sentence(metrics: dict) -> str:
    """Returns a sentence on the effect of a model's temperatures on the test images.

    Args:
        metrics: content of metrics.json, with "calibration".
    """
    calibration = metrics["calibration"]
    if "temperature" in metrics:
        what = f"A temperature of {metrics['temperature']:.2f}, fitted on held-out images, is"
        lead = f"{what} part of the model. It"
    else:
        lead = (
            "Temperatures of its networks, fitted on held-out images, are part of the model. They"
        )
    before, after = (calibration[when] for when in ("before", "after"))
    return (
        f"{lead} changed the log loss from {before['loss']:.3f} to "
        f"{after['loss']:.3f}, and the calibration error from "
        f"{before['expected_calibration_error']:.3f} to "
        f"{after['expected_calibration_error']:.3f}. With this number of images, calibrated "
        f"probabilities have an error of {after['calibration_error_by_chance']:.3f} by chance."
    )


def top_confusions(metrics: dict, limit: int = 5) -> list[dict]:
    """Returns the most frequent confusions of classes.

    Args:
        metrics: result of `evaluate_predictions`.
        limit: maximum number. Defaults to 5.

    Returns:
        A list of dicts: "true", "predicted", "count" and "support" (images of the true class).
    """
    rows = metrics["per_class"]
    pairs = [
        {
            "true": rows[i]["class"],
            "predicted": rows[j]["class"],
            "count": count,
            "support": rows[i]["support"],
        }
        for i, counts in enumerate(metrics["confusion_matrix"])
        for j, count in enumerate(counts)
        if i != j and count
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:limit]


def format_duration(seconds: float) -> str:
    """Returns a duration as text: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_percent(share: float, decimals: int = 1) -> str:
    """Returns a share of 0-1 as percent, e.g. "93.4%"; never "100.0%" for less than 1.

    Args:
        share: 0-1.
        decimals: digits after the point. Defaults to 1.
    """
    text = f"{share:.{decimals}%}"
    return f"{1 - 10 ** -(decimals + 2):.{decimals}%}" if share < 1 and text[:3] == "100" else text


def difference_sentence(
    name_a: str, name_b: str, difference: float, half_width: float, n: int
) -> str:
    """Returns one sentence that compares two classifiers on the same test images.

    A classifier is called ahead or behind only if the whole interval lies on one side of zero.

    Args:
        name_a, name_b: as within a sentence, e.g. "transfer", "the same network from scratch".
        difference, half_width: result of `paired_accuracy_difference`, 0-1.
        n: number of images.
    """
    points = f"{format_difference(abs(difference), half_width)} points"
    on = f"on {n:,} image{'s' if n != 1 else ''}"
    if abs(difference) <= half_width:
        way = f"{points} {'ahead' if difference > 0 else 'behind'}"
        lead = f"{name_a} {way}" if difference else points
        return f"No significant difference between {name_a} and {name_b} ({lead}) {on}."
    way = "ahead of" if difference > 0 else "behind"
    return f"{name_a[0].upper()}{name_a[1:]} is {way} {name_b} by {points} {on}."


def format_difference(difference: float, half_width: float) -> str:
    """Returns two shares as percentage points, e.g. "13.0 ± 2.6"."""
    digits = digits_to_show(difference, half_width)
    return f"{100 * difference:.{digits}f} ± {100 * half_width:.{digits}f}"


def digits_to_show(difference: float, half_width: float, least: int = 1) -> int:
    """Returns the number of decimals for a difference, 0-1, in percentage points.

    There are more decimals if fewer would show the interval as zero or as the difference.
    """
    for digits in (*range(least, 4), least):
        points, half = (f"{100 * abs(value):.{digits}f}" for value in (difference, half_width))
        if float(half) and points != half:
            break
    return digits


def inspection_warnings(inspection: Inspection | None) -> list[str]:
    """Returns sentences on what was noticed about the images, and on files that were skipped.

    Args:
        inspection: `Inspection` of the files; None if they were not inspected.
    """
    if inspection is None:
        return []
    skipped = [f"Skipped {path}: {reason}" for path, reason in inspection.bad]
    return [*inspection.warnings, *skipped]


def _verdict(low, high, baseline):
    if low > baseline:
        return "The model has learned something: its whole interval lies above that."
    if high < baseline:
        return "The model is worse than that. Do not use it; look at the warnings and the curves."
    return (
        "The interval includes that, so these images do not show that the model has learned "
        "anything."
    )
