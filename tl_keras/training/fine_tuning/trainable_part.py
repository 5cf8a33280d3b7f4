"""Part of a model that a phase trains, and the data that it reads."""

import dataclasses
import functools
from collections.abc import Callable

import keras

from tl_keras.data.pipelines.mixing import mix
from tl_keras.models.cutting import cut_at_frozen, unpacked
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.checkpoints.decisions import decided
from tl_keras.training.frozen.cache_room import CacheWay, choose_cache
from tl_keras.training.frozen.feature_cache import Features, Images
from tl_keras.training.frozen.kept_features import compute_or_read

MOST_VIEWS = 24  # where no number is asked for; each takes as long as one pass of the data


@dataclasses.dataclass(frozen=True)
class TrainablePart:
    """Model with its data: the whole classifier on images, or the part above a cut.

    Attributes:
        model: from the inputs that `train` and `val` load to predictions.
        train: training data.
        val: validation data, or None.
        compute: runs the frozen part; `FeatureStore.compute` shares its features.
        choose: chooses their cache, see `choose_cache`; `FeatureStore.choose` for a store.
    """

    model: keras.Model
    train: Images | Features
    val: Images | Features | None = None
    compute: Callable = compute_or_read
    choose: Callable = choose_cache

    @property
    def upper(self) -> keras.Model:
        """The part above the cut alone, from the tensors that cross it."""
        return self.model.suffix if isinstance(self.model, AboveFrozen) else self.model

    def above_frozen(
        self, settings: FineTuneSettings, *, epochs: int, batch_size: int
    ) -> "TrainablePart":
        """Returns the part that trains now, on the output of the frozen part below it.

        Args:
            settings: with cache="none", and without room for its output, the frozen part stays
                in the model.
            epochs: number of times that each training image will be seen.
            batch_size: images per step while the frozen part runs.
        """
        cut = cut_at_frozen(self.model)
        if cut.prefix is None:
            return dataclasses.replace(self, model=cut.suffix)
        way = None if settings.cache == "none" else self._cache_way(cut.prefix, settings, epochs)
        if way is None:
            with self.model.distribute_strategy.scope():
                return dataclasses.replace(self, model=AboveFrozen(cut.prefix, cut.suffix))
        compute = functools.partial(
            self.compute, cut.prefix, batch_size=batch_size, store=way.store, dtype=way.dtype
        )
        train = compute(self.train, views=way.views)
        val = self.val and compute(self.val, views=self.val.distinct_views)
        return dataclasses.replace(self, model=cut.suffix, train=train, val=val)

    def _cache_way(self, prefix, settings, epochs):
        # More versions of an image than it is seen would be in vain.
        views = min(settings.views or MOST_VIEWS, epochs, self.train.distinct_views)
        val = len(self.val.labels) * self.val.distinct_views if self.val else 0
        shapes = [output.shape[1:] for output in prefix.outputs]
        train, place = len(self.train.labels), (settings.cache, settings.cache_dtype)

        def choose():
            way = self.choose(shapes, train, val, views, settings)
            return way and dataclasses.asdict(way)

        # Free memory decides, which may be other when the run is resumed.
        way = decided(f"cache {shapes} {train} {val} {views} {place}", choose)
        return way and CacheWay(**way)


class AboveFrozen(keras.Model):
    """Runs a frozen part in inference mode and trains only the part above it.

    A subclass, because a Functional model would hand its own `training=True` down to the frozen
    part, whose dropout would then be on.
    """

    def __init__(self, prefix, suffix):
        super().__init__(autocast=False)  # the numbers for mixing stay in full precision
        self.prefix = prefix
        self.suffix = suffix
        self.built = True  # as both parts are

    def call(self, inputs, training=None):
        mixing = None
        if isinstance(inputs, dict):  # training with mixup, see `training_batches`
            inputs, mixing = inputs["inputs"], inputs["mixing"]
        features = self.prefix(inputs, training=False)
        fixed = [keras.ops.stop_gradient(tensor) for tensor in keras.tree.flatten(features)]
        if mixing is not None:
            fixed = [mix(tensor, mixing) for tensor in fixed]
        return self.suffix(unpacked(fixed), training=training)
