"""The objectives of `fine_tune` and their options, checked without loading TensorFlow."""

from tl_keras.checks import InputError, check_choice, check_number

# Each objective has options of its own, with their defaults.
OBJECTIVES = {
    "plain": {},
    "l2-sp": {"l2_sp_weight": 0.1, "l2_sp_head_weight": 0.01},
    "joint": {"source_weight": 1.0},
}
_OBJECTIVE_OF = {option: name for name, options in OBJECTIVES.items() for option in options}
PLAIN = {"objective": "plain", **dict.fromkeys(_OBJECTIVE_OF)}


def check_objective(settings):
    """Refuses an unknown objective, and options that are wrong or that it does not use.

    Args:
        settings: has `objective` and the options; an option that is None has its default.
    """
    check_choice("objective", settings.objective, tuple(OBJECTIVES))
    for option, user in _OBJECTIVE_OF.items():
        value = getattr(settings, option)
        if value is None:
            continue
        if user != settings.objective:
            raise InputError(
                f"Expected {option} only with objective={user!r}; received {option}={value!r} "
                f"with objective={settings.objective!r}."
            )
        check_number(option, value, minimum=0)


def option_value(settings, option):
    """The value of an option of the objective in `settings`, its default if it is None."""
    value = getattr(settings, option)
    return OBJECTIVES[_OBJECTIVE_OF[option]][option] if value is None else value


def check_source(objective, source, name="source"):
    """Refuses an objective without the source that it needs, and a source without use.

    Args:
        objective: one of `OBJECTIVES`.
        source: anything, None if none was given.
        name: what the user calls it.
    """
    if (objective == "joint") != (source is not None):
        wanted = "labelled source pictures" if source is None else f"no {name}"
        received = f"no {name}" if source is None else name
        raise InputError(
            f"Expected {wanted} with objective={objective!r}; received {received}. "
            f"Only objective='joint' trains on a source, given as {name}."
        )
