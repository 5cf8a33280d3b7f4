"""Programs on two replicas, logical CPUs, which are made before TensorFlow starts."""

import subprocess
import sys

_START = """
import functools
import sys

import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

# One in a process: each would number its collective operations from 100, and TensorFlow takes
# operations of one number for one ("Shape mismatch in the collective instance").
@functools.cache
def two_replicas(cross_device_ops=None):
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops)
"""


def check_program(program, *words):
    """Asserts that a program, which has `two_replicas()`, comes to print "equal" at its end."""
    code = [sys.executable, "-c", _START + program, *words]
    run = subprocess.run(code, capture_output=True, text=True)
    assert run.stdout.endswith("equal\n"), run.stderr[-3000:]
