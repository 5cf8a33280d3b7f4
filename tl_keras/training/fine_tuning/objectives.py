"""Terms that fine-tuning may minimise beside the loss on the target's labels.

Each objective is a model around the one that trains. It adds one term to the loss of the training
steps; validation measures the target alone.
"""

import keras
import tensorflow as tf
from keras import ops


class _WithTerm(keras.Model):
    """Trains `model` with the loss it is compiled with plus `term`.

    Args:
        *names: names of the means that are shown for a training epoch.
    """

    def __init__(self, model, *names):
        super().__init__(autocast=False)  # the inputs are those of `model`
        self.model = model
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    def term(self, x):
        """Returns the term that is added to the loss of a replica on the batch `x`.

        The gradients of the replicas are summed, so it is this replica's share of the whole.
        """
        raise NotImplementedError

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + self.term(x) if training else loss

    def evaluate(self, *args, **kwargs):
        logs = super().evaluate(*args, **kwargs)
        unseen = {tracker.name for tracker in self.trackers}
        return {name: value for name, value in logs.items() if name not in unseen}


class L2SP(_WithTerm):
    """Adds weight / 2 * sum ||w - start||^2 for each pull; shows their mean sum as "penalty".

    Args:
        pulls: list of (weight, variables w, their starts: tensors or 0.0).

    Reference:
        Li, Grandvalet and Davoine 2018, arXiv 1802.01483.
    """

    def __init__(self, model, pulls):
        super().__init__(model, "penalty")
        self.pulls = pulls

    def term(self, x):
        penalty = sum(
            weight / 2 * sum(ops.sum(ops.square(w - start)) for w, start in zip(*pair, strict=True))
            for weight, *pair in self.pulls
        )
        self.trackers[0].update_state(penalty)
        return penalty / self.distribute_strategy.num_replicas_in_sync


def with_l2_sp(
    model: keras.Model, backbone: keras.Model, weight: float, head_weight: float
) -> keras.Model:
    """Returns `model` with the two penalties of L2-SP, or itself if both have no effect.

    Args:
        backbone: that of the classifier. Its trainable weights are pulled to their values now; a
            backbone that was frozen until now has those from before fine-tuning.
        weight, head_weight: of the penalties on the backbone and on the other weights.
    """
    of_backbone = backbone.trainable_weights
    known = {id(variable) for variable in of_backbone}
    of_head = [variable for variable in model.trainable_weights if id(variable) not in known]
    starts = [tf.identity(variable.value) for variable in of_backbone]
    pulls = [(weight, of_backbone, starts), (head_weight, of_head, [0.0] * len(of_head))]
    pulls = [
        (weight, variables, starts) for weight, variables, starts in pulls if weight and variables
    ]
    if not pulls:
        return model
    with model.distribute_strategy.scope():
        return L2SP(model, pulls)


class Joint(_WithTerm):
    """Adds weight * the loss on the source task; shows "source_loss" and "source_accuracy".

    Its inputs are those of `joint_batches` in training, and those of `model` in validation.

    Args:
        model: trainable part of the classifier of the target.
        source: the model for the source, which shares the backbone's layers with `model`.
    """

    def __init__(
        self, model: keras.Model, source: keras.Model, weight: float, loss: keras.losses.Loss
    ) -> None:
        super().__init__(model, "source_loss", "source_accuracy")
        self.source = source
        self.weight = weight
        self.loss_of_source = loss

    def call(self, inputs, training=None):
        target = inputs["inputs"] if isinstance(inputs, dict) else inputs
        return self.model(target, training=training)

    def term(self, x):
        labels, outputs = x["source_labels"], self.source(x["source"], training=True)
        loss = self.loss_of_source(labels, outputs)  # Keras has divided it by the replicas
        right = keras.metrics.categorical_accuracy(labels, outputs)
        self.trackers[0].update_state(loss * self.distribute_strategy.num_replicas_in_sync)
        self.trackers[1].update_state(right)
        return self.weight * loss


def joint_batches(batches: tf.data.Dataset, source_batches: tf.data.Dataset) -> tf.data.Dataset:
    """Puts a batch of the source beside each batch of the target.

    Args:
        batches, source_batches: `tf.data.Dataset`s of (inputs, one-hot labels); the first may have
            weights beside.

    Returns:
        `tf.data.Dataset` of ({"inputs", "source", "source_labels"}, one-hot labels) and what else
            the first has.
    """

    def beside(target, source):
        x = {"inputs": target[0], "source": source[0], "source_labels": source[1]}
        return x, *target[1:]

    return tf.data.Dataset.zip(batches, source_batches).map(beside)
