"""A finished run, read back for evaluation, prediction and export."""

import dataclasses
import functools
import shlex
from pathlib import Path
from typing import Any

import keras

from tl_keras.checks import InputError
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.data.split_records import read_records
from tl_keras.files import read_json
from tl_keras.jobs.runs.writing.run_folder import INTERRUPTED, SPLITS
from tl_keras.models.answers.answering_model import answers, classifier_of
from tl_keras.models.saving.saved_models import load_model
from tl_keras.progress import say
from tl_keras.settings.few_labels.few_shot import FewShotSettings
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.settings.image_source import KIND, FractionSettings, check_split
from tl_keras.settings.options.config_files import ASKED, CHECKPOINTS, check_json
from tl_keras.settings.train import TrainSettings


@dataclasses.dataclass(frozen=True)
class RunRecords:
    """Settings and images of a run, without its model.

    Attributes:
        path: the run folder.
        config: the content of config.json.
    """

    path: Path
    config: dict

    @functools.cached_property
    def records(self):
        """An `ImageRecord` of each image of its splits; None for a run without such a file."""
        path = self.path / SPLITS
        return read_records(path) if path.is_file() else None

    def contents(self, split):
        """Content hashes of the images of a split."""
        return {record.content for record in self.records or () if record.split == split}


@dataclasses.dataclass(frozen=True)
class TrainedRun(RunRecords):
    """Classifier with its classes and the settings of its training.

    Attributes:
        model: the classifier, or the model that averages it with others; `classifier_of` gives the
            one that can be trained on.
        class_names: in the order of its outputs.
        flips: whether its figures are those of predictions averaged over mirror images.
        answering: the model that answers, in which `model` is; None of a run without max_error.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    flips: bool = False
    answering: keras.Model | None = None

    @property
    def image_size(self):
        """(height, width) that the model takes."""
        return tuple(self.model.input_shape[1:3])

    @functools.cached_property
    def sounds(self):
        """`Sounds` of the spectrograms that the model takes; None if it takes images."""
        return Sounds.recorded(self.config)


def check_finished(path, command, *names):
    """Refuses a folder without the files that a finished run of a command has."""
    for name in names:
        if not (path / name).is_file():
            raise InputError(
                f"Expected a finished run folder with {name}; received {path}, which has none. "
                f"Make one with `tl-keras {command} --out`."
            )


def check_names(names: Any, file: Path) -> tuple[str, ...]:
    """Returns the class names in a classes.json, refused unless they are different texts."""
    if isinstance(names, list) and all(isinstance(n, str) for n in names):
        unique = tuple(dict.fromkeys(names))
        if len(unique) == len(names):
            return unique
    raise InputError(
        f"Expected class_names in {file} to be a list of different texts; received {names!r:.100}. "
        "It was changed since the run wrote it: put it back."
    )


def read_run_config(file: Path) -> dict:
    """Returns the config.json of a finished run, of which the values that are used are checked."""
    config = read_json(file)
    if "support" in config and "data" not in config:
        return _config_of_few_shot(config, file)
    if "attributes" in config:
        return _config_of_zero_shot(config, file)
    config = read_json(file, "data", "split", "on_bad_image", "fine_tune")
    used = ("data", "split", "on_bad_image", "labels_per_class", "unlabelled", *KIND)
    check_json(TrainSettings, config, file, *used)
    if config["split"] is not None:
        try:
            check_split(tuple(config["split"]))
        except InputError as error:
            raise InputError(f"{error} It is the value of split in {file}.") from None
    if not isinstance(config["fine_tune"], dict):
        raise InputError(f"Expected a table for fine_tune in {file}; received another value.")
    check_json(FineTuneSettings, config["fine_tune"], file, "seed", "refit")
    missing = [name for name in used[:3] if config[name] is None]
    if missing or config["fine_tune"].get("seed") is None:
        raise InputError(f"Expected {(*missing, 'fine_tune.seed')[0]} in {file}; received none.")
    return config


def _config_of_few_shot(config, file):
    """Returns the config.json of a few-shot run with the names that those of training have."""
    check_json(FewShotSettings, config, file, "support", "on_bad_image", "seed")
    read_json(file, "on_bad_image", "seed")
    names = {"data": config["support"], "split": FractionSettings.split}
    return {**config, **names, "fine_tune": {"seed": config["seed"]}}


def _config_of_zero_shot(config, file):
    """Returns the config.json of a zero-shot run with the names that those of training have."""
    check_json(ZeroShotSettings, config, file, "data", "on_bad_image", "seed")
    read_json(file, "data", "on_bad_image", "seed")
    return {**config, "split": FractionSettings.split, "fine_tune": {"seed": config["seed"]}}


def _model_of(path):
    """Name of the file of a run's model: that of the weights so far if it was interrupted."""
    unfinished = (path / CHECKPOINTS / ASKED).is_file()
    if not (path / "model.keras").is_file() and (path / INTERRUPTED).is_file():
        more = f"; finish it with `tl-keras {_command_of(path)}`" if unfinished else ""
        say(f"INTERRUPTED: {path} was not finished{more}. Its weights so far are used.")
        return INTERRUPTED
    if unfinished and not (path / "model.keras").is_file():
        raise InputError(
            f"Expected a finished run; received {path}, which was killed before its end. Finish "
            f"it with `tl-keras {_command_of(path)}`."
        )
    check_finished(path, "train", "model.keras")
    return "model.keras"


def _command_of(path):
    command = read_json(path / CHECKPOINTS / ASKED, "command")["command"]
    return f"{command} --resume {shlex.quote(str(path))}"


def load_run(path: str | Path) -> TrainedRun:
    """Reads the run folder `path`.

    Raises:
        InputError: it is not a finished run folder, or its model cannot be loaded safely.
    """
    path = Path(path)
    check_finished(path, "train", "config.json", "classes.json")
    name = _model_of(path)
    classes = read_json(path / "classes.json", "class_names")
    class_names = check_names(classes["class_names"], path / "classes.json")
    config = read_run_config(path / "config.json")
    loaded = load_model(path / name)
    model = classifier_of(loaded) if answers(loaded) else loaded
    if model.output_shape[-1] != len(class_names):
        raise InputError(
            f"Expected {model.output_shape[-1]} names in {path / 'classes.json'}, the outputs of "
            f"the model; received {len(class_names)}."
        )
    flips = classes.get("test_time_flips", False)  # older runs have no such key
    if not isinstance(flips, bool):
        raise InputError(
            f"Expected test_time_flips in {path / 'classes.json'} to be true or false; received "
            f"{flips!r}. It was changed since the run wrote it: put it back."
        )
    answering = loaded if answers(loaded) else None
    if answering is None and config.get("max_error") is not None:
        say(f"NO ANSWERS: {path} was stopped before its error was promised. Train it again.")
    return TrainedRun(path, config, model, class_names, flips, answering)
