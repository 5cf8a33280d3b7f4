"""The commands, and their pages in docs/commands."""

import inspect
import sys
from pathlib import Path
from typing import NamedTuple

from tl_keras.settings import (
    check,
    compare,
    finished_runs,
    image_source,
    label_free,
    train,
    whole_model,
)
from tl_keras.settings.few_labels import enough, few_shot, label, recommend, zero_shot
from tl_keras.settings.options.declaration import (
    MISSING,
    PANELS,
    Bounds,
    choices_of,
    options_of,
    wanted,
)


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
    "check": Command(check.CheckSettings, "jobs.check.check", TRAINING),
    "shard": Command(image_source.ShardSettings, "jobs.shard", TRAINING),
    "recommend": Command(
        recommend.RecommendSettings, "jobs.few_labels.recommend.recommend", TRAINING
    ),
    "lr-find": Command(train.LrFindSettings, "jobs.lr_find", TRAINING),
    "compare": Command(compare.CompareSettings, "jobs.compare.compare", TRAINING),
    "few-shot": Command(few_shot.FewShotSettings, "jobs.few_labels.few_shot.few_shot", TRAINING),
    "enough": Command(enough.EnoughSettings, "jobs.few_labels.enough", TRAINING),
    "zero-shot": Command(
        zero_shot.ZeroShotSettings, "jobs.few_labels.zero_shot.zero_shot", TRAINING
    ),
    "launch": Command(whole_model.LaunchSettings, "jobs.launch", TRAINING),
    "label": Command(label.LabelSettings, "jobs.few_labels.label.label", LABEL_FREE),
    "pretrain": Command(label_free.PretrainSettings, "jobs.pretrain.pretrain", LABEL_FREE),
    "explore": Command(label_free.ExploreSettings, "jobs.explore.explore", LABEL_FREE),
    "generate": Command(label_free.GenerateSettings, "jobs.generate", LABEL_FREE),
    "outliers": Command(label_free.OutliersSettings, "jobs.outliers", LABEL_FREE),
    "evaluate": Command(finished_runs.EvaluateSettings, "jobs.finished.evaluate", FINISHED),
    "predict": Command(finished_runs.PredictSettings, "jobs.finished.predict", FINISHED),
    "demo": Command(finished_runs.DemoSettings, "jobs.finished.demo", FINISHED),
    "export": Command(finished_runs.ExportSettings, "jobs.finished.export", FINISHED),
    "distill": Command(finished_runs.DistillRunSettings, "jobs.finished.distill", FINISHED),
    "prune": Command(finished_runs.PruneRunSettings, "jobs.finished.prune", FINISHED),
}
_INDEX = """# Commands

Made by `make docs` from `tl_keras/settings/`; a test fails when they are stale. Every command takes
`--config FILE` too: a .toml file, or the `config.json` of a run, which is repeated. Options given
beside it win. Commands that train take `--resume RUN`: an unfinished run goes on with its settings.
`tl-keras --install-completion` completes options in your shell.
"""


def pages(commands):
    """Returns the pages of docs/commands: an index, and the options of each command by panel.

    Args:
        commands: {name: `Command`}.

    Returns:
        {file name: Markdown}.
    """
    index = [_INDEX, "| command | |", "|---|---|"]
    index += [f"| [{name}]({name}.md) | {command.summary} |" for name, command in commands.items()]
    return {"README.md": "\n".join([*index, ""])} | {
        f"{name}.md": _page(name, command) for name, command in commands.items()
    }


def _page(name, command):
    options = options_of(command.settings).values()
    needed = [option for option in options if option.default is MISSING]
    use = " ".join([f"tl-keras {name}", *map(_use, needed)])
    parts = [f"# tl-keras {name}", inspect.getdoc(command.settings), f"```\n{use} [OPTIONS]\n```"]
    parts.append(_table("Arguments", [option for option in options if option.positional]))
    for panel in PANELS:
        inside = [o for o in options if not o.positional and o.panel == panel]
        parts.append(_table(panel.title, inside))
    return "\n\n".join(filter(None, parts)) + "\n"


def _use(option):
    word = option.name.replace("_", "-").upper()
    return word if option.positional else f"--{word.lower()} {word}"


def _table(title, options):
    rows = ["| option | value | default | meaning |", "|---|---|---|---|", *map(_row, options)]
    return "\n".join([f"## {title}", "", *rows]) if options else ""


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


if __name__ == "__main__":  # make docs
    for _file, _text in pages(COMMANDS).items():
        Path(sys.argv[1], _file).write_text(_text, encoding="utf-8")
