"""The `tl-keras` command: from options to settings, from settings to a job. Loads no TensorFlow."""

import functools
import importlib
import inspect
import os
import resource
import signal
import sys
from typing import Annotated, get_args, get_origin

from cyclopts import App, Group, Parameter
from cyclopts.exceptions import CycloptsError

from tl_keras.checks import InputError, check_backend, ran_out_of_memory
from tl_keras.settings.commands import COMMANDS, FINISHED
from tl_keras.settings.image_source import CheckpointSettings
from tl_keras.settings.options.config_files import resumed_settings, settings_from
from tl_keras.settings.options.declaration import MISSING, PANELS, RUN, options_of

_GROUPS = {panel: Group(panel.title, sort_key=place) for place, panel in enumerate(PANELS)}
_LEAST_ADDRESS_SPACE = 3 * 2**30  # bytes
_CONFIG_HELP = "File with options: config.json of a run, which is repeated, or a .toml file."
_RESUME_HELP = "Unfinished run folder to go on with; its settings are used."

app = App(
    name="tl-keras",
    help="Transfer learning and label-free learning for images.",
    help_format="plaintext",
    version_flags=(),
    exit_on_error=False,
    print_error=False,
)
app.register_install_completion_command()


def main():
    """Runs the command; what the user can mend is one line and status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app(sys.argv[1:])
    except (InputError, CycloptsError) as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def _stop(received, _):
    """Ends the command, which saves what it can; a second signal ends it at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda again, _: os._exit(128 + again))
    sys.exit(128 + received)


def load(module, name):
    """Returns a function of the package; TensorFlow is loaded here and not before.

    While loading, its native log lines (such as "no GPU found") bypass Python and every log level.
    Nobody can act on them, so standard error is closed to them for that moment.
    """
    check_backend()
    sys.stderr.flush()
    standard_error = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            loaded = importlib.import_module(f"tl_keras.{module}")
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
    return getattr(loaded, name)


def _run(name, command, args, given):
    """Calls the job of a command with the options that were given as text."""
    file, run = given.pop("config", None), given.pop("resume", None)
    by_place = [o.name for o in options_of(command.settings).values() if o.positional]
    given |= dict(zip(by_place, args, strict=False))
    if len(args) > len(by_place):  # the last one takes several
        given[by_place[-1]] = args[len(by_place) - 1 :]
    given = {name: value for name, value in given.items() if value is not None}
    if run is None:
        settings = settings_from(command.settings, given, file)
    elif file is None:
        settings = resumed_settings(command.settings, name, run, given)
    else:
        raise InputError(
            f"Expected --resume {run} without --config, as a run has its settings; received "
            f"--config {file}. Leave it out."
        )
    _check_address_space()
    try:
        load(command.module, command.module.rpartition(".")[2])(settings)
    except Exception as error:
        if ran_out_of_memory(error):
            raise _out_of_memory(settings) from error
        raise


def _check_address_space():
    """Refuses a limit (ulimit -v) under which TensorFlow crashes or hangs."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _LEAST_ADDRESS_SPACE:
        raise InputError(
            f"Expected a limit of the address space of at least {_LEAST_ADDRESS_SPACE / 2**30:g} "
            f"GiB, which TensorFlow maps; received {limit / 2**30:.1f} GiB. Raise it with ulimit "
            "-v, or limit the memory of a control group instead."
        )


def _out_of_memory(settings):
    """The error of a command that ran out of memory, with half of its batch size as advice."""
    option = options_of(type(settings)).get("batch_size")
    path = next(iter(option.paths)) if option else ()
    size = functools.reduce(getattr, path, settings) if option else None
    batches, advice = "", "Free some memory, or choose a smaller image size, model or number."
    if size:
        batches = f" with batches of {size} images"
        advice = f"Give --batch-size {max(size // 2, 1)}, or a smaller image size."
    elif option:
        advice = "Give a small --batch-size such as 8, or a smaller image size."
    return InputError(
        f"Expected memory enough for this command{batches}; received out of memory. {advice}"
    )


def _parameter(option):
    """An option as a parameter of a function that cyclopts calls."""
    several = get_origin(option.kind) is tuple
    shown = {
        "help": "Required: " * (option.default is MISSING) + option.help,
        "show_default": option.default_text or False,
        "converter": _value,
        "allow_repeating": True,  # the last one counts, or all of a list
    }
    if option.positional:
        place = inspect.Parameter.POSITIONAL_ONLY
        if several:
            place, hint = inspect.Parameter.VAR_POSITIONAL, get_args(option.kind)[0]
            return inspect.Parameter(
                option.name, place, annotation=Annotated[hint, Parameter(**shown)]
            )
    else:
        place = inspect.Parameter.KEYWORD_ONLY
        shown["group"] = _GROUPS[option.panel]
        if several:
            shown |= {"n_tokens": 1, "negative": (), "metavar": "A,B,..."}
    annotation = Annotated[option.kind | None, Parameter(**shown)]
    return inspect.Parameter(option.name, place, default=None, annotation=annotation)


def _value(kind, tokens):
    """The value of an option from its words; what cannot be read is left for the checks."""
    words = [token.value for token in tokens]
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        parts = [part.strip() for word in words for part in word.split(",")]
        return tuple(_number(inner, part) for part in parts)
    return _number(kind, words[0])


def _number(kind, word):
    for number in (int, float):
        if kind is number or number in get_args(kind):
            try:
                return number(word)
            except ValueError:
                return word
    return word


def add_command(to, name, command):
    """Adds a command, whose parameters are the options of its settings, to a cyclopts `App`."""
    config = Annotated[str | None, Parameter(help=_CONFIG_HELP, group=_GROUPS[PANELS[0]])]
    parameters = [_parameter(option) for option in options_of(command.settings).values()]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters.append(inspect.Parameter("config", keyword, default=None, annotation=config))
    if issubclass(command.settings, CheckpointSettings):
        resume = Annotated[str | None, Parameter(help=_RESUME_HELP, group=_GROUPS[RUN])]
        parameters.append(inspect.Parameter("resume", keyword, default=None, annotation=resume))

    def run(*args, **given):
        _run(name, command, args, given)

    run.__name__ = run.__qualname__ = name.replace("-", "_")
    run.__signature__ = inspect.Signature(sorted(parameters, key=lambda p: p.kind))
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    to.command(run, name=name, help=command.summary, group=command.group)


for _name, _command in COMMANDS.items():
    add_command(app, _name, _command)


@app.command(group=FINISHED)
def backbones():
    """Lists the names of all backbones."""
    print("\n".join(load("models.backbones.backbone", "list_backbones")()))  # noqa: T201
