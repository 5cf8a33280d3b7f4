"""Distillation with the answers kept: as without, only faster; unlabelled images help."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.small_models import coloured_images, small_classifier
from tl_keras import CNN, MLP, Distiller, ImageDataset, InputError, distill, fit_from_scratch
from tl_keras.data.pipelines.augmentation import augment_images
from tl_keras.data.pipelines.batches import index_batches
from tl_keras.settings.whole_model import DistillSettings
from tl_keras.training.best_weights import DivergedError
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.distillation import ask_teacher

TRAIN, VAL = coloured_images(20), coloured_images(15, seed=1)
MORE = coloured_images(40, seed=2)[0]
QUICK = {"epochs": 2, "batch_size": 8, "lr": 0.01, "augment": "none"}
TWO_VIEWS = {"augment": "photos", "unlabelled": MORE, "views": 2}


def net(seed=0, side=16, **arguments):
    keras.utils.set_random_seed(seed)
    model = MLP(3, (8,), **arguments)
    model.build((None, side, side, 3))
    return model


def distilled(student=None, teacher=None, train=TRAIN, val=None, **settings):
    student = student or net()
    history = distill(student, teacher or net(1), train, val, **(QUICK | settings))
    return student, history


def assert_equal_weights(one, other, atol=0.0):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def of_two_views():
    """A student taught on two augmented views of labelled and unlabelled images; its history."""
    return distilled(**TWO_VIEWS)


@pytest.fixture(scope="module")
def plainly_trained():
    model = net(dropout=0.2)
    fit_from_scratch(model, *(TRAIN, VAL), **QUICK)
    return model


@pytest.mark.parametrize("alpha", [pytest.param(0.0, marks=pytest.mark.slow), 1e-35])
def test_without_weight_it_is_plain_training_to_the_last_bit(alpha, plainly_trained):
    assert_equal_weights(plainly_trained, distilled(net(dropout=0.2), val=VAL, alpha=alpha)[0])


@pytest.mark.parametrize(
    "teacher",
    [lambda: net(1), pytest.param(lambda: small_classifier(1), marks=pytest.mark.slow)],
    ids=["MLP", "with a backbone"],
)
def test_kept_answers_give_the_weights_of_asking_in_every_step(teacher):
    """Trains on these batches through `Distiller` alone, with a view that both see."""
    teacher = teacher()
    cached, _ = distilled(
        teacher=teacher,
        unlabelled=MORE,
        augment="photos",
        views=1,
        schedule="constant",
        optimizer="sgd",
    )
    student = net()
    distiller = Distiller(student, teacher)
    sgd = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    distiller.compile(sgd, "categorical_crossentropy", jit_compile=False)
    images = np.concatenate([TRAIN[0], MORE]).astype("float32")
    labels = np.concatenate([np.eye(3)[TRAIN[1]], np.zeros((len(MORE), 3))])
    batches = index_batches(60, 8, seed=0, shuffle=True)
    for _ in range(2):
        for _, rows in batches:
            view = augment_images(images[rows], "photos", seed=0, epoch=0, indices=rows)
            distiller.train_on_batch(view, labels[rows])
    assert_equal_weights(cached, student, atol=1e-5)


def test_student_and_teacher_see_the_same_view_each_in_its_size():
    """The teacher repeats the pixels it sees; on smooth images size makes little difference."""
    image = keras.Input((32, 32, 3))
    teacher = keras.Model(image, keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(image)))
    ramps = np.random.default_rng(0).uniform(-6, 6, (20, 2, 1, 3))
    sides = np.arange(16)[:, None] - 7.5
    images = 127 + ramps[:, :1] * sides[None, :, None] + ramps[:, 1:] * sides[None, None]
    train = ImageDataset.from_arrays(images, np.arange(20) % 3)
    settings = DistillSettings(epochs=3, views=2, augment="photos", seed=5)
    history = TrainingHistory()
    history.answers = None
    lesson = ask_teacher(history, net(), teacher, train, None, settings)
    first, second = lesson.answers.arrays[0]
    assert np.abs(first - second).mean() > 10
    for epoch in range(3):
        indices = tf.constant([3, 0, 11, 8], tf.int64)
        seen, answers = lesson.loader()(tf.constant(epoch, tf.int64), indices)
        assert np.abs(tf.reshape(seen, answers.shape) - answers).mean() < 2


def test_unlabelled_images_teach_what_the_teacher_knows():
    teacher = net(1)
    fit_from_scratch(teacher, coloured_images(90, seed=5), **QUICK | {"epochs": 15})
    two = (TRAIN[0][:2], TRAIN[1][:2])  # nothing is labelled with the third class
    how = {"teacher": teacher, "train": two, "unlabelled": MORE, "epochs": 30}
    student, _ = distilled(**how)
    assert student.evaluate(*VAL, verbose=0, return_dict=True)["accuracy"] > 0.9


@pytest.mark.slow
def test_history_has_the_form_of_fit_from_scratch_and_accuracy_is_of_the_labelled():
    _, history = distilled(val=VAL, unlabelled=MORE, epochs=25, alpha=1e-6)
    assert history.epoch == list(range(25))
    assert [phase["name"] for phase in history.phases] == ["distillation"]
    assert set(history.seconds) == {"teacher", "distillation", "total"}
    assert history.history["accuracy"][-1] > 0.9
    assert history.history["val_accuracy"][history.best_epoch] == max(
        history.history["val_accuracy"]
    )


def test_a_teacher_of_another_kind_size_and_channels_serves():
    teacher = CNN(3, "small")
    teacher.build((None, 20, 20, 1))
    before = teacher.get_weights()
    _, history = distilled(teacher=teacher, unlabelled=MORE, augment="flip")
    assert np.isfinite(history.history["loss"]).all()
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_student_that_is_not_built_gets_the_size_of_the_images():
    student, _ = distilled(MLP(3, (8,)), epochs=1)
    assert student.input_shape == (None, 16, 16, 3)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_student(of_two_views):
    assert_equal_weights(of_two_views[0], distilled(**TWO_VIEWS)[0])


def test_answers_of_an_earlier_call_save_asking_again(of_two_views):
    first, history = of_two_views
    # Another teacher, which is not asked.
    again, _ = distilled(teacher=net(7), answers=history.answers, **TWO_VIEWS)
    assert_equal_weights(first, again)
    wanted = r"\(views, images, classes\) = \(1, 60, 3\); received \(2, 60, 3\)"
    with pytest.raises(InputError, match=wanted):
        distilled(answers=history.answers, **TWO_VIEWS | {"views": 1})


def test_the_student_can_be_fitted_on():
    student, _ = distilled(epochs=0)
    assert np.isfinite(student.fit(*TRAIN, verbose=0).history["loss"]).all()


def test_nan_loss_stops_and_leaves_finite_weights():
    student = net()
    with pytest.raises(DivergedError, match="finite loss; received (nan|inf)"):
        distilled(student, optimizer="sgd", lr=1e30, schedule="constant")
    assert all(np.isfinite(weight).all() for weight in student.get_weights())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0}, "temperature to be a number > 0; received temperature=0"),
        ({"alpha": 2}, "alpha to be a number >= 0 and <= 1; received alpha=2"),
        ({"alpha": 0, "unlabelled": MORE}, "no unlabelled images with alpha=0"),
        ({"alpha": 0, "temperature": 9}, "no temperature where it has no effect, with alpha=0"),
        ({"alpha": 0, "views": 2, "augment": "digits"}, "no views where .*, with alpha=0"),
        ({"views": 0}, "views to be an integer >= 1; received views=0"),
        ({"lr": 0}, "lr to be a number > 0; received lr=0"),
        ({"unlabelled": "more"}, "Expected an ImageDataset, a pair .*received str"),
        ({"train": (TRAIN[0], TRAIN[1] + 1)}, "labels below 3, .*received 3 in the train set"),
        ({"train": ImageDataset.from_arrays(TRAIN[0])}, "labelled images; received array"),
        ({"teacher": MLP(3)}, "one output vector per image.*output shape None"),
    ],
)
def test_what_cannot_be_distilled_is_refused_before_training(settings, message):
    student = net()
    before = student.get_weights()
    with pytest.raises(InputError, match=message):
        distilled(student, **settings)
    for old, new in zip(before, student.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_student_of_other_classes_is_refused_and_both_are_named():
    student = MLP(4, (8,), name="small")
    with pytest.raises(InputError, match=r"student 'small' .*\(None, 4\) and teacher .*3"):
        distilled(student)
