"""The task that a backbone is to keep while it learns another: joint training's source."""

import math

import numpy as np

from tl_keras.checks import InputError
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.classifier import replace_head
from tl_keras.settings.fine_tune import option_value
from tl_keras.training.fine_tuning.inputs import labelled, pictures_of, random_part, tell_rare
from tl_keras.training.fine_tuning.objectives import Joint, joint_batches
from tl_keras.training.fine_tuning.phases import cross_entropy, endless_batches
from tl_keras.training.fine_tuning.trainable_part import TrainablePart


class SourceTask:
    """The source of joint training: its pictures and a classifier on the same backbone.

    Of a source larger than training can show, a random part is used, the same for the same seed;
    one smaller than a batch is repeated to fill it.

    Args:
        classifier: the target's.
        data: labelled pictures in any form that `fine_tune` takes.
        model: classifier of the source with the same backbone object, or None for a new one with
            a head like the target's.
        settings: `FineTuneSettings`.
        batch_size: pictures a step.
        steps: target batches in an epoch.

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
        self.whole = TrainablePart(model, pictures_of(data, model, settings, training=True))

    def passes(self, epochs):
        """How often each source picture is seen in `epochs` epochs of the target."""
        return math.ceil(epochs * self._epoch_size / len(self.whole.train.labels))

    def join(self, part, model, batches, first_epoch):
        """Returns (`Joint` model, batches with the source beside) for one phase.

        Args:
            part: what trains of the source's classifier.
            model: what trains of the target's.
            batches: the target's.
            first_epoch: of the phase; it gives the source a new order in each phase.
        """
        source_batches, _ = endless_batches(
            part,
            self.model.output_shape[-1],
            self._batch_size,
            self._settings,
            first_epoch=first_epoch,
        )
        loss = cross_entropy(self.model, label_smoothing=self._settings.label_smoothing)
        with model.distribute_strategy.scope():
            weight = option_value(self._settings, "source_weight")
            joint = Joint(model, part.model, weight, loss)
        return joint, joint_batches(batches, source_batches)
