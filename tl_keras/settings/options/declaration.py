"""Declares options as fields of dataclasses: type, default, bounds, panel and help in one place.

A field is annotated with its type and markers, and documented by the string below it:

    lr: Annotated[float | None, FINE_TUNING, Bounds(above=0)] = None
    \"\"\"Highest learning rate of the head.\"\"\"

The first paragraph of that string is the help; the page in docs/commands has all of it.
"""

import ast
import dataclasses
import functools
import inspect
import os
import types
import typing
from pathlib import Path

from tl_keras.checks import InputError, check_choice, check_number

MISSING = dataclasses.MISSING  # no default
_LARGEST = 2**31 - 1  # integer of an option without a maximum of its own
UNSET = object()
REQUIRED = "required"  # default of a field that has to be given, after one that has not


@dataclasses.dataclass(frozen=True)
class Panel:
    """Heading under which the help shows an option."""

    title: str


FIRST = Panel("Needed first")
DATA = Panel("Data")
MODEL = Panel("Model")
FINE_TUNING = Panel("Fine-tuning")
REGULARISATION = Panel("Regularisation")
PSEUDO_LABELS = Panel("Pseudo-labels")
RUN = Panel("Run")
PANELS = (FIRST, DATA, MODEL, FINE_TUNING, REGULARISATION, PSEUDO_LABELS, RUN)


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Limits of a number, or of each number of a tuple; see `check_number`."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None

    def check(self, name, value, *, integer):
        """Refuses a `value` that is no number within the limits."""
        limits = {k: v for k, v in vars(self).items() if v is not None}
        check_number(name, value, integer=integer, **limits)
        if integer and value > _LARGEST and self.maximum is None and self.below is None:
            raise InputError(
                f"Expected {name} to be an integer of at most {_LARGEST:,}; received a number of "
                f"{len(str(value))} digits. Give a smaller one."
            )


@dataclasses.dataclass(frozen=True)
class Start:
    """Defaults of an option that the start of fine-tuning decides.

    Attributes:
        linear: default from a linear start; UNSET where it is `other`.
        other: default without a linear start; UNSET for none.
        words: default from a linear start in words, where it is no constant.
    """

    linear: object = UNSET
    other: object = UNSET
    words: str = ""

    def __str__(self):
        parts = [] if self.other is UNSET else [_short(self.other)]
        first = self.words or self.linear
        if first not in (UNSET, self.other):
            parts = [f"{_short(first)} from a linear start", *(f"else {part}" for part in parts)]
        return ", ".join([*parts, "or what suits the weights"])


@dataclasses.dataclass(frozen=True)
class Nested:
    """Marks a field that holds the settings of a part of the run; its options are shown with it.

    Attributes:
        prefix: stands before the names in `own` on the command line.
        own: names that mean something else in an earlier part; all others are shared with it.
        only_with: option without which there is no such part; "" for none.
    """

    prefix: str = ""
    own: tuple[str, ...] = ()
    only_with: str = ""


POSITIONAL = "positional"  # marks an argument that is given by its place


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        name: as in Python, with underscores.
        paths: where its value is kept: {names of fields, outermost first: option without which
            there is no such part of the run, "" for none}.
        hint: its type with None and without markers.
        kind: its type without None.
        markers: see above.
        default: MISSING if it has to be given.
        text: the attribute docstring.
    """

    name: str
    paths: dict[tuple[str, ...], str]
    hint: object
    kind: object
    markers: tuple
    default: object
    text: str

    @property
    def panel(self):
        return self.marker(Panel) or RUN

    @property
    def positional(self):
        return POSITIONAL in self.markers

    @property
    def help(self):
        return " ".join(self.text.split("\n\n")[0].split())

    @property
    def default_text(self):
        """The default in words; empty where the help says what is done without the option."""
        if start := self.marker(Start):
            return str(start)
        if self.default is MISSING or self.default is None or self.default == ():
            return ""
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        return str(self.default).lower() if self.kind is bool else _short(self.default)

    def marker(self, kind):
        """The marker of this class, or None."""
        return next((marker for marker in self.markers if isinstance(marker, kind)), None)

    def check(self, value):
        """Returns `value` in the declared type; refuses what is not of it or out of bounds."""
        bounds = self.marker(Bounds)
        return _checked(self.name, value, self.kind, bounds)


class Checked:
    """Base of all settings: every field is checked when they are made."""

    def __post_init__(self):
        for option in fields_of(type(self)):
            value = getattr(self, option.name)
            if value is not None or not _takes_none(option.hint):
                object.__setattr__(self, option.name, option.check(value))

    @classmethod
    def described(cls, name, text):
        """Returns the help of a field from its docstring."""
        return text

    @classmethod
    def decided_anew(cls, content, given):
        """Returns the content of a config.json without what other options `given` decide anew."""
        return content

    def to_json(self):
        """Returns the settings as plain dicts, lists and numbers."""
        return dataclasses.asdict(self)


def _short(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


@functools.cache
def fields_of(settings):
    """Returns an `Option` for each field of a dataclass, without those that are `Nested`."""
    return tuple(option for option in _declared(settings) if not option.marker(Nested))


@functools.cache
def nested_in(settings):
    """Returns {name: dataclass} of the fields of a dataclass that are `Nested`."""
    return {option.name: option.kind for option in _declared(settings) if option.marker(Nested)}


@functools.cache
def options_of(settings):
    """Returns {name: `Option`} of a command, those without a default first.

    They are the fields of its dataclass and of what it nests.
    """
    options = {}
    for field in _declared(settings):
        nested = field.marker(Nested)
        inner = options_of(field.kind).values() if nested else (field,)
        for option in inner:
            option = _placed(option, field, nested) if nested else option
            known = options.get(option.name)
            if known:  # declared in an earlier part too
                option = dataclasses.replace(known, paths=known.paths | option.paths)
            options[option.name] = option
    return dict(sorted(options.items(), key=lambda item: item[1].default is not MISSING))


def _placed(option, field, nested):
    """An option of a nested dataclass as one of the whole command."""
    own = option.name in nested.own
    panel = field.marker(Panel)
    return dataclasses.replace(
        option,
        name=nested.prefix * own + option.name,
        paths={(field.name, *path): nested.only_with for path in option.paths},
        markers=(panel, *option.markers) if panel else option.markers,
    )


@functools.cache
def _declared(settings):
    hints = typing.get_type_hints(settings, include_extras=True)
    texts = _texts(settings)
    return tuple(
        _option(field, hints[field.name], settings.described(field.name, texts.get(field.name, "")))
        for field in dataclasses.fields(settings)
    )


def _option(field, hint, text):
    markers = getattr(hint, "__metadata__", ())
    hint = hint.__origin__ if markers else hint
    default = MISSING if field.default is REQUIRED else field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    paths = {(field.name,): ""}
    return Option(field.name, paths, hint, _without_none(hint), markers, default, text)


def _texts(settings):
    """The attribute docstrings of a dataclass and its bases, {name: text}."""
    texts = {}
    for kind in reversed(settings.__mro__):
        if not dataclasses.is_dataclass(kind):
            continue
        body = _classes(inspect.getsourcefile(kind))[kind.__name__].body
        for field, below in zip(body, body[1:], strict=False):
            text = getattr(below.value, "value", None) if isinstance(below, ast.Expr) else None
            if isinstance(field, ast.AnnAssign) and isinstance(text, str):
                texts[field.target.id] = inspect.cleandoc(text)
    return texts


@functools.cache
def _classes(file):
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _takes_none(hint):
    return type(None) in typing.get_args(hint)


def _without_none(hint):
    kinds = tuple(kind for kind in typing.get_args(hint) if kind is not type(None))
    if not _is_union(hint):
        return hint
    return kinds[0] if len(kinds) == 1 else typing.Union[kinds]  # noqa: UP007


def _is_union(hint):
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def choices_of(kind):
    """The words that a type allows: those of a `Literal`, or of one in a tuple or union."""
    if typing.get_origin(kind) is typing.Literal:
        return typing.get_args(kind)
    return tuple(choice for part in typing.get_args(kind) for choice in choices_of(part))


def _checked(name, value, kind, bounds):
    if typing.get_origin(kind) is typing.Literal:
        return check_choice(name, value, typing.get_args(kind))
    if _is_union(kind):
        words = choices_of(kind)
        if value in words:
            return value
        try:
            return _checked(name, value, typing.get_args(kind)[0], bounds)
        except InputError as error:
            message = str(error).replace(";", f" or {' or '.join(words)};", 1)
            raise InputError(message) from None
    if typing.get_origin(kind) is tuple:
        return _checked_tuple(name, value, kind, bounds)
    if kind in (int, float):
        (bounds or Bounds()).check(name, value, integer=kind is int)
        return value
    if kind is str and isinstance(value, str | os.PathLike):
        return _checked_text(name, str(value))
    if not isinstance(value, kind):
        raise InputError(f"Expected {name} to be {wanted(kind)}; received {name}={value!r}.")
    return value


def _checked_text(name, text):
    if text and "\0" not in text:
        return text
    received = "an empty one" if not text else "one with a zero byte"
    raise InputError(
        f"Expected {name} to be a text; received {received}. Leave {name} out, or give a value."
    )


def _checked_tuple(name, value, kind, bounds):
    if isinstance(value, str | int | float):
        value = (value,)
    if not isinstance(value, tuple | list):
        raise InputError(f"Expected {name} to be {wanted(kind)}; received {name}={value!r}.")
    inner = typing.get_args(kind)[0]
    if inner is float:  # three fractions: `check_split` says more
        return tuple(value)
    return tuple(_checked(name, part, inner, bounds) for part in value)


def wanted(kind):
    """A type in words, such as "an integer"."""
    words = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
    if choices := choices_of(kind):
        return f"one of {', '.join(map(str, choices))}"
    if typing.get_origin(kind) is tuple:
        return f"a list, each {wanted(typing.get_args(kind)[0])}"
    return words[kind]


def values_of(settings, kind):
    """Returns {name: value} of those fields of `settings` that the dataclass `kind` has."""
    return {option.name: getattr(settings, option.name) for option in fields_of(kind)}


def check_values(settings, **values):
    """Refuses values that fields of the dataclass `settings` could not have."""
    for option in fields_of(settings):
        if option.name in values:
            option.check(values[option.name])
