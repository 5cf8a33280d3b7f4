"""Encoders that a comparison pretrains on its own pictures without their labels, each once."""

import time

import keras

from tl_keras.files import read_json, replacing, write_json
from tl_keras.jobs.pretrain.data import in_one_form
from tl_keras.jobs.pretrain.encoders import picture_size
from tl_keras.jobs.pretrain.fit import encoder_of, fit
from tl_keras.jobs.pretrain.models import build_model, make_plan
from tl_keras.progress import say
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.methods import methods_with
from tl_keras.training.epoch_lines import EpochLines

ENCODERS = "encoders"


class PretrainedEncoders:
    """The encoders of a comparison, in files: one that goes on does not pretrain again.

    All training pictures are used, whatever the budget of labels, and no label of them. It is
    done once for all budgets and seeds; the test pictures are never seen.

    Args:
        folder: where the files are, NAME.keras and NAME.json. An encoder counts as there when the
            second is, which is written last.
        config: `CompareSettings`.
        splits: `Splits` of the comparison.
    """

    def __init__(self, folder, config, splits):
        self._folder = folder
        self._config = config
        self._splits = splits

    def check(self, method):
        """Refuses a pretraining that these pictures do not allow, before any training."""
        self._prepare(method)

    def path(self, method):
        """Returns the file of the encoder that `method` pretrains; pretrains it if need be."""
        path = self._folder / f"{method}.keras"
        if not self._facts(method).is_file():
            self._pretrain(method, path)
        return path

    @property
    def facts(self):
        """{method: {"seconds", "epochs", "pictures"}} of what was pretrained so far."""
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
        data = in_one_form(self._splits, picture_size(config, self._splits.train))
        plan = make_plan(config, data)
        return config, data, plan, build_model(config, data, plan)

    def _pretrain(self, method, path):
        started = time.monotonic()
        config, data, plan, model = self._prepare(method)
        say(f"{method}: pretraining on {len(data.train)} pictures, without their labels")
        history = fit(config, model, data, plan, [EpochLines(plan.epochs)])
        with replacing(path) as temporary:
            encoder_of(model, data.train, config.seed).save(temporary)
        seconds = round(time.monotonic() - started, 3)
        facts = {"seconds": seconds, "epochs": len(history.epoch), "pictures": len(data.train)}
        write_json(self._facts(method), facts)
        say(f"{method}: pretrained in {seconds:.0f} s")
