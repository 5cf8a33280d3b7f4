"""`tl-keras distill`: a small network that learns from a trained classifier."""

import keras

from tl_keras.checks import InputError
from tl_keras.data.loading import load_images
from tl_keras.jobs.runs.derived_run import held_out, load_origin, write_run
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.runs.reading.run_splits import (
    check_fixes,
    config_of_origin,
    kept_fixes,
    without_contents,
)
from tl_keras.jobs.runs.replicated import replicated
from tl_keras.jobs.runs.writing.disk_room import check_model_room
from tl_keras.jobs.runs.writing.interruptions import keeping_interrupted
from tl_keras.jobs.runs.writing.recorded_run import recorded_run
from tl_keras.jobs.runs.writing.run_folder import default_run_path
from tl_keras.models.baselines.cnn import CNN
from tl_keras.models.baselines.mlp import MLP
from tl_keras.models.baselines.rnn import RNN
from tl_keras.progress import say
from tl_keras.settings.finished_runs import DistillRunSettings
from tl_keras.settings.image_source import KIND
from tl_keras.settings.options.declaration import values_of
from tl_keras.settings.options.signatures import takes_settings
from tl_keras.settings.train import REST
from tl_keras.settings.whole_model import DeviceSettings
from tl_keras.training.fine_tuning.inputs import common_size
from tl_keras.training.whole.distillation import distill as distill_into

STUDENTS = {
    "cnn:small": lambda classes: CNN(classes, "small"),
    "cnn:dropout": lambda classes: CNN(classes, "dropout"),
    "cnn:lenet": lambda classes: CNN(classes, "lenet"),
    "mlp": MLP,
    "rnn:lstm": RNN,
    "rnn:gru": lambda classes: RNN(classes, cell="gru"),
}


@takes_settings(DistillRunSettings)
@replicated
def distill(settings):
    """Trains a student on the predictions of a run's classifier, and writes a run folder.

    Args:
        settings: `DistillRunSettings`, or its fields one by one.

    Returns:
        Path of the run folder; its metrics.json has the teacher's figures under "teacher".

    Raises:
        InputError: the run, the data or a setting cannot be used.
    """
    student = settings.student
    check_fixes(settings)
    trained, splits, rest = load_origin(settings.run, settings.data, settings.fixes)
    more = _unlabelled(settings.unlabelled, rest, trained, splits)
    keras.utils.set_random_seed(settings.distill.seed)
    model = STUDENTS[student](len(trained.class_names))
    model.build((None, *common_size(splits.train, settings.image_size), 3))
    data = str(settings.data or trained.config["data"])
    with recorded_run(
        settings.out or default_run_path(student, data), "distill", settings
    ) as folder:
        check_model_room(folder.path, model)
        folder.write_json(
            "config.json",
            {
                "teacher": settings.run,
                "student": student,
                "data": data,
                "unlabelled": settings.unlabelled,
                "labels_per_class": trained.config.get("labels_per_class"),
                "split": trained.config["split"],
                "on_bad_image": trained.config["on_bad_image"],
                **{name: trained.config.get(name) for name in KIND if trained.sounds},
                "out": settings.out,
                # What the teacher was trained with; its seed is that of the splits.
                "fine_tune": config_of_origin(trained)["fine_tune"],
                "distill": settings.distill.to_json(),
                **values_of(settings, DeviceSettings),
            },
        )
        folder.write_environment()
        folder.write_splits(splits)
        folder.keep_fixes(settings.fixes if settings.data else kept_fixes(trained))
        # The teacher is measured as it is used; a student is small, and sees each image once.
        folder.write_classes(trained.class_names, model, flips=False)
        teacher = main_figures(measure(trained.model, splits.test, flips=trained.flips)[1])
        with keeping_interrupted(folder, model):
            history = distill_into(
                model,
                trained.model,
                splits.train,
                splits.val,
                unlabelled=more,
                **vars(settings.distill),
            )
        num_unlabelled = 0 if more is None else len(more)
        metrics = {
            "teacher": {"run": settings.run, "test": teacher},
            "unlabelled_pictures": num_unlabelled,
        }
        write_run(folder, trained, splits, model, history, metrics, flips=False)
    say(f"The teacher: {teacher['accuracy']:.1%}; {num_unlabelled} images without labels.")
    return folder.path


def _unlabelled(unlabelled, rest, trained, splits):
    """Returns the images without labels, of which none is a validation or test image."""
    if unlabelled is None:
        return None
    if unlabelled != REST:
        rest, inspection = load_images(unlabelled, sounds=trained.sounds)
        contents = inspection.contents
    elif rest is None:
        raise InputError(
            f"Expected a run with labels_per_class for unlabelled='{REST}'; received "
            f"{trained.path}, which used the labels of all its training images. Give other "
            "images or none."
        )
    else:
        contents = splits.inspection.contents
    banned = held_out(trained, splits)
    why = "they are validation or test images"
    kept = without_contents(rest, contents, banned["val"] | banned["test"], why)
    if len(kept) == 0:
        raise InputError(
            f"Expected images without labels in {unlabelled} that are not validation or test "
            f"images; received {len(rest)} that all are. Give other images or none."
        )
    return kept
