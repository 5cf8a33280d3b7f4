"""FixMatch: a classifier learns from its own confident predictions for images without labels."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.models.gan.weight_average import average_of, update_average, warm_decay
from tl_keras.models.signature import gives_logits, num_outputs
from tl_keras.settings.options.declaration import check_values
from tl_keras.settings.whole_model import PseudoLabelSettings
from tl_keras.training.whole.distiller import log_probabilities

_RATE, _ACCURACY = _OWN_METRICS = ("pseudo_label_rate", "pseudo_label_accuracy")


class FixMatch(keras.Model):
    """Trains `classifier` on labelled images and on its own confident predictions for others.

    For an unlabelled image, q are the classifier's probabilities for a weakly augmented view, and p
    those for a strongly augmented one. With B labelled images and R others to each, the loss is

        the compiled loss + unlabelled_weight * 1 / (B R) * sum of [max q >= confidence]
                                                            * -log p[argmax q].

    No gradient goes through q. It is computed in inference mode, without dropout and with the
    moving statistics of batch normalisation, while the labelled and the strong views make up one
    batch. The sum is divided by all images, so that few confident predictions have little weight.

    `evaluate` measures a moving average of the weights, which is `average`, on labelled images.

    `tl_keras.fit_with_pseudo_labels` makes the batches and puts the average into the classifier.

    Args:
        classifier: built classifier, (b, h, w, c) -> (b, num_classes), logits or probabilities.
        confidence: number above 0 and below 1 from which on a prediction is taken for a label.
            Defaults to 0.95.
        unlabelled_weight: number from 0. Defaults to 1.0.
        average_decay: of the moving average, from 0 to below 1; 0 for none. Defaults to 0.999.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Input: as `data.pipelines.unlabelled_views` makes it, or images (b, h, w, c) alone. If it has
        "hidden" labels, they are compared with the pseudo-labels in `pseudo_label_accuracy`, which
        trains nothing; below 0 there is none.

    Raises:
        InputError: a number is out of range, or `classifier` is not built.

    Reference:
        Sohn et al. 2020, arXiv 2001.07685. There q is computed in training mode. On digits with two
        labels a class ours was 1.0 point ahead with batch normalisation, level with dropout.
    """

    def __init__(
        self,
        classifier: keras.Model,
        *,
        confidence: float = 0.95,
        unlabelled_weight: float = 1.0,
        average_decay: float = 0.999,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_values(
            PseudoLabelSettings,
            confidence=confidence,
            unlabelled_weight=unlabelled_weight,
            average_decay=average_decay,
        )
        num_outputs(classifier)
        self.classifier = classifier
        self.confidence = confidence
        self.unlabelled_weight = unlabelled_weight
        self.average_decay = average_decay
        self.average = average_of(classifier, "average") if average_decay else None
        self.pseudo_label_rate = keras.metrics.Mean(_RATE)
        self.pseudo_label_accuracy = keras.metrics.Mean(_ACCURACY)
        self.built = True  # as the classifier is

    def call(self, inputs, training=None):
        """The outputs for the images and, after them in training, for the strong views."""
        images, strong = _part(inputs, "images"), _part(inputs, "strong")
        if not training:
            return (self.average or self.classifier)(images, training=False)
        if strong is not None:
            images = ops.concatenate([images, _flat(strong)])
        return self.classifier(images, training=True)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        taught, untaught = self._apart(x, y_pred, training)
        loss = super().compute_loss(x, y, taught, sample_weight, training)
        if untaught is None:
            return loss
        labels, sure = self.pseudo_labels(_flat(x["weak"]))
        if "hidden" in x:
            self._compare(labels, sure, ops.reshape(x["hidden"], (-1,)))
        self.pseudo_label_rate.update_state(sure)
        return loss + self.unlabelled_weight * self._agreement(labels, sure, untaught)

    def pseudo_labels(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the classifier's predictions for `images` (b, h, w, c).

        Returns:
            Class numbers int32 (b,), and float32 (b,): 1 where it is confident, else 0.
        """
        outputs = ops.stop_gradient(self.classifier(images, training=False))
        answers = log_probabilities(outputs, gives_logits(self.classifier))
        sure = ops.max(answers, axis=-1) >= math.log(self.confidence)
        return ops.argmax(answers, axis=-1), ops.cast(sure, "float32")

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        taught = y_pred[: ops.shape(y)[0]]
        return super().compute_metrics(x, y, taught, sample_weight)

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        logs = _without(super().train_step(data), _empty_metrics(x))
        if self.average:
            decay = warm_decay(self.average_decay, self.optimizer.iterations)
            update_average(self.average, self.classifier, decay)
        return logs

    def test_step(self, data):
        return _without(super().test_step(data), _OWN_METRICS)

    def use_average(self) -> None:
        """Puts the moving average of the weights, if there is one, into the classifier."""
        if self.average:
            self.classifier.set_weights(self.average.get_weights())

    def get_config(self):
        raise NotImplementedError("Save the classifier: fix_match.classifier.save(...).")

    def _apart(self, x, outputs, training):
        """(outputs for the labelled images, those for the strong views or None)."""
        if not training or _part(x, "strong") is None:
            return outputs, None
        count = ops.shape(x["images"])[0]
        return outputs[:count], outputs[count:]

    def _agreement(self, labels, sure, outputs):
        """The mean cross-entropy of the strong views; of a replica, its share of the whole."""
        answers = log_probabilities(outputs, gives_logits(self.classifier))
        losses = -ops.take_along_axis(answers, labels[:, None], axis=-1)[:, 0]
        # The gradients of the replicas are summed.
        return ops.mean(sure * losses) / self.distribute_strategy.num_replicas_in_sync

    def _compare(self, labels, sure, hidden):
        right = ops.cast(ops.equal(labels, ops.cast(hidden, labels.dtype)), "float32")
        self.pseudo_label_accuracy.update_state(right, sure * ops.cast(hidden >= 0, "float32"))


def _part(inputs, name):
    """A part of the input, or None if it is not there."""
    if isinstance(inputs, dict):
        return inputs.get(name)
    return inputs if name == "images" else None


def _flat(views):
    """(b, r, h, w, c) -> (b r, h, w, c)"""
    return ops.reshape(views, (-1, *views.shape[2:]))


def _empty_metrics(inputs):
    """The names of the metrics that batches like `inputs` do not change."""
    empty = {_RATE: "weak", _ACCURACY: "hidden"}
    return [name for name, needed in empty.items() if _part(inputs, needed) is None]


def _without(logs, names):
    return {name: value for name, value in logs.items() if name not in names}
