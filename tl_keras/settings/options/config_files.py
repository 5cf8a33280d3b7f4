"""Settings from config.json of a run, and from options of the command line with a file."""

import dataclasses
import difflib
import functools
import json
import tomllib
from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.files import read_json
from tl_keras.progress import say
from tl_keras.settings.options.declaration import MISSING, fields_of, nested_in, options_of

RENAMED = {"test_pictures": "test_images"}  # keys of runs that earlier versions wrote
NOT_REPEATED = ("out",)
CHECKPOINTS, ASKED = "checkpoints", "asked.json"  # in the folder of an unfinished run
_FREE = ("out", "checkpoint_minutes")  # settings that a resumed run may have otherwise
# Key of a config.json for the run that it was made from, by the part of the settings that made it.
ORIGINS = {"prune": "pruned_from", "distill": "teacher"}


def from_json(kind, content):
    """Returns settings from the content of a config.json; keys of other commands are left out.

    Args:
        kind: dataclass.
        content: dict, as `to_json` gave it.
    """
    content = renamed(content)
    values = {o.name: content[o.name] for o in fields_of(kind) if o.name in content}
    for name, inner in nested_in(kind).items():
        if content.get(name) is not None:
            values[name] = from_json(inner, content[name])
    return kind(**values)


def renamed(content):
    """Returns the content of a config.json with the names that options have now."""
    return {RENAMED.get(key, key): value for key, value in content.items()}


def settings_from(kind, given, file=None):
    """Returns the settings of a command.

    Args:
        kind: its dataclass.
        given: {name of an option: value}; they win over those of the file.
        file: path of a .toml file or of a config.json, None for none; its `out` is not taken over.

    Raises:
        InputError: the file cannot be read, or a value is missing, wrong or without effect.
    """
    options = options_of(kind)
    assigned = list(_values(kind, file, given)) if file is not None else []
    assigned += [(name, options[name].paths, value) for name, value in given.items()]
    names = {"", *(name for name, _, value in assigned if value is not None)}
    tree = {}
    for name, paths, value in assigned:
        usable = [path for path, needed in paths.items() if needed in names]
        for path in usable:
            _put(tree, path, value)
        if not usable:
            needed = next(iter(paths.values()))
            raise InputError(
                f"Expected {name} only with {needed} images; received {name}={value!r} without. "
                f"Give --{needed} or leave it out."
            )
    return _build(kind, tree)


def resumed_settings(kind, command, run, given):
    """Returns the settings of an unfinished run, to go on with it.

    Args:
        kind: dataclass of the command.
        command: its name.
        run: run folder.
        given: {name of an option: value}, which have to be those of the run.

    Raises:
        InputError: it is not an unfinished run of the command, or an option is another.
    """
    asked = Path(run) / CHECKPOINTS / ASKED
    if not asked.is_file():
        raise InputError(
            f"Expected an unfinished run after --resume; received {run}, which is finished or was "
            f"never begun: it has no {CHECKPOINTS}/{ASKED}."
        )
    begun = read_json(asked, "command", "settings")
    if begun["command"] != command:
        raise InputError(
            f"Expected a run of `tl-keras {command}`; received {run}. Give `tl-keras "
            f"{begun['command']} --resume {run}`."
        )
    begun = from_json(kind, begun["settings"] | {"out": str(run)})
    minutes = given.get("checkpoint_minutes", begun.checkpoint_minutes)
    _check_given(kind, begun, {n: v for n, v in given.items() if n not in _FREE[1:]}, run)
    return dataclasses.replace(begun, checkpoint_minutes=minutes)


def _check_given(kind, begun, given, run):
    differences = []
    for name, value in given.items():
        option = options_of(kind)[name]
        there = [functools.reduce(_part_of, path, begun) for path in option.paths]
        value = option.check(value)
        same = Path(value) == Path(run) if name == "out" else value in there
        if not same:
            differences.append(f"{name} {value!r} (there: {there[0]!r})")
    if differences:
        raise InputError(
            f"Expected the settings with which {run} was begun; received others: "
            f"{', '.join(differences)}. Nothing in it was changed. Leave them out."
        )


def _part_of(settings, name):
    return getattr(settings, name, None)


def differences_of(begun, asked):
    """Returns what differs in two dicts of a run, in words; "" where a run may go on.

    Args:
        begun, asked: {"command", "settings", "versions"}, as JSON has them.
    """
    before, after = (_flat(json.loads(json.dumps(content))) for content in (begun, asked))
    names = [name for name in {**before, **after} if name.rpartition(".")[2] not in _FREE]
    return ", ".join(
        f"{name.partition('.')[2] or name} {after.get(name)!r} (there: {before.get(name)!r})"
        for name in names
        if before.get(name) != after.get(name)
    )


def _flat(content, above=""):
    flat = {}
    for key, value in content.items():
        name = f"{above}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def refuse_unknown(name, known, where, error=InputError):
    """Raises an error that names the nearest of the known names."""
    near = difflib.get_close_matches(name.rpartition(".")[2], list(known), n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise error(f"Expected an option of {where}; received {name}.{hint}")


def _values(command, file, given):
    """Yields (name, paths, value) for each key of a file."""
    file = Path(file)
    flat = options_of(command)
    needs = {path: needed for option in flat.values() for path, needed in option.paths.items()}

    def read(kind, content, above):
        known, nested = {option.name: option for option in fields_of(kind)}, nested_in(kind)
        more = {} if above else flat
        for key, value in renamed(content).items():
            name, where = key.replace("-", "_"), ".".join((*above, key))
            if name in nested and isinstance(value, dict):
                yield from read(nested[name], value, (*above, name))
            elif name in nested:
                if value is not None:
                    raise InputError(f"Expected a table for {where} in {file}; received {value!r}.")
            elif name not in known and name not in more:
                refuse_unknown(where, {**known, **nested, **more}, f"the file {file}")
            else:
                option = known.get(name) or more[name]
                paths = option.paths if name in more else [(*above, name)]
                if name not in NOT_REPEATED and not (value is None and option.default is None):
                    yield name, {path: needs[path] for path in paths}, _check(option, value, file)

    content = _without_other_commands(command, _content(file), file)
    if file.suffix != ".toml":  # a person wrote what is in one
        content = command.decided_anew(content, given)
    yield from read(command, content, ())


def _without_other_commands(command, content, file):
    """Returns what `command` takes of the config.json of a run that was made from another run."""
    if content.keys().isdisjoint(ORIGINS.values()):
        return content
    known = {*options_of(command), *nested_in(command)}
    names = {ORIGINS[part]: "run" for part in ORIGINS.keys() & known} | {"run": ""}
    taken = {names.get(key, key): value for key, value in content.items()}
    left_out = [key for key in content if names.get(key, key) not in known]
    if left_out:
        say(f"No options of this command, so ignored in {file}: {', '.join(left_out)}.")
    return {name: value for name, value in taken.items() if name in known}


def check_json(kind, content, file, *names):
    """Refuses values in a config.json that options of a dataclass could not have.

    Args:
        kind: dataclass.
        content: dict.
        file: name of the file, for the message.
        names: options to look at; those that are missing or null are left out.
    """
    for option in fields_of(kind):
        if option.name in names and content.get(option.name) is not None:
            _check(option, content[option.name], file)


def _check(option, value, file):
    try:
        return option.check(value)
    except InputError as error:
        raise InputError(f"{error} It is the value of {option.name} in {file}.") from None


def _content(file):
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise InputError(
            f"Expected a file that can be read after --config; received {file} ({error.strerror})."
        ) from None
    except ValueError as error:
        kind = "TOML" if file.suffix == ".toml" else "JSON"
        raise InputError(f"Expected {kind} in {file}; received something else: {error}.") from None
    if not isinstance(content, dict):
        raise InputError(f"Expected a JSON object in {file}; received {type(content).__name__}.")
    return content


def _put(tree, path, value):
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _build(kind, tree):
    nested = nested_in(kind)
    for option in fields_of(kind):
        if option.default is MISSING and tree.get(option.name) is None:
            name = option.name.upper() if option.positional else f"--{option.name}"
            raise InputError(f"Expected {name.replace('_', '-')}; received none. Give it.")
    values = {
        name: _build(nested[name], value) if name in nested else value
        for name, value in tree.items()
    }
    return kind(**values)
