"""Results of a few-shot run in sentences."""

from collections.abc import Sequence

from markupsafe import Markup

from tl_keras.checks import listed
from tl_keras.reports.page_parts.sections import bold
from tl_keras.reports.wording.numbers import format_duration, format_percent

_METHODS = {
    "prototype": "Each query has the class whose mean feature (prototype) is nearest.",
    "ridge": "The classifier is ridge regression on the features.",
    "logistic": "The classifier is logistic regression on the features.",
    "nearest": "Each query has the class of the nearest support image.",
}


def result_words(metrics: dict) -> tuple[str, Markup]:
    """Returns the main number of a run and its description: accuracy, or images without one."""
    if metrics["query"] is not None:
        return format_percent(metrics["query"]["accuracy"]), _described(
            metrics["query"], "accuracy on {} query images, by the names of their folders"
        )
    if metrics["out_of_fold"] is not None:
        return format_percent(metrics["out_of_fold"]["accuracy"]), _described(
            metrics["out_of_fold"], "accuracy on {} support images, each held out from the fit"
        )
    number = metrics["pictures"]["query"]
    return f"{number:,}", bold("query images classified; no accuracy can be measured")


def _described(figures, words):
    low, high = (format_percent(end) for end in figures["interval"])
    return Markup("<b>{}</b><br>\n95% interval {} to {}").format(
        words.format(f"{figures['images']:,}"), low, high
    )


def query_sentences(metrics: dict, other_folders: Sequence[str]) -> list[str]:
    """Returns sentences on query images that no accuracy counts."""
    sentences = []
    if metrics["queries_in_support"]:
        sentences.append(
            f"{metrics['queries_in_support']:,} query images are support images, or copies of "
            "them. Their predictions prove nothing, and no accuracy counts them."
        )
    if other_folders:
        names = listed([repr(name) for name in other_folders])
        sentences.append(f"Folders of the query that are no classes of the support: {names}.")
    return sentences


def held_out_sentence(metrics: dict) -> str:
    """Returns a sentence on the accuracy on support images that were held out."""
    figures = metrics["out_of_fold"]
    if figures is None:
        return (
            "With one image of each class none can be held out: nothing is known about the "
            "accuracy but what labelled queries show, and probabilities are rough."
        )
    low, high = (format_percent(end) for end in figures["interval"])
    return (
        f"Support images that were held out, {figures['images']:,}: accuracy "
        f"{format_percent(figures['accuracy'])}, 95% interval {low} to {high}. Each was predicted "
        "by a classifier of fewer images, which is a little worse than the one that was saved."
    )


def method_sentence(metrics: dict) -> str:
    """Returns a sentence on the classifier."""
    mirror = " Each image is seen mirrored too." if metrics["mirror"] else ""
    copies = metrics["copies"]
    more = f" It was fitted on {copies} augmented copies of each support image too." * bool(copies)
    return f"{_METHODS[metrics['method']]}{mirror}{more}"


def time_sentence(seconds: dict) -> str:
    """Returns the times of the parts of a run."""
    return (
        f"Features of the support took {format_duration(seconds['features'])}, the fit "
        f"{format_duration(seconds['fit'])}, the queries {format_duration(seconds['query'])}, and "
        f"all {format_duration(seconds['total'])}."
    )
