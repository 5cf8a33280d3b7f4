"""Argument checks with one shape of message: expected, received, what to do."""

import difflib
import math
import numbers


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


def check_widths(name, widths):
    """Returns a tuple of layer widths, or raises an error."""
    if not isinstance(widths, tuple | list):
        raise InputError(
            f"Expected {name} to be a tuple of widths, such as (200, 200); received "
            f"{name}={widths!r}."
        )
    return tuple(check_number(name, width, minimum=1, integer=True) for width in widths)
