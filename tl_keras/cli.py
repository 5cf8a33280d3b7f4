"""The `tl-keras` command: parses, builds a configuration, calls a job. Loads no TensorFlow."""

import os
import signal
import sys

from tl_keras.checks import InputError
from tl_keras.cli import (  # noqa: F401 - they add their commands
    comparing,
    exploring,
    pretraining,
    runs,
    shrinking,
    training,
)
from tl_keras.cli.application import app


def main():
    """Runs the command; what the user can mend is one line and status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        app()
    except InputError as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
