"""The commands, and the tables of their options in docs/options.md."""

import inspect
from typing import NamedTuple

from tl_keras.settings import compare, finished_runs, label_free, train
from tl_keras.settings.declaration import MISSING, PANELS, Bounds, choices_of, options_of, wanted


class Command(NamedTuple):
    """The dataclass of a command and the module whose function of the same name takes it."""

    settings: type
    module: str
    group: str

    @property
    def summary(self):
        return inspect.getdoc(self.settings).split("\n\n")[0]


TRAINING, LABEL_FREE, FINISHED = "Training", "Without labels", "Finished runs"
COMMANDS = {
    "train": Command(train.TrainSettings, "jobs.train.train", TRAINING),
    "lr-find": Command(train.LrFindSettings, "jobs.lr_find", TRAINING),
    "compare": Command(compare.CompareSettings, "jobs.compare.compare", TRAINING),
    "pretrain": Command(label_free.PretrainSettings, "jobs.pretrain.pretrain", LABEL_FREE),
    "explore": Command(label_free.ExploreSettings, "jobs.explore.explore", LABEL_FREE),
    "generate": Command(label_free.GenerateSettings, "jobs.generate", LABEL_FREE),
    "outliers": Command(label_free.OutliersSettings, "jobs.outliers", LABEL_FREE),
    "evaluate": Command(finished_runs.EvaluateSettings, "jobs.evaluate", FINISHED),
    "predict": Command(finished_runs.PredictSettings, "jobs.predict", FINISHED),
    "export": Command(finished_runs.ExportSettings, "jobs.export", FINISHED),
    "distill": Command(finished_runs.DistillRunSettings, "jobs.distill", FINISHED),
    "prune": Command(finished_runs.PruneRunSettings, "jobs.prune", FINISHED),
}
_HEAD = """# Options

Made by `make docs` from `tl_keras/settings/`; a test fails when it is stale. Every command takes
`--config FILE` too: a .toml file, or the `config.json` of a run, which is repeated. Options given
beside it win.
"""


def option_tables(commands):
    """Returns docs/options.md: a table for each command.

    Args:
        commands: {name: `Command`}.
    """
    return "\n".join([_HEAD, *(_table(name, command) for name, command in commands.items())])


def _table(name, command):
    options = options_of(command.settings).values()
    by_panel = sorted(options, key=lambda o: (not o.positional, PANELS.index(o.panel)))
    rows = [
        f"## {name}",
        "",
        command.summary,
        "",
        "| option | value | default | meaning |",
        "|---|---|---|---|",
        *(_row(option) for option in by_panel),
    ]
    return "\n".join([*rows, ""])


def _row(option):
    name = option.name.replace("_", "-")
    name = name.upper() if option.positional else f"--{name}"
    default = "required" if option.default is MISSING else option.default_text
    text = " ".join(option.text.split())
    cells = (f"`{name}`", _value(option), default, text)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _value(option):
    if choices := choices_of(option.kind):
        return ", ".join(map(str, choices))
    limits = option.marker(Bounds)
    words = {"minimum": ">=", "maximum": "<=", "above": ">", "below": "<"}
    given = vars(limits).items() if limits else ()
    parts = [f"{words[name]} {limit}" for name, limit in given if limit is not None]
    return " ".join([wanted(option.kind), " and ".join(parts)]).strip()


if __name__ == "__main__":
    print(option_tables(COMMANDS), end="")  # noqa: T201 - for `make docs`
