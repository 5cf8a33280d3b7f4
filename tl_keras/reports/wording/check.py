"""Sentences of `check`."""

from collections import Counter
from collections.abc import Iterator

from tl_keras.data.fixes.finding import NEAR, ODD, SAME, SIZE, SUFFIX, SUSPECT, UNREADABLE
from tl_keras.evaluation.classifiers.suspect_labels import LEAST_SHARE
from tl_keras.reports.pages.results import CheckResults

TITLES = {
    UNREADABLE: "Files that cannot be read",
    SAME: "The same image several times",
    NEAR: "Nearly the same image",
    SUSPECT: "Suspect labels",
    ODD: "Odd images",
    SIZE: "Odd sizes",
    SUFFIX: "Another format than the suffix says",
}
MEANINGS = {
    UNREADABLE: "Training refuses them. Repair them, or leave them out.",
    SAME: "All but the first image of each row would be left out, those in test last.",
    NEAR: (
        "Recompressed, cut, shifted or mirrored copies, or frames of one film. Training keeps the "
        "images of each row in one split; those that lie in two splits already would be left out "
        "of the training images."
    ),
    SUSPECT: (
        "A logistic regression on features and the nearest images predict each image without "
        "its label. From their probabilities follows how probably a label is wrong, if labels are "
        "wrong at random."
    ),
    ODD: "Far from all others in their features: other things, drawings, text, or damage.",
    SIZE: "Far smaller or longer than the others.",
    SUFFIX: "They are read by their content, so nothing needs to be done.",
}


def summary(results: CheckResults) -> Iterator[str]:
    """Yields a line for each kind of finding, and one on the labels."""
    counts = Counter(each.kind for each in results.findings)
    for kind, title in TITLES.items():
        if counts[kind]:
            yield f"{title}: {counts[kind]:,}"
    if not counts:
        yield "Nothing was found."
    yield labels_line(results)


def labels_line(results: CheckResults) -> str:
    """Returns a sentence on the share of wrong labels."""
    share, count = results.suspects.share, len(results.images)
    if not share:
        return "Labels were not judged."
    if share <= LEAST_SHARE:
        return f"Labels that are wrong at random: at most {LEAST_SHARE:.0%} of {count:,}."
    return (
        f"Labels that are wrong at random: an estimated {share:.0%} of {count:,}, about "
        f"{share * count:.0f}."
    )
