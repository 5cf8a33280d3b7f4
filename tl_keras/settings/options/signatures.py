"""Decorators by which functions show the fields of settings as their parameters."""

import functools
import inspect

from tl_keras.checks import InputError
from tl_keras.settings.options.config_files import refuse_unknown, settings_from
from tl_keras.settings.options.declaration import MISSING, fields_of, options_of


class UnknownSettingError(InputError, TypeError):
    """A keyword is no setting of the function that was called."""


def shows_settings(*kinds):
    """Lets `inspect.signature` and `help` of a function show what its `**settings` take.

    An unknown keyword is refused with the nearest name; the function gets its settings as given.

    Args:
        kinds: dataclasses whose fields are the settings.
    """

    def decorate(function):
        parameters = inspect.signature(function).parameters.values()
        named = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
        names = {parameter.name for parameter in named}
        options = [o for kind in kinds for o in fields_of(kind) if o.name not in names]

        @functools.wraps(function)
        def checked(*args, **settings):
            known = [*names, *(option.name for option in options)]
            _check_names(settings, known, function)
            return function(*args, **settings)

        return _shown(checked, [*named, *map(_parameter, options)], options)

    return decorate


def takes_settings(kind):
    """Lets a function of one settings object be called with its options one by one.

    Args:
        kind: dataclass; options that are arguments by place come first.
    """
    options = options_of(kind)

    def decorate(function):
        @functools.wraps(function)
        def called(*args, **given):
            if len(args) == 1 and isinstance(args[0], kind) and not given:
                return function(args[0])
            by_place = [name for name, option in options.items() if option.positional]
            given |= dict(zip(by_place, args, strict=False))
            _check_names(given, options, function)
            return function(settings_from(kind, given))

        return _shown(called, map(_parameter, options.values()), options.values())

    return decorate


def _check_names(given, known, function):
    for name in given:
        if name not in known:
            refuse_unknown(name, known, function.__name__, UnknownSettingError)


def _parameter(option):
    kind = inspect.Parameter.KEYWORD_ONLY
    if option.positional:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    default = inspect.Parameter.empty if option.default is MISSING else option.default
    return inspect.Parameter(option.name, kind, default=default, annotation=option.hint)


def _shown(function, parameters, options):
    function.__signature__ = inspect.Signature(list(parameters))
    lines = (f"    {option.name}: {' '.join(option.text.split())}" for option in options)
    function.__doc__ = "\n".join([inspect.getdoc(function), "", "Settings:", *lines])
    return function
