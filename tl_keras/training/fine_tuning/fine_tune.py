"""Fine-tuning: from a linear start, or in phases, the head first."""

import dataclasses
import math
from collections.abc import Callable

import keras

from tl_keras.checks import InputError
from tl_keras.data.array_store import limited_to
from tl_keras.data.classes import check_same_names
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.data.pipelines.augmentation_presets import mirrors
from tl_keras.models.averaged_classifier import check_single
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.signature import check_classifier
from tl_keras.settings.fine_tune import LOWEST_RATE, PRETRAINED, FineTuneSettings, option_value
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.train import check_source
from tl_keras.training.class_weights import BALANCED, equal_images, weigh_batches
from tl_keras.training.distribution.evaluation import shared_batches
from tl_keras.training.fine_tuning.from_linear import (
    kept_at_start,
    on_first_images,
    search_points,
)
from tl_keras.training.fine_tuning.inputs import (
    LabelledData,
    default_batch_size,
    images_of,
    labelled,
    new_rows,
    suited_to_data,
    tell_known,
    with_val,
)
from tl_keras.training.fine_tuning.last_fit import fit_all_images
from tl_keras.training.fine_tuning.linear_head import (
    check_linear_start,
    set_linear_start,
    suited_to_head,
)
from tl_keras.training.fine_tuning.objectives import with_l2_sp
from tl_keras.training.fine_tuning.phases import (
    compile_for_use,
    compile_part,
    count_steps,
    endless_batches,
    run_phase,
)
from tl_keras.training.fine_tuning.source_task import SourceTask
from tl_keras.training.fine_tuning.trainable_part import AboveFrozen, TrainablePart
from tl_keras.training.frozen.cache_room import cache_limits
from tl_keras.training.frozen.feature_cache import validation_batches
from tl_keras.training.frozen.feature_store import FeatureStore
from tl_keras.training.frozen.freezing import apply_unfreeze, freeze
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import build_schedule
from tl_keras.training.time_limit import Deadline


@shows_settings(FineTuneSettings)
@input_errors()
def fine_tune(
    model: keras.Model,
    train: LabelledData,
    val: LabelledData | None = None,
    *,
    source: LabelledData | None = None,
    source_model: keras.Model | None = None,
    make_callbacks: Callable[[], list[keras.callbacks.Callback]] | None = None,
    features: FeatureStore | None = None,
    **settings: object,
) -> TrainingHistory:
    """Trains a classifier: its head alone, then also the unfrozen part of its backbone.

    A head of one Dense layer starts from a logistic regression on the frozen features of each image
    and, where the augmentation mirrors, its mirror image. Then the unfrozen part is fine-tuned, few
    images more than once, each time from that start. The point at three quarters of the straight
    line between the weights before and after the first one is kept. If the log loss on validation
    is clearly lower at another point, that one is kept: the start itself, if fine-tuning does harm.
    `average_classifier` averages the start and the ends instead, which is right more often.

    Other heads, and any with linear_start=False, first train alone for `freeze_epochs`. Of both
    phases the latest weights are kept whose validation accuracy is within one standard error of
    the best.

    The frozen part runs once over the data and its output is cached, with results equal to the
    uncached run. With augmentation, `views` versions of each image are cached and taken in turn.
    Each phase has a fresh optimizer and fresh callbacks. An option that would have no effect beside
    another, such as `views` with augment="none", is refused.

    Args:
        model: classifier from `build_classifier`.
        train: `ImageDataset`, a pair (x, y) with images 0-255 (n, h, w, 3) and integer labels
            (n,), or a finite batched `tf.data.Dataset` of such pairs (read once into memory).
        val: validation set in any of these forms. Default None keeps the last weights or, from a
            linear start, the point at three quarters of the gentlest line. From a linear start,
            images in groups of training images (`ImageDataset.groups`) choose nothing.
        source: for objective="joint", labelled images of the source task; as `train`.
        source_model: classifier of the source task, with the same backbone object as `model`:
            `model` was made by `build_classifier(source_model, ...)` or `replace_head`. None
            makes a new one with a head like that of `model`.
        make_callbacks: function without arguments that returns a list of new Keras callbacks,
            called once a phase. None for none.
        features: `training.frozen.feature_store.FeatureStore` that several calls share, so that the
            frozen part runs once for all of them. None for this call alone.
        **settings: see `FineTuneSettings`, whose fields `help` lists.

    Returns:
        `TrainingHistory`, a `keras.callbacks.History` over all phases. Its `seconds` have "cache",
        "head", "fine_tune", with refit "last_fit", and "total".

    Raises:
        InputError: a setting or the data cannot be used; checked before any training.
        DivergedError: the loss became NaN, in each of several fine-tunings from a linear start; the
            model holds the best weights before that.

    Reference:
        Linear start: Kumar et al. 2022, arXiv 2202.10054. Points on the line: Wortsman et al. 2022,
        arXiv 2109.01903. L2-SP: Li, Grandvalet and Davoine 2018, arXiv 1802.01483.
    """
    settings = FineTuneSettings(**settings)
    check_classifier(model)
    check_single(model)
    if settings.linear_start:
        check_linear_start(model)
    settings = settings.filled(suited_to_head(model))
    check_source(settings.objective, source)
    if source_model is not None:
        check_source(settings.objective, source_model, "source_model")
    ways = {"compute": features.compute, "choose": features.choose} if features else {}
    with limited_to(cache_limits(settings.cache_gb, settings.cache)):
        return _FineTuning(
            model, train, val, source, source_model, make_callbacks, ways, settings
        ).run()


class _FineTuning:
    """One call of `fine_tune`."""

    def __init__(self, model, train, val, source, source_model, make_callbacks, ways, settings):
        self.model = model
        self.settings = settings
        self.make_callbacks = make_callbacks or list
        self.backbone = get_backbone(model)
        self.num_classes = num_classes = model.output_shape[-1]
        train = labelled(train, num_classes, split="train")
        settings = self.settings = suited_to_data(settings, train)
        if val is not None:
            val = labelled(val, num_classes, split="val")
            check_same_names(train, val)
        self.batch_size = settings.batch_size or default_batch_size(len(train))
        self.history = TrainingHistory()
        self.history.seconds |= {"cache": 0.0, "head": 0.0, "fine_tune": 0.0}
        self.source = None
        if settings.objective == "joint":
            self.source = SourceTask(
                model,
                source,
                source_model,
                settings,
                batch_size=self.batch_size,
                steps=math.ceil(len(train) / self.batch_size),
            )
            self.history.source_model = self.source.model
            if not option_value(settings, "source_weight"):
                self.source = None
        if settings.refit and not (val and len(val)):
            raise InputError(
                "Expected validation images for refit=True; received none. Leave refit out."
            )
        train = images_of(train, model, settings, training=True)
        val = val and images_of(val, model, settings, training=False)
        if val and settings.linear_start:
            mirrored = mirrors(settings.augment, train.dataset)
            val = dataclasses.replace(val, mirrored=mirrored)
        whole = TrainablePart(model, train, val, **ways)
        # The target's part, and with it the source's in joint training.
        self.whole = [whole, self.source.whole] if self.source else [whole]

    def run(self):
        with self.history.timing("total"):
            if self.settings.linear_start:
                self._from_linear()
            else:
                self._head_first()
            self._compile_for_use()
        self.history.set_model(self.model)
        return self.history

    def _from_linear(self):
        settings, history, [whole] = self.settings, self.history, self.whole
        deadline = Deadline(settings.minutes)
        with history.timing("linear_start"):
            starts = set_linear_start(self.model, whole, settings, self.batch_size)
        found, lines, part = kept_at_start(self.model, starts), [], None
        images = with_val(whole.train, whole.val) if settings.refit else whole.train
        tries = settings.fine_tunings(len(whole.train.labels))
        if tries and not deadline.leaves_out(0, whole.train, "fine-tuning"):
            apply_unfreeze(self.model, settings.unfreeze, settings.batch_norm)
            # The features are computed once, for the last fit too.
            epochs = max(each.epochs for each in tries)
            [part] = self._cut([dataclasses.replace(whole, train=images)], epochs)
            alone = on_first_images(part, whole.train)
            rows = None
            if whole.val and len(whole.val.labels):
                pair = whole.train.dataset, whole.val.dataset
                rows = new_rows(*pair)
                tell_known(*pair, "the weights and the temperature")
            found, lines = search_points(self.model, found, alone, tries, self._fit, deadline, rows)
        if settings.refit:
            found = fit_all_images(self.model, found, lines, images, part, self._fit, deadline)
        history.from_linear = found
        end = None if found.phase is None else history.phases[found.phase]["end"]
        history.best_epoch = end and end - 1

    def _fit(self, part, settings):
        """Fine-tunes from a linear start; returns the number of the phase."""
        name = "fine_tune" if part.val or not settings.refit else "last_fit"
        self._phase(name, settings.epochs, [part], settings)
        return len(self.history.phases) - 1

    def _head_first(self):
        settings = self.settings
        tunes = settings.unfreeze != "none" and settings.epochs > 0
        below = self.whole
        if tunes:
            apply_unfreeze(self.model, settings.unfreeze, settings.batch_norm)
            tuned = self._cut(self.whole, max(settings.epochs, settings.freeze_epochs))
            # The head's features come from the cached ones: nothing is computed twice.
            uncached = any(isinstance(part.model, AboveFrozen) for part in tuned)
            below = self.whole if uncached else tuned
        if settings.freeze_epochs:
            freeze(self.model)
            self._phase("head", settings.freeze_epochs, self._cut(below, settings.freeze_epochs))
        if tunes:
            apply_unfreeze(self.model, settings.unfreeze, settings.batch_norm)
            self._phase("fine_tune", settings.epochs, tuned)

    def _compile_for_use(self):
        settings = self.settings
        for classifier in (self.model, self.history.source_model):
            if classifier is not None:
                # For a further, gentle `fit`.
                rate = (settings.lr or LOWEST_RATE) * (
                    settings.backbone_lr_factor or PRETRAINED["backbone_lr_factor"]
                )
                compile_for_use(classifier, settings.optimizer, rate)

    def _cut(self, parts, epochs):
        """Returns the trainable part of each, on the output of its frozen part."""
        passes = [epochs, *([self.source.passes(epochs)] if self.source else [])]
        with self.history.timing("cache"):
            return [
                part.above_frozen(self.settings, epochs=seen, batch_size=self.batch_size)
                for part, seen in zip(parts, passes, strict=True)
            ]

    def _phase(self, name, epochs, parts, own=None):
        """Trains parts of the classifier; with settings of their own the last weights are kept."""
        part, settings = parts[0], own or self.settings
        with self.history.timing(name):
            model = self._objective(parts, part.model)
            strategy, first_epoch = part.model.distribute_strategy, len(self.history.epoch)
            steps, _ = count_steps(len(part.train.labels), self.batch_size, strategy)
            held_out, val_size = self._held_out(part.val, settings)
            rate = build_schedule(settings.schedule, settings.lr, epochs * steps)
            compile_part(model, self.model, settings, rate)
            run_phase(
                self.history,
                name,
                model,
                lambda: self._batches(parts, settings, first_epoch),
                held_out,
                epochs=epochs,
                steps_per_epoch=steps,
                patience=settings.patience,
                callbacks=self.make_callbacks(),
                val_size=val_size,
                keep_last=own is not None,
            )

    def _batches(self, parts, settings, first_epoch):
        """Training batches without end, with what the objective reads beside them."""
        part, classes = parts[0], self.num_classes
        batches, _ = endless_batches(
            part, classes, self.batch_size, settings, first_epoch=first_epoch
        )
        if settings.class_weights == BALANCED:
            batches = weigh_batches(batches, part.train.labels, classes)
        return self.source.beside(batches, parts[1], first_epoch) if self.source else batches

    def _held_out(self, val, settings):
        """(validation batches, number of images of equal weight); None for each without any."""
        if not val:
            return None, None
        classes = self.num_classes
        batches = validation_batches(val.first_view, self.batch_size, num_classes=classes)
        if settings.class_weights == BALANCED:
            batches = weigh_batches(batches, val.labels, classes)
        strategy = self.model.distribute_strategy
        batches = shared_batches(batches, len(val.labels), self.batch_size, strategy)
        balanced = settings.class_weights == BALANCED
        return batches, equal_images(val.labels) if balanced else len(val.labels)

    def _objective(self, parts, model):
        """Adds the term of the objective to the model."""
        if self.source:
            return self.source.join(parts[1], model)
        if self.settings.objective == "l2-sp":
            weights = [option_value(self.settings, f"l2_sp_{of}weight") for of in ("", "head_")]
            return with_l2_sp(model, self.backbone, *weights)
        return model
