"""Source task of joint training, which a backbone keeps while it learns another."""

import math

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.classifier import replace_head
from tl_keras.settings.fine_tune import option_value
from tl_keras.training.fine_tuning.inputs import images_of, labelled, random_part, tell_rare
from tl_keras.training.fine_tuning.objectives import Joint, joint_batches
from tl_keras.training.fine_tuning.phases import cross_entropy, endless_batches
from tl_keras.training.fine_tuning.trainable_part import TrainablePart


class SourceTask:
    """Source of joint training: its images and a classifier on the same backbone.

    If the source has more images than training can show, a random part is used, fixed by the seed.
    If it has fewer than a batch, they are repeated to fill it.

    Args:
        classifier: classifier of the target.
        data: labelled images in any form that `fine_tune` takes.
        model: classifier of the source with the same backbone object, or None for a new one with
            a head like the target's.
        settings: `FineTuneSettings`.
        batch_size: images per step.
        steps: target batches per epoch.

    Attributes:
        model: the classifier of the source.

    Raises:
        InputError: the data have no labels, or the models do not share a backbone.
    """

    def __init__(self, classifier, data, model, settings, *, batch_size, steps):
        data = labelled(data, model and model.output_shape[-1], split="source")
        if model is None:
            with classifier.distribute_strategy.scope():
                model = replace_head(classifier, data.num_classes)
        elif get_backbone(model) is not get_backbone(classifier):
            raise InputError(
                "Expected source_model and model to share one backbone; received two. Build the "
                "model on the source's: build_classifier(source_model, num_classes)."
            )
        self.model = model
        self._settings = settings
        self._batch_size = batch_size
        self._epoch_size = steps * batch_size
        shown = self._epoch_size * max(settings.epochs, settings.freeze_epochs)
        data = random_part(data, shown, settings.seed)
        tell_rare(data, data.num_classes, "source")
        if len(data) < batch_size:
            data = data.subset(np.resize(np.arange(len(data)), batch_size))
        self.whole = TrainablePart(model, images_of(data, model, settings, training=True))

    def passes(self, epochs: int) -> int:
        """Returns the number of passes over the source in `epochs` epochs of the target."""
        return math.ceil(epochs * self._epoch_size / len(self.whole.train.labels))

    def join(self, part: TrainablePart, model: keras.Model) -> Joint:
        """Returns the `Joint` model of a phase.

        Args:
            part: trainable part of the source's classifier.
            model: trainable part of the target's.
        """
        loss = cross_entropy(self.model, label_smoothing=self._settings.label_smoothing)
        with model.distribute_strategy.scope():
            weight = option_value(self._settings, "source_weight")
            return Joint(model, part.model, weight, loss)

    def beside(
        self, batches: tf.data.Dataset, part: TrainablePart, first_epoch: int
    ) -> tf.data.Dataset:
        """Returns the batches of a phase with those of the source beside.

        Args:
            batches: of the target.
            part: trainable part of the source's classifier.
            first_epoch: of the phase; it gives the source a new order in each phase.
        """
        source_batches, _ = endless_batches(
            part,
            self.model.output_shape[-1],
            self._batch_size,
            self._settings,
            first_epoch=first_epoch,
        )
        return joint_batches(batches, source_batches)
