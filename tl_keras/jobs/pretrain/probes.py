"""Accuracy of probes on the encoder's features, where there are labels."""

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.probe_table import probe_table
from tl_keras.progress import say
from tl_keras.reports.pages.pretraining_page import Table
from tl_keras.reports.pages.wording import format_percent
from tl_keras.training.fine_tuning.inputs import random_part

ENCODER = "encoder"
_LABELLED = 2000  # images that the probes learn from, and as many to test them


def measure_probes(encoder, data, seed):
    """Returns the rows of `probe_table` for an encoder and its controls; None without labels.

    Args:
        encoder: model of encoder.keras.
        data: `PretrainData`.
        seed: int.
    """
    if data.num_classes < 2:
        return None
    say("Probing the features for the classes, beside controls:")
    train, test = (random_part(part, _LABELLED, seed) for part in (data.train, data.test))
    try:
        return probe_table({ENCODER: encoder}, train, test, unlabelled=data.train, seed=seed)
    except InputError as error:  # such as a single class among few images
        say(f"Warning: no probes. {error}")
        return None


def probe_rows(rows):
    """Returns the probes as a `Table` of the page."""
    return Table(
        ("Features", "Dimensions", "Linear probe", "Neighbours", "Purity", "AMI"),
        tuple(
            (
                row["features"],
                str(row["dimensions"]),
                _share(row["linear_probe"]),
                _share(row["knn_probe"]),
                format_percent(row["purity"]),
                f"{row['ami']:.2f}",
            )
            for row in rows
        ),
    )


def probe_texts(rows):
    """Returns paragraphs on the table."""
    probe = rows[0]["linear_probe"]
    return (
        f"Fitted with the labels of {probe['num_train']} training images, measured on "
        f"{probe['num_test']} test images. Linear probe: logistic regression on the features. "
        f"Neighbours: a vote of the {rows[0]['knn_probe']['k']} most similar training images. "
        "Purity and AMI (adjusted mutual information, 0 for random clusters and 1 for the "
        "classes): k-means with as many clusters as classes, which sees no label.",
        verdict(rows),
    )


def verdict(rows):
    """Returns a sentence that compares the encoder with the best of its controls."""
    ours, *controls = ((row["features"], row["linear_probe"]["accuracy"]) for row in rows)
    name, best = max(controls, key=lambda control: control[1])
    points = 100 * (ours[1] - best)
    difference = (
        f"{points:.1f} points more than" if points >= 0 else f"{-points:.1f} points less than"
    )
    return (
        f"A linear classifier on the encoder's features is right for {format_percent(ours[1])} of "
        f"the test images, {difference} on the best control ({name}, {format_percent(best)})."
    )


def _share(probe):
    low, high = (format_percent(end) for end in probe["interval"])
    return f"{format_percent(probe['accuracy'])} ({low} – {high})"
