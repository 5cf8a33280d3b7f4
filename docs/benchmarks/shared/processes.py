"""Benchmarks and commands in processes of their own, whose memory and state are theirs alone."""

import subprocess
import sys


def output_of(name, *words):
    """Returns the output of the benchmark `name` with the options `words`."""
    command = [sys.executable, "-m", "docs.benchmarks", name, *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def tl_keras(*words):
    """Runs a command of tl-keras, without what it prints on standard output."""
    command = [sys.executable, "-m", "tl_keras", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
