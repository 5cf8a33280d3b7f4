"""Features that are linear in the attributes of classes, and noise."""

import numpy as np

from tl_keras.data.sources.class_descriptions import ClassDescriptions
from tl_keras.data.sources.shapes import held_out_shapes, shape_descriptions

SHAPES = shape_descriptions()
UNSEEN = SHAPES.numbers(held_out_shapes())


def features_of(descriptions, per_class, *, dimensions=24, noise=0.4, seed=0):
    """(features (n, d), labels (n,)): the mixing is one for all seeds, the noise is not."""
    mixing = np.random.default_rng(99).normal(size=(descriptions.values.shape[1], dimensions))
    labels = np.repeat(np.arange(len(descriptions)), per_class)
    drawn = np.random.default_rng(seed).normal(size=(len(labels), dimensions))
    return descriptions.values[labels] @ mixing + noise * drawn + 3.0, labels


def seen_features(descriptions=SHAPES, unseen=UNSEEN, per_class=5, **options):
    """The features and labels of the seen classes."""
    features, labels = features_of(descriptions, per_class, **options)
    rows = ~np.isin(labels, unseen)
    return features[rows], labels[rows]


def word_vectors(classes=12, columns=6):
    """Descriptions by numbers of any value, such as word vectors."""
    values = np.random.default_rng(5).normal(size=(classes, columns))
    names = [f"class {number}" for number in range(classes)]
    return ClassDescriptions(names, [f"v{n}" for n in range(columns)], values)
