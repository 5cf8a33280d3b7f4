"""Programs on two worker processes, which find each other on loopback ports."""

import os
import subprocess
import sys

from tl_keras.training.distribution.cluster import Cluster, free_ports

_START = """
import sys

import keras
import numpy as np
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
CHIEF = strategy.cluster_resolver.task_id == 0
"""


def start_workers(code, *words, count=2):
    """Starts the processes of a cluster; each runs `code` with `words` as its arguments."""
    workers = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    return [
        subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TF_CONFIG": Cluster(workers, index).to_tf_config()},
        )
        for index in range(count)
    ]


def check_workers(program, *words, timeout=300):
    """Asserts that a program comes to print "equal" at its end in each of two processes."""
    processes = start_workers(_START + program, *words)
    try:
        for process in processes:
            out, error = process.communicate(timeout=timeout)
            assert out.endswith("equal\n"), error[-3000:]
    finally:
        for process in processes:
            process.kill()
