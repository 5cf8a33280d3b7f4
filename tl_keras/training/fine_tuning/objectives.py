"""What fine-tuning may minimise beside the loss on the target's labels.

Each objective is a model around the one that trains. It adds one term to the loss of the training
steps; validation measures the target alone.
"""

import dataclasses

import keras
import tensorflow as tf


class _WithTerm(keras.Model):
    """Trains `model` with the loss it is compiled with plus `term`.

    Args:
        model: what is trained.
        *names: of the means that are shown of a training epoch.
    """

    def __init__(self, model, *names):
        super().__init__(autocast=False)  # the inputs are those of `model`
        self.model = model
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    def term(self, x):
        """Returns what is added to the loss of a replica on the batch `x`.

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


@dataclasses.dataclass(frozen=True)
class Pull:
    """The penalty weight / 2 * sum ||w - start||^2 on some variables.

    Attributes:
        variables: w.
        starts: what each is pulled to: tensors, or 0.0.
        weight: number.
    """

    variables: list
    starts: list
    weight: float

    def __call__(self):
        squares = (
            keras.ops.sum(keras.ops.square(variable - start))
            for variable, start in zip(self.variables, self.starts, strict=True)
        )
        return self.weight / 2 * sum(squares)


class L2SP(_WithTerm):
    """Adds the pulls of L2-SP; the mean of their sum is shown as "penalty".

    Args:
        model: what is trained.
        pulls: list of `Pull`.

    Reference:
        Li, Grandvalet and Davoine 2018, arXiv 1802.01483.
    """

    def __init__(self, model, pulls):
        super().__init__(model, "penalty")
        self.pulls = pulls

    def term(self, x):
        penalty = sum(pull() for pull in self.pulls)
        self.trackers[0].update_state(penalty)
        return penalty / self.distribute_strategy.num_replicas_in_sync


def with_l2_sp(model, backbone, weight, head_weight):
    """Returns `model` with the two penalties of L2-SP, or as it is where nothing is pulled.

    Args:
        model: what is trained.
        backbone: of the classifier that `model` belongs to. What trains of it is pulled to where
            it is now; a backbone that is frozen still is where fine-tuning found it.
        weight, head_weight: of the penalties on the backbone and on the other weights.
    """
    of_backbone = backbone.trainable_weights
    known = {id(variable) for variable in of_backbone}
    of_head = [variable for variable in model.trainable_weights if id(variable) not in known]
    starts = [tf.identity(variable.value) for variable in of_backbone]
    pulls = [Pull(of_backbone, starts, weight), Pull(of_head, [0.0] * len(of_head), head_weight)]
    pulls = [pull for pull in pulls if pull.variables and pull.weight]
    if not pulls:
        return model
    with model.distribute_strategy.scope():
        return L2SP(model, pulls)


class Joint(_WithTerm):
    """Adds weight * the loss on the source task; shows "source_loss" and "source_accuracy".

    In training it takes what `joint_batches` gives; in validation what `model` takes.

    Args:
        model: what is trained for the target.
        source: the model for the source, which shares the backbone's layers with `model`.
        weight: number above 0.
        loss: Keras loss of `source` on one-hot labels.
    """

    def __init__(self, model, source, weight, loss):
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


def joint_batches(batches, source_batches):
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
