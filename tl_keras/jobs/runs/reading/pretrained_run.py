"""A finished run of `tl-keras pretrain`, read back to make or to judge images."""

import dataclasses
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.files import read_json
from tl_keras.jobs.runs.reading.trained_run import check_finished, check_names
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.image_source import KIND
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.options.config_files import check_json


@dataclasses.dataclass(frozen=True)
class PretrainedRun:
    """A model that was trained without labels.

    Attributes:
        path: the run folder.
        method: see `PretrainSettings`.
        model: the trained model.
        metrics: the content of metrics.json.
        class_names: those of a conditional GAN; else ().
        sounds: of the spectrograms that it was trained on; None for images.
    """

    path: Path
    method: str
    model: keras.Model
    metrics: dict
    class_names: tuple[str, ...]
    sounds: Sounds | None = None


def load_pretrained_run(path: str | Path) -> PretrainedRun:
    """Reads the run folder `path`.

    Raises:
        InputError: it is not a finished run of `tl-keras pretrain`, or its model cannot be
            loaded safely.
    """
    path = Path(path)
    check_finished(path, "pretrain", "config.json", "metrics.json", "model.keras")
    config, metrics = read_json(path / "config.json"), read_json(path / "metrics.json")
    if "method" not in config:
        raise InputError(
            f"Expected a run folder of `tl-keras pretrain`; received {path}, which another "
            "command wrote."
        )
    check_json(PretrainSettings, config, path / "config.json", "method", "conditional", *KIND)
    names = ()
    if config.get("conditional"):
        classes = read_json(path / "classes.json", "class_names")["class_names"]
        names = check_names(classes, path / "classes.json")
    model = load_model(path / "model.keras")
    sounds = Sounds.recorded(config)
    return PretrainedRun(path, config["method"], model, metrics, names, sounds)
