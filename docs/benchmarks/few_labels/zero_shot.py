"""Zero-shot on CIFAR-10: each pair of classes held out in turn, with word vectors as descriptions.

    python -m docs.benchmarks zero_shot --data CIFAR10 --vectors VECTORS.csv --features FILE.npz

CIFAR10 is a folder with train/CLASS/ and test/CLASS/, or "cifar10". Features are those of
MobileNetV2 with ImageNet weights, computed once and kept in FILE. Every setting is chosen by
cross-validation over the eight seen classes of a pair, so no test image and no unseen class has a
part in it.
"""

import itertools
import time
from pathlib import Path

import numpy as np

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.results import computed_once
from tl_keras.data.loading import load_parts
from tl_keras.data.sources.class_descriptions import read_descriptions
from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.jobs.features.encoder_features import encoder_features
from tl_keras.models.attributes.attribute_classifier import AttributeClassifier
from tl_keras.models.attributes.eszsl import ESZSL
from tl_keras.training.whole.compatibility import fit_compatibility

TITLE = "Zero-shot on CIFAR-10"
PAIR = ("cat", "truck")
METHODS = {
    "ESZSL": lambda descriptions, *data: ESZSL(descriptions).fit(*data),
    "direct attribute prediction": lambda d, *data: AttributeClassifier(d).fit(*data),
    "compatibility": lambda descriptions, *data: fit_compatibility(*data, descriptions),
}


def add_options(options):
    options.add_argument("--data", default="cifar10")
    options.add_argument("--vectors", required=True, help="CSV: class, then its word vector.")
    options.add_argument("--features", type=Path, help="File that keeps the features.")
    options.add_argument("--train", type=int, default=600, help="Training images of each class.")
    options.add_argument("--test", type=int, default=300, help="Test images of each class.")


def main(given):
    """Measures all pairs with ESZSL and one pair with each method; writes the section."""
    features = _features(given)
    descriptions = read_descriptions(given.vectors, tuple(features["classes"]))
    of_methods = {
        name: _measure(fit, features, descriptions, PAIR) for name, fit in METHODS.items()
    }
    pairs = {
        pair: _measure(METHODS["ESZSL"], features, descriptions, pair)
        for pair in itertools.combinations(descriptions.class_names, 2)
    }
    replace_section(TITLE, _lines(given, features, of_methods, pairs))


def _features(given):
    """{"classes", "train", "train_labels", "test", "test_labels"}"""
    if given.features:
        return computed_once(given.features, lambda: _computed(given))
    return _computed(given)


def _computed(given):
    parts, _ = load_parts(given.data)
    found = {"classes": np.array(parts["train"].class_names)}
    for name, number in (("train", given.train), ("test", given.test)):
        first = [np.flatnonzero(parts[name].labels == label)[:number] for label in range(10)]
        images = parts[name].subset(np.concatenate(first))
        found[name], *_ = encoder_features("mobilenet_v2", images, image_size=224)
        found[f"{name}_labels"] = images.labels
    return found


def _measure(fit, features, descriptions, pair):
    """Accuracy between the two, harmonic mean and seconds, learned from the other classes."""
    started = time.monotonic()
    out = descriptions.numbers(pair)
    rows = ~np.isin(features["train_labels"], out)
    classifier = fit(descriptions, features["train"][rows], features["train_labels"][rows])
    test = features["test"], features["test_labels"]
    figures = classifier.evaluate(*test, generalized=False)
    figures |= classifier.evaluate(*test, generalized=True)
    print(pair, {name: round(value, 3) for name, value in figures.items()}, flush=True)
    return figures | {"seconds": time.monotonic() - started}


def _lines(given, features, of_methods, pairs):
    images = 2 * int(np.bincount(features["test_labels"])[0])
    low, high = accuracy_interval(of_methods["ESZSL"]["accuracy"], images)
    each = np.array([figures["accuracy"] for figures in pairs.values()])
    harmonic = np.mean([figures["harmonic_mean"] for figures in pairs.values()])
    count = int(np.bincount(features["train_labels"])[0])
    return [
        f"`make benchmark-zero-shot`, {machine()}, one draw of images, beside other work. "
        f"Two classes are held out; the first {count} training images of each of the other eight "
        f"are learned from. Descriptions are word vectors of {_dimensions(given)} dimensions. "
        "Features are those of MobileNetV2 with ImageNet weights at 224 x 224 pixels. **ImageNet "
        "has such images**: its network has seen cats and trucks with labels, so only the last "
        "step is zero-shot. Strength, scale and calibration are chosen on seen classes that are "
        "held out.",
        "",
        f"Held out: {PAIR[0]} and {PAIR[1]}. ESZSL tells them apart with "
        f"{of_methods['ESZSL']['accuracy']:.1%} accuracy (95% interval {low:.1%} to {high:.1%}, "
        f"{images} test images). With all ten classes as candidates:",
        "",
        *table_head("method", "between the two", "seen", "unseen", "harmonic mean", "seconds"),
        *(f"| {name} | {_cells(figures)} |" for name, figures in of_methods.items()),
        "",
        f"All 45 pairs with ESZSL: mean {each.mean():.1%}, median {np.median(each):.1%}, "
        f"{(each >= 0.9).sum()} pairs at 90 % or more, {(each < 0.6).sum()} below 60 %; mean "
        f"harmonic mean {harmonic:.1%}. A pair is told apart best where each class has a "
        "relative among the seen ones; two that are nearest to each other, such as airplane and "
        "ship, have none:",
        "",
        *table_head("accuracy between", *_names(pairs)[1:]),
        *_table(pairs),
    ]


def _dimensions(given):
    return len(read_descriptions(given.vectors).columns)


def _cells(figures):
    names = ("accuracy", "seen", "unseen", "harmonic_mean")
    return " | ".join([*(f"{figures[name]:.1%}" for name in names), f"{figures['seconds']:.0f}"])


def _names(pairs):
    return list(dict.fromkeys(itertools.chain.from_iterable(pairs)))


def _table(pairs):
    names = _names(pairs)
    for row in names[:-1]:
        cells = (f"{pairs[row, n]['accuracy']:.1%}" if (row, n) in pairs else "" for n in names[1:])
        yield f"| {row} | {' | '.join(cells)} |"
