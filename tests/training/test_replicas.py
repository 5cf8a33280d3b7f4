"""Fine-tuning on two replicas is fine-tuning on one."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from tests.training.small_models import coloured_pictures, small_classifier
from tl_keras import fine_tune

def weights(strategy, cache):
    with strategy.scope():
        model = small_classifier(dropout=0.0)
    fine_tune(
        model, coloured_pictures(32), coloured_pictures(16, seed=1), freeze_epochs=2, epochs=2,
        unfreeze="from:high_add", batch_size=8, lr=0.01, augment="photos", cache=cache,
        patience=None,
    )
    return model.get_weights()

one = weights(tf.distribute.get_strategy(), "memory")
for cache in ("memory", "none"):
    two = weights(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), cache)
    reference = one if cache == "memory" else weights(tf.distribute.get_strategy(), "none")
    for a, b in zip(reference, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
print("equal")
"""


@pytest.mark.slow
def test_one_replica_and_two_end_with_the_same_weights():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.stdout.endswith("equal\n"), run.stderr[-3000:]
