"""Results of a zero-shot run in sentences."""

from markupsafe import Markup

from tl_keras.reports.wording.numbers import format_percent
from tl_keras.settings.features import PIXELS
from tl_keras.settings.label_free import SMALL_RESNET

_METHODS = {
    "eszsl": "ESZSL fits one matrix between features and descriptions, in closed form.",
    "dap": "Each attribute is predicted from the features; the class is the one that fits best.",
    "compatibility": "A network maps features into the space of the descriptions.",
}


def result_words(metrics: dict) -> tuple[str, Markup]:
    """Returns the accuracy among unseen classes and its description."""
    low, high = (format_percent(end) for end in metrics["interval"])
    words = Markup(
        "<b>accuracy among {} unseen classes, on {} images</b><br>\n95% interval {} to {}"
    )
    described = words.format(
        len(metrics["unseen_classes"]), f"{metrics['pictures']['unseen']:,}", low, high
    )
    return format_percent(metrics["accuracy_among_unseen"]), described


def generalized_sentences(metrics: dict) -> list[str]:
    """Returns sentences on the accuracy by chance, and with all classes as candidates."""
    general = {name: format_percent(value) for name, value in metrics["generalized"].items()}
    return [
        f"By chance it would be {format_percent(metrics['by_chance'])}.",
        f"With all classes as candidates: {general['unseen']} of the images of unseen classes are "
        f"right and {general['seen']} of those of seen ones, harmonic mean "
        f"{general['harmonic_mean']}. Accuracies are means over classes.",
    ]


def method_sentence(metrics: dict) -> str:
    """Returns a sentence on the method and on the choice of its settings."""
    held_out = metrics["chosen"]["between"]["accuracy"]
    if held_out is None:
        return f"{_METHODS[metrics['method']]} With so few seen classes its settings are the usual."
    return (
        f"{_METHODS[metrics['method']]} Its settings were chosen on seen classes that were held "
        f"out, with {format_percent(held_out)} accuracy among them."
    )


def encoder_sentences(backbone: str) -> list[str]:
    """Returns a sentence on an encoder that was not trained in this run, or none."""
    if backbone in (PIXELS, SMALL_RESNET):
        return []
    return [
        "If the encoder was trained on images of the unseen classes, as networks with ImageNet "
        "weights often were, only the last step is zero-shot."
    ]
