"""Encoders that a comparison pretrains on its own images without labels, each once."""

import time

import keras

from tl_keras.files import read_json, replacing, write_json
from tl_keras.jobs.pretrain.data import in_one_form
from tl_keras.jobs.pretrain.encoders import pretraining_image_size
from tl_keras.jobs.pretrain.fit import encoder_of, fit
from tl_keras.jobs.pretrain.models import build_model, make_plan
from tl_keras.progress import say
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.methods import methods_with
from tl_keras.training.checkpoints.run_checkpoints import run_part
from tl_keras.training.epoch_lines import EpochLines

ENCODERS = "encoders"


class PretrainedEncoders:
    """Encoders of a comparison, in files: a continued comparison does not pretrain again.

    Pretraining uses all training images, none of their labels, and no test image. It is done once
    for all budgets and seeds.

    Args:
        folder: folder of the files NAME.keras and NAME.json. The second is written last: an encoder
            without it is incomplete.
        config: `CompareSettings`.
        splits: `Splits` of the comparison.
    """

    def __init__(self, folder, config, splits):
        self._folder = folder
        self._config = config
        self._splits = splits

    def check(self, method):
        """Refuses a pretraining that these images do not allow, before any training."""
        self._prepare(method)

    def path(self, method):
        """Returns the file of the encoder of `method`, which is pretrained if it does not exist."""
        path = self._folder / f"{method}.keras"
        if not self._facts(method).is_file():
            self._pretrain(method, path)
        return path

    @property
    def facts(self):
        """{method: facts of its pretraining} so far: seconds, epochs and number of images."""
        return {file.stem: read_json(file) for file in sorted(self._folder.glob("*.json"))}

    def _facts(self, method):
        return self._folder / f"{method}.json"

    def _prepare(self, method):
        config = PretrainSettings(
            method,
            self._config.data,
            epochs=self._config.pretrain_epochs,
            minutes=self._config.pretrain_minutes if method in methods_with("minutes") else None,
            image_size=self._config.baseline_size,
            seed=self._config.seed,
        )
        keras.utils.set_random_seed(config.seed)
        data = in_one_form(self._splits, pretraining_image_size(config, self._splits.train))
        plan = make_plan(config, data)
        return config, data, plan, build_model(config, data, plan)

    def _pretrain(self, method, path):
        started = time.monotonic()
        config, data, plan, model = self._prepare(method)
        say(f"{method}: pretraining on {len(data.train)} images, without their labels")
        with run_part(f"pretraining {method}"):
            history = fit(config, model, data, plan, [EpochLines(plan.epochs)])
        with replacing(path) as temporary:
            encoder_of(model, data.train, config.seed).save(temporary)
        seconds = round(time.monotonic() - started, 3)
        facts = {"seconds": seconds, "epochs": len(history.epoch), "pictures": len(data.train)}
        write_json(self._facts(method), facts)
        say(f"{method}: pretrained in {seconds:.0f} s")
