"""Keeps features of frozen parts, so that several trainings on the same images share them."""

import hashlib
import json
import time
import weakref
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.frozen.cache_room import CacheWay, choose_cache
from tl_keras.training.frozen.feature_cache import Features, Images, compute_features


class FeatureStore:
    """Hands out features that were computed before, for as long as their images live.

    A frozen part is identified by its graph and its weights, not by its object. So a network that
    is built anew for each training finds the features of the one before. Results equal those
    without a store. Features go when the `ImageDataset` that they belong to is collected.

    Example:
        store = FeatureStore()
        for head in ("linear", "gap"):
            model = build_classifier("mobilenet_v2", 10, head=head)
            fine_tune(model, train, val, features=store, augment="none")

    Attributes:
        spared_seconds: time that computing the features that were handed out again had taken.
    """

    def __init__(self):
        self.spared_seconds = 0.0
        self._ways = {}
        self._of_dataset = weakref.WeakKeyDictionary()

    def choose(
        self,
        outputs: Sequence[tuple[int, ...]],
        train: int,
        val: int,
        views: int,
        settings: FineTuneSettings,
    ) -> CacheWay | None:
        """Returns the choice of `choose_cache`, and again the same for trainings of that size.

        Features that are kept already leave less room. A new choice would compute them anew in
        another form, and results would depend on what was trained before.
        """
        of = settings.cache, settings.cache_dtype, settings.cache_gb
        key = tuple(map(tuple, outputs)), train, val, views, of
        if key not in self._ways:
            self._ways[key] = choose_cache(outputs, train, val, views, settings)
        return self._ways[key]

    def compute(
        self,
        prefix: keras.Model,
        source: Images | Features,
        *,
        views: int = 1,
        dtype: str = "float32",
        **arguments: object,
    ) -> Features:
        """Returns the `Features` of `compute_features`, without computing the same twice."""
        arguments |= {"views": views, "dtype": dtype}
        if not isinstance(source, Images):  # features of features belong to no images
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


def graph_digest(model: keras.Model) -> str:
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
