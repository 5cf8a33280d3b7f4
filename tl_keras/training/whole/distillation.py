"""From a teacher to a small student, the teacher asked once."""

import dataclasses

import keras

from tl_keras.checks import InputError
from tl_keras.data.pipelines.augmentation import resolve_augment
from tl_keras.data.unlabelled import as_unlabelled, join_unlabelled
from tl_keras.models.signature import image_shape, num_outputs
from tl_keras.settings.signatures import shows_settings
from tl_keras.settings.whole_model import DistillSettings
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.frozen.feature_cache import (
    Features,
    Pictures,
    compute_features,
    training_batches,
)
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.distiller import Distiller, check_same_classes
from tl_keras.training.whole.whole_model import (
    batch_size_for,
    fit_whole,
    labelled_for,
    picture_batches,
)


@shows_settings(DistillSettings)
def distill(
    student,
    teacher,
    train,
    val=None,
    *,
    unlabelled=None,
    answers=None,
    callbacks=(),
    **settings,
):
    """Trains a small net on what a large one says of the pictures, and on their labels.

    Pictures without labels serve as well, so a good teacher makes many of them worth having. The
    teacher is asked once about `views` augmented versions of each picture and its answers are
    kept; the student sees the very same versions, each in its own size, so that what it is taught
    is true of what it sees. Otherwise this is `fit_from_scratch`, and with alpha=0 nothing else.

    Example:
        student = CNN(10, architecture="small")
        history = distill(student, teacher, (x, y), unlabelled=more_x, epochs=20)

    Args:
        student: classifier as `fit_from_scratch` takes it; all its layers train that are not
            frozen, from its weights as they are.
        teacher: built classifier of the same classes in the same order; it is left as it is.
        train: labelled pictures: `ImageDataset`, a pair (x, y) with pictures 0-255 and class
            numbers (n,), or a finite batched `tf.data.Dataset` of them.
        val: the same for validation, by which the best epoch is kept; None keeps the last.
        unlabelled: pictures of the same kind without labels, or whose labels are not looked at:
            `ImageDataset`, array, or a form of `train`. An epoch goes over these too.
        answers: `history.answers` of an earlier call with the same teacher, pictures, views,
            augment and seed, for another student or temperature: the teacher is not asked again.
        callbacks: Keras callbacks.
        **settings: see `DistillSettings`, whose fields `help` lists.

    Returns:
        A `keras.callbacks.History` as of `fit_from_scratch`; `seconds` has "teacher" and
        "distillation". Its training accuracy is that on the labelled pictures; its `answers` are
        what the teacher said (None if it was not asked).

    Raises:
        InputError: a setting, the data or the models cannot be used; checked before any training.
        DivergedError: the loss became NaN; the student holds the best weights before that.

    Reference:
        Hinton, Vinyals and Dean 2015, arXiv 1503.02531. Beyer et al. 2021, arXiv 2106.05237, for
        one view for both and long training; we keep a number of views where they draw new ones.
    """
    settings = DistillSettings(**settings)
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
    else:  # plain training: a picture without a label has no part in it
        size, batches_of = len(train), picture_batches(student, train, settings)
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
        weighted_metrics=["accuracy"],  # of the labelled pictures
    )


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Pictures as the student sees them, and what the teacher says of the same view of each.

    Attributes:
        pictures: `Pictures` in the student's size.
        answers: `Features`, the outputs of the teacher.
    """

    pictures: Pictures
    answers: Features

    @property
    def labels(self):
        return self.answers.labels

    def loader(self):
        """Returns a function from (epoch, indices (b,)) tensors to [pictures, answers]."""
        load_pictures, load_answers = self.pictures.loader(), self.answers.loader()

        def load(epoch, indices):
            views = self.answers.view_of(epoch, indices)
            return [*load_pictures(views, indices), *load_answers(epoch, indices)]

        return load

    def batches_of(self, batch_size, **arguments):
        """See `fit_whole`."""
        num_classes = self.answers.arrays[0].shape[-1]
        return training_batches(self, batch_size, num_classes=num_classes, **arguments)


def ask_teacher(history, student, teacher, train, unlabelled, settings):
    """Puts each view of each picture to the teacher; returns the `Lesson`."""
    with history.timing("teacher"):
        augment = resolve_augment(settings.augment, train)
        if unlabelled is not None:
            sides = zip(image_shape(student)[:2], image_shape(teacher)[:2], strict=True)
            train = join_unlabelled(train, unlabelled, [max(pair) for pair in sides])

        def pictures_for(model, dataset):
            *size, channels = image_shape(model)
            return Pictures(dataset, tuple(size), augment, settings.seed, channels=channels)

        # Of a copy, so that the pictures in the teacher's size go when it has seen them.
        seen = pictures_for(teacher, train.subset(range(len(train))))
        views = min(settings.views or settings.epochs, settings.epochs, seen.distinct_views)
        if history.answers is None:
            history.answers = compute_features(
                _functional(teacher),
                seen,
                views=views,
                batch_size=batch_size_for(len(train), settings),
            )
    _check_answers(history.answers, (views, len(train), num_outputs(teacher)))
    return Lesson(pictures_for(student, train), history.answers)


def _check_answers(answers, expected):
    received = answers.arrays[0].shape
    if received != expected:
        raise InputError(
            "Expected answers of a call with the same pictures and views, of shape (views, "
            f"pictures, classes) = {expected}; received {received}. Leave answers out."
        )


def _functional(model):
    """`model` in the form of a frozen prefix, whatever its own: pictures -> [outputs]."""
    pictures = keras.Input(image_shape(model))
    with model.distribute_strategy.scope():
        return keras.Model(pictures, [model(pictures, training=False)])
