"""Sentences on the answers of a model with a promised error."""

from tl_keras.reports.wording.numbers import format_percent


def promise_sentence(figures: dict) -> str:
    """Returns what is promised of the answers, or why nothing is and what it takes.

    Args:
        figures: "answers" of metrics.json.
    """
    val, promise = figures["val"], format_percent(figures["max_error"])
    if val["answered"]:
        return (
            f"At most {promise} of the answers are wrong, with a confidence of "
            f"{1 - figures['risk']:.0%}. Of {val['images']} validation images for the "
            f"promise {val['answered']} are answered, {val['errors']} of them wrong; the others "
            "are left to a person."
        )
    return f"NOTHING IS ANSWERED: {_reason(figures, promise)}"


def _reason(figures, promise):
    first, needed = figures["first"], figures["needed"]
    have = f"{figures['val']['known']} validation images for the promise, of known look,"
    if not first["images"]:
        return (
            f"to promise at most {promise} wrong takes at least {needed} validation images for "
            f"the promise that are all right; there are {figures['val']['known']}. Give more, with "
            "--split, or a larger --max-error."
        )
    tested = f"of the {first['images']} most certain of {have} {first['errors']} are wrong"
    if needed is None:
        return (
            f"{tested}, which is too many to promise at most {promise}. More of them would not "
            "help. Give more training images, or a larger --max-error."
        )
    return (
        f"{tested}. To promise at most {promise} wrong would take about {needed} validation "
        "images for the promise. Give more, with --split, or a larger --max-error."
    )


def realised_sentence(test: dict, max_error: float) -> str:
    """Returns the share of test images that are answered and the error among them.

    Args:
        test: "test" of "answers" in metrics.json.
        max_error: promised error, 0-1.
    """
    if not test["answered"]:
        return f"None of the {test['images']} test images is answered: all are left to a person."
    share, error = test["answered"] / test["images"], test["errors"] / test["answered"]
    return (
        f"Of {test['images']} test images {test['answered']} are answered "
        f"({format_percent(share)}, {_interval(test['answered_interval'])}), and "
        f"{test['errors']} of these are wrong ({format_percent(error)}, "
        f"{_interval(test['error_interval'])}; promised: at most {format_percent(max_error)}). "
        f"{test['novel']} are left to a person as novel, {test['unsure']} as unsure."
    )


def _interval(ends):
    return " to ".join(format_percent(end) for end in ends)
