"""Methods of two views on two replicas, negatives gathered, end where they end on one."""

import subprocess
import sys

import pytest

PROGRAM = """
import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from tests.models.pictures import blobs
from tests.models.two_view_models import METHODS, small_encoder, small_model
from tl_keras import ImageDataset, SupCon, VICReg, fit_without_labels
from tl_keras.models.view_inputs import dataset_batches

X = blobs(40, side=16)
Y = np.arange(40) % 3

def two_replicas():
    # Gradients that need several collective operations get mixed up between logical CPUs.
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()
    )

def trained(strategy, method, whole_fit):
    rate = 0.002 if method is VICReg else 0.05  # its loss has a weight of 25
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = small_model(method, encoder=small_encoder(side=16))
        model.compile(keras.optimizers.SGD(rate))  # where a step twice too large shows
    data = (X, Y) if method is SupCon else X
    if whole_fit:
        how = {"epochs": 1, "batch_size": 8, "optimizer": "sgd", "lr": rate, "verbose": 0}
        history = fit_without_labels(model, data, data, **how)
    else:
        # Without end: opening the data costs an epoch's number under a strategy.
        how = {"training": True, "repeat": True, "augment": "auto"}
        batches = dataset_batches(model, ImageDataset.from_arrays(X, Y), 8, **how)
        history = model.fit(batches, epochs=1, steps_per_epoch=5, verbose=0)
    return model, history.history

for method in METHODS:
    for whole_fit in (False, True):
        one, history = trained(tf.distribute.get_strategy(), method, whole_fit)
        two, other = trained(two_replicas(), method, whole_fit)
        for a, b in zip(one.weights, two.weights, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4, err_msg=f"{method} {a.path}")
        for name, values in history.items():
            np.testing.assert_allclose(values, other[name], rtol=2e-3, err_msg=name)
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.stdout.endswith("equal\n"), run.stderr[-3000:]
