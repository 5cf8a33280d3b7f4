"""Strategies by name: what each needs, refused in one line where it is not there."""

import keras
import pytest
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.settings.whole_model import DeviceSettings
from tl_keras.training.distribution.cluster import Cluster
from tl_keras.training.distribution.strategy import build_strategy, running_under


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    build_strategy.cache_clear()
    yield
    build_strategy.cache_clear()


@pytest.mark.parametrize("name", ["auto", "one"])
def test_one_device_has_no_strategy(name):
    with running_under(DeviceSettings(strategy=name)) as strategy:
        assert strategy is None and not tf.distribute.has_strategy()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mirrored",), "several GPUs, or --devices N for N logical CPUs"),
        (("mirrored", 99), "devices=99 before TensorFlow has computed anything"),
        (("multiworker",), "TF_CONFIG or a SLURM step of several tasks"),
    ],
)
def test_devices_that_are_not_there_are_named(arguments, words):
    tf.zeros(())  # TensorFlow has begun
    with pytest.raises(InputError) as error:
        build_strategy(*arguments)
    assert words in str(error.value)


def test_one_of_several_processes_does_not_train_alone(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", Cluster(("a:1", "b:1"), 0).to_tf_config())
    with pytest.raises(InputError, match="one of 2 processes that train together"):
        build_strategy("one")


@pytest.mark.parametrize("strategy", ["one", "multiworker"])
def test_devices_are_refused_where_they_have_no_effect(strategy):
    with pytest.raises(InputError, match="Expected devices only with strategy='mirrored'"):
        DeviceSettings(strategy=strategy, devices=2)


def test_the_number_format_is_that_of_the_job_alone():
    before = keras.config.dtype_policy()
    with pytest.raises(KeyError), running_under(DeviceSettings(precision="mixed_bfloat16")):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        raise KeyError
    assert keras.config.dtype_policy() == before
