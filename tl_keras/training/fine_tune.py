"""Fine-tuning in phases: the head first, then the unfrozen part of the backbone."""

import time

import keras

from tl_keras.data.augmentation import resolve_augment
from tl_keras.data.conversion import as_image_dataset
from tl_keras.models.backbones import get_backbone
from tl_keras.models.signature import gives_logits
from tl_keras.training.cutting import cut_at_frozen, unpacked
from tl_keras.training.feature_cache import (
    Pictures,
    compute_features,
    training_batches,
    validation_batches,
)
from tl_keras.training.freezing import apply_unfreeze, freeze
from tl_keras.training.optimizers import build_schedule, depth_factors
from tl_keras.training.phase import (
    check_labelled,
    compile_for_training,
    compile_for_use,
    count_steps,
    default_batch_size,
    new_history,
    run_phase,
)
from tl_keras.training.settings import FineTuneSettings


def fine_tune(model, train, val=None, *, make_callbacks=None, **settings):
    """Trains a classifier in two phases: its head alone, then also the unfrozen backbone part.

    The frozen part runs once over the data and its output is cached, with results equal to the
    uncached run; with augmentation, `views` versions of each picture are cached and taken in
    turn. Each phase has a fresh optimizer and fresh callbacks. The weights with the best
    validation accuracy over both phases are kept, so that fine-tuning that hurts is undone.

    Args:
        model: classifier from `build_classifier`.
        train: `ImageDataset`, a pair (x, y) with pictures 0-255 (n, h, w, 3) and integer labels
            (n,), or a finite batched `tf.data.Dataset` of such pairs (read once into memory).
        val: the same for validation, or None: then the last weights are kept.
        make_callbacks: function without arguments that returns a list of new Keras callbacks,
            called once a phase. None for none.
        freeze_epochs: epochs with the whole backbone frozen. Default 3.
        epochs: epochs with the unfrozen part training too. Default 24.
        unfreeze: "half" (the upper half), "last:N" layers, "from:LAYER", "all" or "none".
        optimizer: "adam", "sgd" or "rmsprop".
        lr: highest learning rate of the head. Default 1e-3.
        backbone_lr_factor: factor on it for the top of the backbone. Default 0.3.
        depth_decay: further factor at the bottom of the backbone, geometric between.
        schedule: "cosine" with a warm-up over a tenth of the steps, or "constant".
        weight_decay: decoupled, on kernels. Default 0.05.
        label_smoothing: Default 0.1.
        batch_size: pictures a step over all replicas. Default 32, less for under 256 pictures.
        augment: "auto", "none", or a name of `data.augmentation`.
        cache: "auto" (memory up to 2 GiB, then disk), "memory", "disk", or "none".
        cache_dtype: "float32" or "float16" (half the room, not bit-equal).
        views: augmented versions cached of each picture; default one for each epoch. Fewer are
            computed faster and taken in turn.
        batch_norm: "frozen" or "train".
        patience: epochs without better validation before a phase ends; None for never.
        seed: of order and augmentation.

    Returns:
        A `keras.callbacks.History` over both phases. Beside `history` and `epoch` it has
        `phases`, a list of {"name", "start", "end", "trainable_weights"} (end exclusive),
        `best_epoch` (from 0; None if no epoch was better than the start), and `seconds` with
        "cache", "head", "fine_tune" and "total".

    Raises:
        InputError: a setting or the data cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the best weights before that.
    """
    return _FineTuning(model, train, val, make_callbacks, FineTuneSettings(**settings)).run()


class _FineTuning:
    """One call of `fine_tune`."""

    def __init__(self, model, train, val, make_callbacks, settings):
        self.model = model
        self.settings = settings
        self.make_callbacks = make_callbacks or list
        self.num_classes = model.output_shape[-1]
        self.from_logits = gives_logits(model)
        train = as_image_dataset(train, split="train")
        val = None if val is None else as_image_dataset(val, split="val")
        self._check(train, val)
        augment = resolve_augment(settings.augment, train)
        size = tuple(model.input_shape[1:3])
        store = settings.cache if settings.cache == "disk" else "auto"
        self.train = Pictures(train, size, augment, settings.seed, store)
        self.val = val and Pictures(val, size, store=store)
        self.batch_size = settings.batch_size or default_batch_size(len(train))
        self.history = new_history()
        self.history.seconds = {"cache": 0.0, "head": 0.0, "fine_tune": 0.0}

    def _check(self, train, val):
        get_backbone(self.model)
        for data in (train, val):
            if data is not None:
                check_labelled(data, self.num_classes)

    def run(self):
        started = time.monotonic()
        settings = self.settings
        tunes = settings.unfreeze != "none" and settings.epochs > 0
        whole = below = (self.model, self.train, self.val)
        if tunes:
            apply_unfreeze(self.model, settings.unfreeze, settings.batch_norm)
            tuned = self._cut(*whole, settings.epochs)
            # The head's features come from the cached ones: nothing is computed twice.
            below = whole if settings.cache == "none" else tuned
        if settings.freeze_epochs:
            freeze(self.model)
            head = self._cut(*below, settings.freeze_epochs)
            self._phase("head", settings.freeze_epochs, *head)
        if tunes:
            apply_unfreeze(self.model, settings.unfreeze, settings.batch_norm)
            self._phase("fine_tune", settings.epochs, *tuned)
        compile_for_use(
            self.model,
            settings.optimizer,
            settings.lr * settings.backbone_lr_factor,
            from_logits=self.from_logits,
        )
        self.history.seconds["total"] = time.monotonic() - started
        self.history.set_model(self.model)
        return self.history

    def _cut(self, model, train, val, epochs):
        """What a phase trains and on what: the part above the cut, on what crosses the cut."""
        cut = cut_at_frozen(model)
        if cut.prefix is None:
            return cut.suffix, train, val
        if self.settings.cache == "none":
            with self.model.distribute_strategy.scope():
                return AboveFrozen(cut.prefix, cut.suffix), train, val
        started = time.monotonic()
        how = {
            "batch_size": self.batch_size,
            "store": self.settings.cache,
            "dtype": self.settings.cache_dtype,
        }
        train = compute_features(cut.prefix, train, views=self._views(epochs), **how)
        val = val and compute_features(cut.prefix, val, **how)
        self.history.seconds["cache"] += time.monotonic() - started
        return cut.suffix, train, val

    def _views(self, epochs):
        """How many versions of a picture to cache; more than one an epoch would not be seen."""
        if self.train.augment == "none":
            return 1
        return min(self.settings.views or epochs, max(1, epochs))

    def _phase(self, name, epochs, model, train, val):
        started = time.monotonic()
        settings, done = self.settings, len(self.history.epoch)
        steps, drop = count_steps(len(train.labels), self.batch_size, model.distribute_strategy)
        batches = training_batches(
            train,
            self.batch_size,
            num_classes=self.num_classes,
            seed=settings.seed,
            first_epoch=done,
            drop_remainder=drop,
        )
        held_out = val and validation_batches(val, self.batch_size, num_classes=self.num_classes)
        self._compile(model, name, epochs * steps)
        run_phase(
            self.history,
            name,
            model,
            batches,
            held_out,
            epochs=epochs,
            steps_per_epoch=steps,
            patience=settings.patience,
            callbacks=self.make_callbacks(),
        )
        self.history.seconds[name] = time.monotonic() - started

    def _compile(self, model, phase, total_steps):
        settings = self.settings
        rate = build_schedule(settings.schedule, settings.lr, total_steps)
        factors = None
        if phase == "fine_tune":
            factors = depth_factors(
                get_backbone(self.model), settings.backbone_lr_factor, settings.depth_decay
            )
        optimizer = {
            "name": settings.optimizer,
            "learning_rate": rate,
            "rate_factors": factors,
            "weight_decay": settings.weight_decay,
        }
        compile_for_training(
            model,
            optimizer,
            from_logits=self.from_logits,
            label_smoothing=settings.label_smoothing,
        )


class AboveFrozen(keras.Model):
    """Runs a frozen part in inference mode and trains only what is above it.

    A subclass, because a Functional model would hand its own `training=True` down to the frozen
    part, whose dropout would then be on.
    """

    def __init__(self, prefix, suffix):
        super().__init__()
        self.prefix = prefix
        self.suffix = suffix

    def call(self, inputs, training=None):
        features = self.prefix(inputs, training=False)
        fixed = [keras.ops.stop_gradient(tensor) for tensor in keras.tree.flatten(features)]
        return self.suffix(unpacked(fixed), training=training)
