"""Job of `tl-keras launch`: several processes of this machine that train together."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

from tl_keras.checks import check_choice
from tl_keras.progress import say
from tl_keras.settings.commands import COMMANDS
from tl_keras.settings.options.declaration import options_of
from tl_keras.settings.whole_model import LaunchSettings
from tl_keras.training.distribution.cluster import Cluster, free_ports

OWN_END = 5  # seconds that the others have to end by themselves after one has failed
SIGNALLED_END = 20  # seconds from a signal until a process that is left is killed
SAVED_END = 60  # seconds that the chief has for its step and a checkpoint
_PAUSE = 0.1
_TAIL = 4000  # characters of a worker's output that are shown


def launch(settings: LaunchSettings) -> None:
    """Runs a command that trains in several processes and waits for all of them.

    The chief's output is shown as it comes, that of another process only if it fails. If one fails
    or is killed, the others are ended. Signals are passed on to all.

    Raises:
        InputError: the command does not train.
        SystemExit: a process failed, with its status, or a signal came.
    """
    _check_command(settings.command)
    workers = tuple(f"127.0.0.1:{port}" for port in free_ports(settings.workers))
    with contextlib.ExitStack() as stack:
        hidden = [stack.enter_context(tempfile.TemporaryFile()) for _ in workers[1:]]
        outputs = [None, *hidden]
        processes = [
            _start(settings.command, Cluster(workers, index), output)
            for index, output in enumerate(outputs)
        ]
        stack.callback(_end, processes, signal.SIGTERM)
        failed = _wait_or_pass_on(processes)
        if failed is not None:
            _tell(failed, processes[failed].returncode, outputs[failed])
            sys.exit(_status(processes[failed].returncode))


def _check_command(words):
    able = [name for name, row in COMMANDS.items() if "strategy" in options_of(row.settings)]
    check_choice("command", words[0], able)


def _start(command, cluster, output):
    """Starts a process; in a session of its own, so that a signal of the terminal comes once."""
    return subprocess.Popen(
        [sys.executable, "-m", "tl_keras", *command],
        env=os.environ | {"TF_CONFIG": cluster.to_tf_config()},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _wait_or_pass_on(processes):
    """Waits for all; passes a signal on that ends this process, and raises it again.

    The chief gets it first: it finishes its step, for which it needs the others, and saves.
    """
    try:
        return _wait(processes)
    except (KeyboardInterrupt, SystemExit) as stopped:
        code = getattr(stopped, "code", None)  # of `cli.main`: 128 and the signal
        number = code - 128 if isinstance(code, int) and code > 128 else signal.SIGINT
        _end(processes[:1], number, SAVED_END)
        _end(processes, number)
        raise


def _wait(processes):
    """Waits for all; returns the number of the first that failed, the chief where several did."""
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes):
            _left(processes, OWN_END)
            break
        time.sleep(_PAUSE)
    failed = [number for number, process in enumerate(processes) if process.poll()]
    killed = [number for number in failed if processes[number].returncode < 0]
    return min(killed or failed, default=None)


def _left(processes, seconds):
    """The processes that still run after so many seconds, at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(process.poll() is None for process in processes):
        time.sleep(_PAUSE)
    return [process for process in processes if process.poll() is None]


def _end(processes, number, seconds=None):
    """Sends a signal to the processes that still run; kills those that do not end by it."""
    for process in _left(processes, 0):
        process.send_signal(number)
    for process in _left(processes, SIGNALLED_END if seconds is None else seconds):
        process.kill()
    for process in processes:
        process.wait()


def _tell(number, status, output):
    """Says which process failed, with the end of its output where it was not shown."""
    name = "The chief" if number == 0 else f"Worker {number}"
    reason = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
    shown = ""
    if output is not None:
        output.seek(0)
        shown = ":\n" + output.read().decode(errors="replace")[-_TAIL:].strip()
    say(f"{name} {reason}; the other workers were ended{shown}")


def _status(returncode):
    return returncode if returncode > 0 else 128 - returncode
