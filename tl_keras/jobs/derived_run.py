"""A run that is made from another one: the same data, split the same way, and a new model."""

from tl_keras.data.classes import keep_classes_of_splits
from tl_keras.data.sources import load_dataset
from tl_keras.data.splits import keep_and_rest
from tl_keras.evaluation.classification import accuracy_interval
from tl_keras.jobs.evaluate import headline, measure
from tl_keras.jobs.trained_run import load_run
from tl_keras.progress import say


def load_origin(run, data=None):
    """Reads a run and its data, with the labels that it was trained on.

    Args:
        run: run folder.
        data: another source with (at least) its classes; None for its own.

    Returns:
        (`TrainedRun`, `Splits` with classes in the order of its outputs, the training pictures
        that labels_per_class left out, or None).

    Raises:
        InputError: the run or the data cannot be used.
    """
    trained = load_run(run)
    config, seed = trained.config, trained.config["fine_tune"]["seed"]
    splits = load_dataset(
        data or config["data"],
        seed=seed,
        split_fractions=tuple(config["split"]),
        on_bad_image=config["on_bad_image"],
    )
    rest = None
    if config.get("labels_per_class") is not None:
        kept, rest = keep_and_rest(splits.train, config["labels_per_class"], seed)
        splits = splits._replace(train=kept)
    return trained, keep_classes_of_splits(splits, trained.class_names), rest


def write_run(folder, trained, splits, model, history, metrics):
    """Writes the files by which `evaluate`, `predict` and `export` know a run.

    Args:
        folder: `RunFolder`; it has config.json already.
        trained: `TrainedRun` that this one comes from.
        splits: data of `load_origin`.
        model: the new classifier.
        history: of its training.
        metrics: dict to go into metrics.json beside the figures of `model`.
    """
    figures = {part.split: headline(measure(model, part)[1]) for part in (splits.val, splits.test)}
    folder.save_model(model)
    folder.write_json(
        "classes.json",
        {"class_names": list(trained.class_names), "image_size": list(model.input_shape[1:3])},
    )
    folder.write_history(history)
    best = history.best_epoch
    folder.write_json(
        "metrics.json",
        {
            **figures,
            **metrics,
            "seconds": dict(history.seconds),
            "best_epoch": None if best is None else best + 1,
            "pictures": {part.split: len(part) for part in splits[:3]},
        },
    )
    low, high = accuracy_interval(figures["test"]["accuracy"], len(splits.test))
    say(
        f"Test accuracy {figures['test']['accuracy']:.1%} ({low:.1%} to {high:.1%}, "
        f"{len(splits.test)} pictures), {history.seconds['total']:.0f} s: {folder.path}"
    )
