"""Argument checks with one shape of message: expected, received, what to do."""

import difflib
import errno
import json
import math
import numbers
import os
import re
from pathlib import Path

# The last is oneDNN's, whose status 1 is "out of memory".
_NO_MEMORY = re.compile(
    "out of memory|OOM when allocating|bad_alloc|Cannot allocate memory|can't start new thread"
    "|received an exception:Status: 1, message: could not create"
)


class InputError(ValueError):
    """Error that a user can mend; the message is complete without a traceback.

    The command line prints the message as one line and exits with status 2.
    """


class DivergedError(InputError):
    """The loss became NaN or infinite; the model holds good weights from before."""


def listed(words, most=5, count=None):
    """Returns the first words, and the number of the others, of `count` in all."""
    count = len(words) if count is None else count
    more = f" and {count - most} more" if count > most else ""
    return ", ".join(words[:most]) + more


def check_choice(argument, value, choices):
    """Returns `value` if it is one of `choices`, else raises with the nearest names first."""
    names = [str(choice) for choice in choices]
    if value in choices:
        return value
    near = difflib.get_close_matches(str(value), names, n=3, cutoff=0.5)
    ordered = near + [name for name in names if name not in near]
    raise InputError(
        f"Expected {argument} to be one of {', '.join(ordered)}; received {argument}={value!r}."
    )


def check_number(
    argument, value, *, minimum=-math.inf, maximum=math.inf, above=None, below=None, integer=False
):
    """Returns `value` if it is finite, in [minimum, maximum] and in (above, below)."""
    kind = numbers.Integral if integer else numbers.Real
    if (
        isinstance(value, kind)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and minimum <= value <= maximum
        and (above is None or value > above)
        and (below is None or value < below)
    ):
        return value
    limits = [f">= {minimum}"] if minimum > -math.inf else []
    limits += [f"<= {maximum}"] if maximum < math.inf else []
    limits += [f"> {above}"] if above is not None else []
    limits += [f"< {below}"] if below is not None else []
    wanted = " ".join(["an integer" if integer else "a number", " and ".join(limits)]).strip()
    raise InputError(f"Expected {argument} to be {wanted}; received {argument}={value!r}.")


def ran_out_of_memory(error):
    """Returns whether an exception of Python, NumPy or TensorFlow says that memory ran out."""
    if isinstance(error, InputError):
        return False
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return True
    return getattr(error, "errno", None) == errno.ENOMEM or bool(_NO_MEMORY.search(str(error)))


def check_backend():
    """Refuses another backend of Keras than TensorFlow, before Keras is imported.

    Keras takes the environment variable KERAS_BACKEND, or else `backend` in its keras.json.
    """
    file = Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras"))) / "keras.json"
    asked, where = os.environ.get("KERAS_BACKEND"), "the environment variable KERAS_BACKEND"
    if not asked:
        asked, where = _backend_in(file), f"backend in {file}"
    if asked not in (None, "tensorflow"):
        raise InputError(
            f"Expected Keras on TensorFlow, on which tl_keras is built; received {asked!r} as "
            f"{where}. Set KERAS_BACKEND=tensorflow."
        )


def _backend_in(file):
    try:
        return json.loads(file.read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        return None  # Keras leaves it aside too


def check_widths(name, widths):
    """Returns a tuple of layer widths, or raises an error."""
    if not isinstance(widths, tuple | list):
        raise InputError(
            f"Expected {name} to be a tuple of widths, such as (200, 200); received "
            f"{name}={widths!r}."
        )
    return tuple(check_number(name, width, minimum=1, integer=True) for width in widths)
