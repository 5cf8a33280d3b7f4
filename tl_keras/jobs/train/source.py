"""The source of joint training: its data, its classifier, and how much of it is kept."""

import dataclasses
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.data.classes import keep_classes_of_splits
from tl_keras.data.dataset import Splits
from tl_keras.data.loading import load_dataset
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.runs.run_splits import trained_on, without_contents
from tl_keras.jobs.runs.trained_run import load_run
from tl_keras.progress import say


@dataclasses.dataclass(frozen=True)
class Source:
    """What joint training keeps; all None where there is none.

    Attributes:
        name: what the user named.
        splits: the data of the source.
        classifier: that of the run which the backbone comes from, if it knows these classes.
        before: its figures on the source's test split before training.
    """

    name: str | None = None
    splits: Splits | None = None
    classifier: keras.Model | None = None
    before: dict | None = None


def load_source(config):
    """Reads the source of `config` and, from the run that is its backbone, the classifier.

    A run of other classes gives its encoder alone; what differs is said, and the source gets a
    new head.
    """
    name = config.source_data
    if name is None:
        return Source()
    splits = load_dataset(
        name, seed=config.seed, split_fractions=config.split, on_bad_image=config.on_bad_image
    )
    if not (Path(config.backbone) / "classes.json").is_file():
        return Source(name, splits)
    run = load_run(config.backbone)
    known, found = set(run.class_names), set(splits.train.class_names)
    if known != found:
        say(
            f"The source gets a new head: {config.backbone} knows classes that {name} lacks "
            f"({_listed(known - found)}), or lacks some of it ({_listed(found - known)})."
        )
        return Source(name, splits)
    splits = keep_classes_of_splits(_unseen(splits, run), run.class_names)
    _, before = measure(run.model, splits.test)
    return Source(name, splits, run.model, main_figures(before))


def _unseen(splits, run):
    """The splits with no test image that the run was trained on, e.g. with another seed."""
    why = f"{run.path} was trained on them"
    test = without_contents(splits.test, splits.inspection.contents, trained_on(run), why)
    if len(test) == 0:
        raise InputError(
            f"Expected test images of the source that {run.path} was not trained on; received "
            f"none. Give its seed, --seed {run.config['fine_tune']['seed']}, or other source data."
        )
    return splits._replace(test=test)


def source_figures(source, model):
    """What metrics.json says of the source after training; `model` is its classifier."""
    _, after = measure(model, source.splits.test)
    return {
        "data": source.name,
        "class_names": list(source.splits.train.class_names),
        "pictures": len(source.splits.test),
        "before": source.before,
        "test": main_figures(after),
    }


def _listed(names):
    return ", ".join(sorted(names)) or "none"
