"""Keeps what frozen parts gave, so that several trainings on the same pictures share it."""

import hashlib
import json
import time
import weakref

import numpy as np

from tl_keras.training.frozen.cache_room import choose_cache
from tl_keras.training.frozen.feature_cache import Pictures, compute_features


class FeatureStore:
    """Hands out features that were computed before, for as long as their pictures live.

    A frozen part is known by what it computes, its graph and its weights, not by its object:
    a net that is built anew for each training finds the features of the one before. Results equal
    those without a store. Features go when the `ImageDataset` that they belong to is collected.

    Example:
        store = FeatureStore()
        for head in ("linear", "gap"):
            model = build_classifier("mobilenet_v2", 10, head=head)
            fine_tune(model, train, val, features=store, augment="none")

    Attributes:
        spared_seconds: what was saved so far: what the features handed out again had taken.
    """

    def __init__(self):
        self.spared_seconds = 0.0
        self._ways = {}
        self._of_dataset = weakref.WeakKeyDictionary()

    def choose(self, outputs, train, val, views, settings):
        """As `cache_room.choose_cache`, and the same again for trainings of the same size.

        What is kept already leaves less room; a choice by that would compute it anew, in another
        way, and results would depend on what was trained before.
        """
        of = settings.cache, settings.cache_dtype, settings.cache_gb
        key = tuple(map(tuple, outputs)), train, val, views, of
        if key not in self._ways:
            self._ways[key] = choose_cache(outputs, train, val, views, settings)
        return self._ways[key]

    def compute(self, prefix, source, *, views=1, dtype="float32", **arguments):
        """Returns the `Features` of `compute_features`, without computing the same twice."""
        arguments |= {"views": views, "dtype": dtype}
        if not isinstance(source, Pictures):  # features of features belong to no pictures
            return compute_features(prefix, source, **arguments)
        kept = self._of_dataset.setdefault(source.dataset, {})
        seed = None if source.augment == "none" else source.seed
        images = source.image_size, source.augment, source.mirrored, seed
        key = graph_digest(prefix), images, views, dtype
        if key in kept:
            features, seconds = kept[key]
            self.spared_seconds += seconds
            return features
        started = time.monotonic()
        features = compute_features(prefix, source, **arguments)
        kept[key] = features, time.monotonic() - started
        return features


def graph_digest(model):
    """A digest of what a Functional model computes: its graph, whatever the names, and weights."""
    config = model.get_config()
    numbers = {layer["name"]: f"#{number}" for number, layer in enumerate(config["layers"])}
    graph = _renamed({key: config[key] for key in config if key != "name"}, numbers)
    digest = hashlib.sha256(json.dumps(graph, sort_keys=True, default=str).encode())
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()))
    return digest.hexdigest()


def _renamed(structure, names):
    if isinstance(structure, dict):
        return {key: _renamed(value, names) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return [_renamed(value, names) for value in structure]
    return names.get(structure, structure) if isinstance(structure, str) else structure
