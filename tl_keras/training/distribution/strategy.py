"""Distribution strategy and number format of a job."""

import contextlib
import functools
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.settings.whole_model import DeviceSettings
from tl_keras.training.distribution.cluster import cluster_from, wait_for_all
from tl_keras.training.distribution.several_machines import mend_keras


@functools.cache
def build_strategy(name: str = "auto", devices: int | None = None) -> tf.distribute.Strategy | None:
    """Builds the strategy of a name once in this process.

    Args:
        name: see `DeviceSettings.strategy`.
        devices: replicas on this machine; None for all GPUs.

    Returns:
        The strategy, with the default operations between devices; None for one device alone, where
        no scope is needed and results are those without any strategy.

    Raises:
        InputError: there are not the devices or processes that it needs.
    """
    cluster = cluster_from()
    several = cluster is not None and len(cluster.workers) > 1
    mend_keras()
    if name == "multiworker" or (name == "auto" and several):
        return _several_machines(cluster)
    if several:
        raise InputError(
            f"Expected strategy='auto' or 'multiworker' in one of {len(cluster.workers)} processes "
            f"that train together; received strategy={name!r}. Leave it out, or start one process."
        )
    gpus = tf.config.list_physical_devices("GPU")
    if name == "mirrored" or (name == "auto" and (devices or len(gpus)) > 1):
        return _mirrored(devices, gpus)
    return None


def _several_machines(cluster):
    if cluster is None:
        raise InputError(
            "Expected TF_CONFIG or a SLURM step of several tasks for strategy='multiworker'; "
            "received neither. Start it with `tl-keras launch --workers N -- ...`, or with srun."
        )
    wait_for_all(cluster)
    os.environ["TF_CONFIG"] = cluster.to_tf_config()
    return tf.distribute.MultiWorkerMirroredStrategy()


def _mirrored(devices, gpus):
    if devices is None and len(gpus) < 2:
        raise InputError(
            f"Expected several GPUs, or --devices N for N logical CPUs, with strategy='mirrored'; "
            f"received {len(gpus)} GPUs. Use strategy='one', or give devices."
        )
    if devices and 0 < len(gpus) < devices:
        raise InputError(
            f"Expected devices up to {len(gpus)}, the GPUs of this machine; received "
            f"devices={devices}. Give fewer."
        )
    kind = "GPU" if gpus else "CPU"
    if not gpus:
        _split_cpu(devices)
    count = devices or len(gpus)
    return tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(count)])


def _split_cpu(count):
    """Makes logical CPUs, which TensorFlow takes before its first operation alone."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    with contextlib.suppress(RuntimeError):
        tf.config.set_logical_device_configuration(cpu, parts)
    found = len(tf.config.list_logical_devices("CPU"))
    if found < count:
        raise InputError(
            f"Expected devices={count} before TensorFlow has computed anything in this process; "
            f"received {found} logical CPUs, which it has begun with. Start a new process."
        )


@contextlib.contextmanager
def running_under(settings: DeviceSettings) -> Iterator[tf.distribute.Strategy | None]:
    """Context manager: models built inside have the strategy and number format of the settings.

    Yields:
        The strategy, or None for one device.
    """
    strategy = build_strategy(settings.strategy, settings.devices)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(settings.precision)
    try:
        with strategy.scope() if strategy else contextlib.nullcontext():
            yield strategy
    finally:
        keras.config.set_dtype_policy(before)
