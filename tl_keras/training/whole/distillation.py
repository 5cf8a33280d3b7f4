"""Trains a small student on the predictions of a teacher, which are computed once."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation import resolve_augment
from tl_keras.data.unlabelled import as_unlabelled, join_unlabelled
from tl_keras.models.signature import image_shape, num_outputs
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.whole_model import DistillSettings
from tl_keras.training.fine_tuning.inputs import LabelledData
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.frozen.feature_cache import (
    Features,
    Images,
    training_batches,
)
from tl_keras.training.frozen.kept_features import compute_or_read
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.distiller import Distiller, check_same_classes
from tl_keras.training.whole.whole_model import (
    batch_size_for,
    fit_whole,
    image_batches,
    labelled_for,
)


@shows_settings(DistillSettings)
def distill(
    student: keras.Model,
    teacher: keras.Model,
    train: LabelledData,
    val: LabelledData | None = None,
    *,
    unlabelled: object = None,
    answers: Features | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **settings: object,
) -> TrainingHistory:
    """Trains a small network on the predictions of a large one, and on labels.

    Images without labels serve as well, so a good teacher makes many of them worth having. The
    teacher predicts `views` augmented versions of each image once. The student sees exactly these
    versions, each in its own size, so that it learns predictions for its own inputs. Otherwise this
    is `fit_from_scratch`, and with alpha=0 nothing else.

    Example:
        student = CNN(10, architecture="small")
        history = distill(student, teacher, (x, y), unlabelled=more_x, epochs=20)

    Args:
        student: classifier as `fit_from_scratch` takes it; all its layers train that are not
            frozen, from its weights as they are.
        teacher: built classifier of the same classes in the same order; it is left as it is.
        train: labelled images: `ImageDataset`, a pair (x, y) with images 0-255 and class
            numbers (n,), or a finite batched `tf.data.Dataset` of them.
        val: validation data likewise, by which the best epoch is kept; None keeps the last.
        unlabelled: images of the same kind, whose labels, if there are any, are not used:
            `ImageDataset`, array, or a form of `train`. An epoch goes over these too.
        answers: `history.answers` of an earlier call with the same teacher, images, views,
            augment and seed, for another student or temperature: the teacher does not run again.
        **settings: see `DistillSettings`, whose fields `help` lists.

    Returns:
        `TrainingHistory`; `seconds` has "teacher" and "distillation". Its training accuracy is that
        on the labelled images; its `answers` are the predictions of the teacher, if it ran.

    Raises:
        InputError: a setting, the data or the models cannot be used; checked before any training.
        DivergedError: the loss became NaN; the student holds the best weights before that.

    Reference:
        Hinton, Vinyals and Dean 2015, arXiv 1503.02531. Beyer et al. 2021, arXiv 2106.05237, for
        one view for both and long training; we keep a number of views where they draw new ones.
    """
    settings = DistillSettings(**settings)
    settings.check_unlabelled(unlabelled)
    history = TrainingHistory()
    history.answers = answers
    with history.timing("total"):
        unlabelled = None if unlabelled is None else as_unlabelled(unlabelled)
        train, val = labelled_for(student, train, val)
        check_same_classes(student, teacher)
        if settings.epochs:
            _fit(history, student, teacher, train, val, unlabelled, settings, callbacks)
        compile_for_use(student, settings.optimizer, settings.lr)
    history.set_model(student)
    return history


def _fit(history, student, teacher, train, val, unlabelled, settings, callbacks):
    if settings.alpha:
        lesson = ask_teacher(history, student, teacher, train, unlabelled, settings)
        size, batches_of = len(lesson.labels), lesson.batches_of
    else:  # plain training: an image without a label has no part in it
        size, batches_of = len(train), image_batches(student, train, settings)
    with student.distribute_strategy.scope():
        distiller = Distiller(
            student, teacher, temperature=settings.temperature, alpha=settings.alpha
        )
    fit_whole(
        history,
        "distillation",
        distiller,
        settings,
        size=size,
        batches_of=batches_of,
        val=val,
        classifier=student,
        callbacks=callbacks,
        metrics=None,
        weighted_metrics=["accuracy"],  # of the labelled images
    )


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Images in the size of the student, and the predictions of the teacher for the same views.

    Attributes:
        images: `Images` in the student's size.
        answers: `Features`, the outputs of the teacher.
    """

    images: Images
    answers: Features

    @property
    def labels(self) -> np.ndarray:
        return self.answers.labels

    @property
    def block(self) -> int | None:
        """See `Images`."""
        return self.images.block

    def loader(self) -> Callable:
        """Returns a function from (epoch, indices (b,)) tensors to [images, answers]."""
        load_images, load_answers = self.images.loader(), self.answers.loader()

        def load(epoch, indices):
            views = self.answers.view_of(epoch, indices)
            return [*load_images(views, indices), *load_answers(epoch, indices)]

        return load

    def batches_of(self, batch_size: int, **arguments: object) -> tf.data.Dataset:
        """See `fit_whole`."""
        num_classes = self.answers.arrays[0].shape[-1]
        return training_batches(self, batch_size, num_classes=num_classes, **arguments)


def ask_teacher(
    history: TrainingHistory,
    student: keras.Model,
    teacher: keras.Model,
    train: ImageDataset,
    unlabelled: ImageDataset | None,
    settings: DistillSettings,
) -> Lesson:
    """Predicts each view of each image with the teacher; returns the `Lesson`."""
    with history.timing("teacher"):
        augment = resolve_augment(settings.augment, train)
        if unlabelled is not None:
            sides = zip(image_shape(student)[:2], image_shape(teacher)[:2], strict=True)
            train = join_unlabelled(train, unlabelled, [max(pair) for pair in sides])

        def images_for(model, dataset):
            *size, channels = image_shape(model)
            return Images(dataset, tuple(size), augment, settings.seed, channels=channels)

        # A copy, so that the images in the teacher's size are freed when it has seen them.
        seen = images_for(teacher, train.subset(range(len(train))))
        views = min(settings.views or settings.epochs, settings.epochs, seen.distinct_views)
        if history.answers is None:
            history.answers = compute_or_read(
                _functional(teacher),
                seen,
                views=views,
                batch_size=batch_size_for(len(train), settings),
            )
    _check_answers(history.answers, (views, len(train), num_outputs(teacher)))
    return Lesson(images_for(student, train), history.answers)


def _check_answers(answers, expected):
    received = answers.arrays[0].shape
    if received != expected:
        raise InputError(
            "Expected answers of a call with the same images and views, of shape (views, "
            f"images, classes) = {expected}; received {received}. Leave answers out."
        )


def _functional(model):
    """`model` in the form of a frozen prefix: images -> [outputs]."""
    images = keras.Input(image_shape(model))
    with model.distribute_strategy.scope():
        return keras.Model(images, [model(images, training=False)])
