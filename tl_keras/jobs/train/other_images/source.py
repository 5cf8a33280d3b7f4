"""Source of joint training: its data, its classifier, and its accuracy before and after."""

import dataclasses
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.data.classes import keep_classes_of_splits
from tl_keras.data.dataset import Splits
from tl_keras.data.loading import load_dataset
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.runs.reading.known_images import trained_on, without_contents
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.progress import say
from tl_keras.settings.train import TrainSettings


@dataclasses.dataclass(frozen=True)
class Source:
    """Source of joint training; all None where there is none.

    Attributes:
        name: value of `source_data`.
        splits: data of the source.
        classifier: that of the run from which the backbone comes, if it has the same classes.
        before: its figures on the source's test split before training.
    """

    name: str | None = None
    splits: Splits | None = None
    classifier: keras.Model | None = None
    before: dict | None = None


def load_source(config: TrainSettings) -> Source:
    """Reads the source of `config` and, from the run that is its backbone, the classifier.

    Of a run of other classes only the encoder is used: the source gets a new head, and a line says
    so.
    """
    name = config.source_data
    if name is None:
        return Source()
    splits = load_dataset(
        name,
        seed=config.seed,
        split_fractions=config.split,
        on_bad_image=config.on_bad_image,
        sounds=Sounds.asked(config),
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
    classifier = classifier_of(run.model)
    _, before = measure(classifier, splits.test)
    return Source(name, splits, classifier, main_figures(before))


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


def source_figures(source: Source, model: keras.Model) -> dict:
    """Returns the content of "source" in metrics.json; `model` is its classifier after training."""
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
