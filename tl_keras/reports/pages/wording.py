"""Plain sentences for numbers."""

from tl_keras.evaluation.classifiers.classification import accuracy_interval

_HONEST_GAP = 0.03
_FEW_IMAGES = 300


def headline(metrics):
    """Returns the result in plain words.

    Args:
        metrics: as `evaluate_predictions` returns them.

    Returns:
        dict of "accuracy", "low" and "high" (its 95% interval), all 0-1, "num_examples",
        "num_right", "most_frequent" (a class), "baseline" (accuracy of always answering it) and
        "verdict", a sentence that compares the two.
    """
    n = metrics["num_examples"]
    low, high = accuracy_interval(metrics["accuracy"], n)
    most_frequent = max(metrics["per_class"], key=lambda row: row["support"])
    baseline = most_frequent["support"] / n
    return {
        "accuracy": metrics["accuracy"],
        "low": low,
        "high": high,
        "num_examples": n,
        "num_right": round(metrics["accuracy"] * n),
        "most_frequent": most_frequent["class"],
        "baseline": baseline,
        "verdict": _verdict(low, high, baseline),
    }


def reliability_sentence(metrics):
    """Returns whether the confidence of the answers can be believed, in plain words.

    Args:
        metrics: as `evaluate_predictions` returns them.
    """
    n = metrics["num_examples"]
    filled = [b for b in metrics["reliability"] if b["count"]]
    confidence = sum(b["count"] * b["confidence"] for b in filled) / n
    gap = confidence - metrics["accuracy"]
    sentence = (
        f"On average the model is {format_percent(confidence)} sure and right in "
        f"{format_percent(metrics['accuracy'])} of the cases: "
    )
    excess = metrics["expected_calibration_error"] - metrics["calibration_error_by_chance"]
    if abs(gap) <= _HONEST_GAP and excess <= _HONEST_GAP:
        sentence += "its confidence can be taken at its word."
    elif abs(gap) <= _HONEST_GAP:
        sentence += "right on the whole, but too sure in some ranges and not sure enough in others."
    elif gap > 0:
        sentence += "it is surer than it should be, so read a high confidence with care."
    else:
        sentence += "it is more often right than it says."
    if n < _FEW_IMAGES:
        sentence += f" With {n} images this is a rough estimate."
    return sentence


def calibration_sentence(calibration):
    """Returns what the temperature in the model changed on the test images.

    Args:
        calibration: as `jobs.train.calibrating.calibration_figures` returns it.
    """
    before, after = (calibration[when] for when in ("before", "after"))
    return (
        f"A temperature of {calibration['temperature']:.2f}, fitted on held-out images, is part "
        f"of the model. It took the log loss from {before['loss']:.3f} to {after['loss']:.3f}, and "
        f"the calibration error from {before['expected_calibration_error']:.3f} to "
        f"{after['expected_calibration_error']:.3f}. On so many images even probabilities that are "
        f"exactly right would show {after['calibration_error_by_chance']:.3f} by chance."
    )


def top_confusions(metrics, limit=5):
    """Returns which classes are taken for which most often.

    Args:
        metrics: as `evaluate_predictions` returns them.
        limit: at most so many. Defaults to 5.

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


def format_duration(seconds):
    """Returns seconds as people say them: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_percent(share, decimals=1):
    """Returns a share of 0-1 as percent, e.g. "93.4%"; never "100.0%" for less than all.

    Args:
        share: 0-1.
        decimals: digits after the point. Defaults to 1.
    """
    text = f"{share:.{decimals}%}"
    return f"{1 - 10 ** -(decimals + 2):.{decimals}%}" if share < 1 and text[:3] == "100" else text


def difference_sentence(name_a, name_b, difference, half_width, n):
    """Returns in one sentence how two classifiers compare on the same test images.

    Ahead and behind are said only if the whole interval lies on one side of zero.

    Args:
        name_a, name_b: as within a sentence, e.g. "transfer", "the same network from scratch".
        difference, half_width: as `paired_accuracy_difference` returns them, 0-1.
        n: number of images.
    """
    points = f"{format_difference(abs(difference), half_width)} points"
    on = f"on {n:,} image{'s' if n != 1 else ''}"
    if abs(difference) <= half_width:
        way = f"{points} {'ahead' if difference > 0 else 'behind'}"
        lead = f"{name_a} {way}" if difference else points
        return f"No difference to be seen between {name_a} and {name_b} ({lead}) {on}."
    way = "ahead of" if difference > 0 else "behind"
    return f"{name_a[0].upper()}{name_a[1:]} is {way} {name_b} by {points} {on}."


def format_difference(difference, half_width):
    """Returns two shares as percentage points, e.g. "13.0 ± 2.6"."""
    digits = digits_to_show(difference, half_width)
    return f"{100 * difference:.{digits}f} ± {100 * half_width:.{digits}f}"


def digits_to_show(difference, half_width, least=1):
    """Returns with how many decimals to write a difference, 0-1, as percentage points.

    There are more where fewer would show the interval as zero or as the difference.
    """
    for digits in (*range(least, 4), least):
        points, half = (f"{100 * abs(value):.{digits}f}" for value in (difference, half_width))
        if float(half) and points != half:
            break
    return digits


def _verdict(low, high, baseline):
    if low > baseline:
        return "The model has learned something: its whole interval lies above that."
    if high < baseline:
        return "The model is worse than that. Do not use it; look at the warnings and the curves."
    return (
        "The interval includes that, so these images do not show that the model has learned "
        "anything."
    )
