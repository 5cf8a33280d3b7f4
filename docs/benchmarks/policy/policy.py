"""Table from which `tl-keras recommend` chooses: strategies on real tasks at many label budgets.

Of each task, number of labels and seed the strategies have the same training, validation and test
images (60, 10 and 30 %). Sources of 150 images a class are drawn from CIFAR-10 and MNIST, and ten
characters from each of three alphabets of Omniglot. A name such as flowers~4 is a task of the first
four classes. MobileNetV2 with ImageNet weights, at 224 pixels in the runs of `suite`, else at 112.

- prototype: nearest mean of the unit features of each class;
- linear: `tl-keras train --preset fast`, at 112 pixels the linear start of `balanced`;
- balanced: `tl-keras train`;
- full: `tl-keras train --unfreeze all`;
- scratch: `tl-keras compare --methods scratch:cnn`, at 32 pixels;
- pretrain: `tl-keras pretrain --method simclr` on training images and the rest without labels, at
  32 pixels for a minute, and `tl-keras train` with its encoder;
- pseudo: `tl-keras train --unlabelled rest`.

Descriptors are computed from training images alone. Every finished run is a line of
OUT/results.jsonl; a second call goes on from there.

    TL_KERAS_DATA=folder python -m docs.benchmarks policy --strategies balanced,full --until 16:30
    python -m docs.benchmarks policy --suite runs/suite --write

With --write the finished runs go to tl_keras/evaluation/policy/results.csv and docs/benchmarks.md.
"""

import time
from pathlib import Path

from docs.benchmarks.policy.strategies import FIGURES, MEASURED
from docs.benchmarks.policy.written_table import write_table
from docs.benchmarks.shared.results import add_result, read_results
from docs.benchmarks.shared.tasks import SUITE, listed

OTHERS = ("cat_breeds", "cats_vs_dogs", "cifar10", "mnist", "omniglot")
SMALL = 112  # pixels
EXPENSIVE = ("balanced", "full", "scratch", "pretrain", "pseudo")
CHEAP = ("describe", "prototype")
# (strategies, tasks, labels per class, the first so many classes or None for all), the most telling
# first
STAGES = (
    ((*CHEAP, "balanced"), OTHERS, 5, 4),
    ((*CHEAP, "balanced"), OTHERS, 20, 4),
    (("full",), OTHERS, 5, 4),
    (("scratch",), OTHERS, 5, 4),
    ((*CHEAP, "balanced", "full"), SUITE, 5, 4),
    (("scratch",), SUITE, 5, 4),
    ((*CHEAP, "balanced"), (*OTHERS, *SUITE), 2, 4),
    (("full", "scratch", "pretrain"), OTHERS, 20, 4),
    (("pseudo",), (*OTHERS, *SUITE), 5, 4),
    ((*CHEAP, "balanced"), OTHERS, 5, None),
    ((*CHEAP, "balanced", "full", "pretrain"), SUITE, 20, 4),
)


def add_options(options):
    options.add_argument("--out", type=Path, default=Path("runs/policy"))
    options.add_argument("--suite", type=Path, help="OUT of `suite`, whose runs are read")
    options.add_argument("--strategies", type=listed, default=",".join(EXPENSIVE))
    options.add_argument("--seeds", type=int, default=1, help="at 112 pixels")
    options.add_argument("--until", help="local time, such as 16:30, after which no run begins")
    options.add_argument("--write", action="store_true", help="write the table")


def main(given):
    path = given.out / "results.jsonl"
    done = read_results(path)
    for cell, strategy in asked(given):
        if (*cell, strategy) in done:
            continue
        if given.until and time.strftime("%H:%M") >= given.until:
            break
        try:
            found = run(cell, strategy, given)
        except Exception as error:  # a class that is too small, a run that is not there
            found = {"error": f"{type(error).__name__}: {error}"[:300]}
        add_result(path, (*cell, strategy), found)
        print(time.strftime("%H:%M:%S"), *cell, strategy, found, flush=True)
    if given.write:
        write_table(read_results(path), __doc__.splitlines()[0])


def asked(given):
    """Yields (cell, strategy), the most telling first; a cell is (task, labels, seed, pixels)."""
    wanted = given.strategies
    if given.suite:
        for task, labels, seed in suite_cells(given.suite):
            for strategy in ("describe", "balanced", "prototype"):
                yield (task, labels, seed, 224), strategy
            if "scratch" in wanted and labels >= 25:
                yield (task, labels, seed, 224), "scratch"
    for seed in range(given.seeds):
        for names, tasks, labels, classes in STAGES:
            for strategy in (each for each in names if each in (*wanted, *CHEAP)):
                for task in tasks:
                    if labels <= 10 or task not in ("omniglot", "grocery"):  # of few images a class
                        name = f"{task}~{classes}" if classes else task
                        yield (name, labels, seed, SMALL), strategy


def suite_cells(suite):
    """(task, labels, seed) of each `balanced` run of `suite` on some labels."""
    for task, labels, seed, way in read_results(suite / "results.jsonl"):
        if way == "balanced" and labels != "all":
            yield task, int(labels), seed


def run(cell, strategy, given):
    """Figures of one strategy on one cell, or its descriptors."""
    if cell[3] == 224 and strategy == "balanced":
        return of_suite(cell, read_results(given.suite / "results.jsonl"))
    return MEASURED[strategy](cell, given.out)


def of_suite(cell, results):
    """Figures of `balanced` and of its linear start in a run of `suite`."""
    task, labels, seed, _ = cell
    figures = results[task, str(labels), seed, "balanced"]
    linear = figures.get("linear") or results[task, str(labels), seed, "fast"]
    found = {name: figures[name] for name in FIGURES}
    return found | {"linear": {n: linear[n] for n in FIGURES if n in linear}}
