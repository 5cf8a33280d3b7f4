"""Model that learns from the predictions of a teacher, and from labels where there are any."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError
from tl_keras.models.signature import gives_logits, image_shape, num_outputs
from tl_keras.settings.options.declaration import check_values
from tl_keras.settings.whole_model import DistillSettings

_LEAST = 1e-30  # far below what softmax says of a hopeless class, and 1 / _LEAST is finite


class Distiller(keras.Model):
    """Trains `student` to predict as `teacher` does, and as the labels say.

    With z the logits of either and p(T) = softmax(z / T), the loss of an image is

        alpha * T^2 * KL(p_teacher(T) || p_student(T)) + (1 - alpha) * (the compiled loss),

    of which an image without a label has only the first part. The mean is over all images.
    Probabilities serve as well as logits, their logarithms being logits up to a constant. Only
    `student` is trained and saved. `evaluate` measures the student alone on the labels.

    Example:
        distiller = Distiller(student, teacher)
        distiller.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        distiller.fit(x, y)
        student.save("small.keras")

    `tl_keras.distill` is faster: it runs the teacher once and not in every epoch.

    Args:
        student: built classifier, (b, h, w, c) -> (b, num_classes), with logits or probabilities.
        teacher: built classifier of the same classes. Images are resized to its size.
        temperature: number above 0. Defaults to 4.0.
        alpha: number from 0 to 1, the weight of the teacher. Defaults to 0.9.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Input: images (b, h, w, c) of any size, 0-255. Or a pair of them and the outputs of the teacher,
        (b, num_classes); then it does not run.
    Labels: class numbers, below 0 where there is none, or one-hot, zeros where there is none.
        Metrics leave those out if they are given as `weighted_metrics`.

    Raises:
        InputError: a number is out of range, or the outputs of the two differ.

    Reference:
        Hinton, Vinyals and Dean 2015, arXiv 1503.02531.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        *,
        temperature: float = 4.0,
        alpha: float = 0.9,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_values(DistillSettings, temperature=temperature, alpha=alpha)
        check_same_classes(student, teacher)
        self.student = student
        self.temperature = temperature
        self.alpha = alpha
        self._teacher_gives_logits = gives_logits(teacher)
        # In a function, where Keras does not find it: it is neither trained nor saved.
        self._ask = lambda images: teacher(_resized(images, image_shape(teacher)), training=False)
        self.built = True  # as both models are

    def call(self, inputs, training=None):
        images, _ = _split(inputs)
        return self.student(_resized(images, image_shape(self.student)), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        alpha = self.alpha if training else 0.0
        y, known = self._known(y, sample_weight)
        loss = super().compute_loss(x, y, y_pred, (1.0 - alpha) * known, training)
        return loss + alpha * self._distance(x, y_pred, sample_weight) if alpha else loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        y, known = self._known(y, sample_weight)
        return super().compute_metrics(x, y, y_pred, known)

    def get_config(self):
        raise NotImplementedError("Save the student: distiller.student.save(...).")

    def _distance(self, x, y_pred, sample_weight):
        """T^2 times the mean divergence; of a replica, its share of the whole."""
        images, answers = _split(x)
        answers = self._ask(images) if answers is None else answers
        teacher = log_probabilities(answers, self._teacher_gives_logits, self.temperature)
        student = log_probabilities(y_pred, gives_logits(self.student), self.temperature)
        divergence = ops.sum(ops.exp(teacher) * (teacher - student), axis=-1)
        if sample_weight is not None:
            divergence = divergence * ops.reshape(sample_weight, (-1,))
        # The gradients of the replicas are summed.
        replicas = self.distribute_strategy.num_replicas_in_sync
        return self.temperature**2 * ops.mean(divergence) / replicas

    def _known(self, y, sample_weight):
        """Labels that a loss can take, and the weight of each: 0 where there is none."""
        if len(y.shape) == 2 and y.shape[-1] == num_outputs(self.student):
            known = ops.any(y > 0, axis=-1)
        else:
            known = ops.reshape(y, (-1,)) >= 0
            y = ops.maximum(y, 0)
        known = ops.cast(known, "float32")
        if sample_weight is not None:
            known = known * ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        return y, known


def check_same_classes(student: keras.Model, teacher: keras.Model) -> None:
    """Refuses a student that does not have as many outputs as its teacher."""
    if num_outputs(student) != num_outputs(teacher):
        raise InputError(
            "Expected a student with the outputs of its teacher; received "
            f"student {student.name!r} with output shape {student.output_shape} and "
            f"teacher {teacher.name!r} with {teacher.output_shape}."
        )


def _split(inputs):
    """(images, outputs of the teacher or None)."""
    return inputs if isinstance(inputs, tuple | list) else (inputs, None)


def _resized(images, shape):
    size = tuple(shape[:2])
    if tuple(images.shape[1:3]) == size:
        return images
    images = ops.cast(images, "float32")
    return ops.image.resize(images, size, interpolation="bilinear", antialias=True)


def log_probabilities(outputs: tf.Tensor, are_logits: bool, temperature: float = 1.0) -> tf.Tensor:
    """The logarithm of the probabilities, softened if asked for, (b, num_classes)."""
    outputs = ops.cast(outputs, "float32")
    logits = outputs if are_logits else ops.log(ops.maximum(outputs, _LEAST))
    return ops.log_softmax(logits / temperature, axis=-1)
