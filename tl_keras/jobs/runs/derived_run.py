"""Run that is made from another one: its images, in its splits, and a new model."""

import keras

from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.runs.reading.run_splits import (
    check_left,
    other_splits,
    own_splits,
    say_if_refitted,
    without_contents,
)
from tl_keras.jobs.runs.reading.trained_run import TrainedRun, load_run
from tl_keras.jobs.runs.writing.interruptions import keeping_saved
from tl_keras.jobs.runs.writing.run_folder import RunFolder
from tl_keras.jobs.runs.writing.unmeasured import known_of_history, mark_measured, write_unmeasured
from tl_keras.progress import say
from tl_keras.training.history import TrainingHistory


def load_origin(
    run: str, data: str | None = None, fixes: str | None = None
) -> tuple[TrainedRun, Splits, ImageDataset | None]:
    """Reads a run and its data, with the labels that it was trained on.

    If the run was trained on the validation images too, a line says so.

    Args:
        data: another source with (at least) its classes; None for its own.
        fixes: fixes.csv of the other source.

    Returns:
        (`TrainedRun`, `Splits` with classes in the order of its outputs, the training images
        that labels_per_class left out, or None). No image of train is one of test.

    Raises:
        InputError: the run or the data cannot be used.
    """
    trained = load_run(run)
    if trained.answering is not None:
        say(f"{trained.path} promises an error; the new model has probabilities alone.")
    splits, rest = own_splits(trained) if data is None else other_splits(trained, data, fixes)
    contents, banned = splits.inspection.contents, held_out(trained, splits)
    train = without_contents(splits.train, contents, banned["test"], "they are test images as well")
    check_left(trained, train.source, "train", train)
    if data is None or trained.contents("val") & set(contents_of(splits.val, contents)):
        say_if_refitted(trained)
    return trained, splits._replace(train=train), rest


def held_out(trained: TrainedRun, splits: Splits) -> dict[str, set[str]]:
    """Returns {"val": hashes, "test": hashes} of the images that a new model is not trained on."""
    contents = splits.inspection.contents
    return {
        part.split: trained.contents(part.split) | set(contents_of(part, contents))
        for part in splits[1:3]
    }


def write_run(
    folder: RunFolder,
    trained: TrainedRun,
    splits: Splits,
    model: keras.Model,
    history: TrainingHistory,
    metrics: dict,
    *,
    flips: bool,
) -> None:
    """Writes the files by which `evaluate`, `predict` and `export` know a run, then measures it.

    Args:
        folder: `RunFolder`; it has config.json and splits.csv.gz already.
        trained: `TrainedRun` that this one comes from.
        splits: data of `load_origin`.
        metrics: dict to go into metrics.json beside the figures of `model`.
        flips: whether predictions of `model` are means over each image and its mirror image, here
            and in the later commands.
    """
    folder.save_model(model)
    folder.write_classes(trained.class_names, model, flips=flips)
    folder.write_history(history)
    known = metrics | known_of_history(history, splits)
    write_unmeasured(folder, known)
    with keeping_saved(folder.path):
        figures = {
            part.split: main_figures(measure(model, part, flips=flips)[1])
            for part in (splits.val, splits.test)
        }
        folder.write_json("metrics.json", {**figures, **known})
        mark_measured(folder)
    low, high = accuracy_interval(figures["test"]["accuracy"], len(splits.test))
    say(
        f"Test accuracy {figures['test']['accuracy']:.1%} ({low:.1%} to {high:.1%}, "
        f"{len(splits.test)} images), {history.seconds['total']:.0f} s: {folder.path}"
    )
