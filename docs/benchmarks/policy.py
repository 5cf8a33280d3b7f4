"""Table from which `tl-keras recommend` chooses: strategies on real tasks at many label budgets.

Of each task, number of labels and seed the strategies have the same training, validation and test
images (60, 10 and 30 %). Sources of 150 images a class are drawn from CIFAR-10 and MNIST, and ten
characters from each of three alphabets of Omniglot; a name such as flowers~4 is a task of the first
four classes. MobileNetV2 with ImageNet weights, at 224 pixels in the runs of suite.py, else at 112.

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

    TL_KERAS_DATA=folder python docs/benchmarks/policy.py [--out runs/policy] [--suite runs/suite]
        [--strategies balanced,full,scratch] [--until 16:30]

Writes tl_keras/evaluation/policy/results.csv, and the section of docs/benchmarks.md, once done.
"""

import argparse
import csv
import io
import json
import os
import shutil
import time
import zipfile
from pathlib import Path

SUITE = (
    *("flowers", "textures", "brainmri", "trash", "solarcells", "sketch", "signdigits"),
    *("bloodcells", "expressions", "grocery"),
)
OTHERS = ("cat_breeds", "cats_vs_dogs", "cifar10", "mnist", "omniglot")
ALPHABETS = ("Greek", "Korean", "Balinese")
CHARACTERS, PER_CLASS = 10, 150
SMALL = 112  # pixels
SPLIT = (0.6, 0.1, 0.3)
STRATEGIES = ("prototype", "linear", "balanced", "full", "scratch", "pretrain", "pseudo")
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


def main():
    given = parse()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    done = read(out)
    for cell, strategy in asked(given):
        if (*cell, strategy) in done:
            continue
        if given.until and time.strftime("%H:%M") >= given.until:
            break
        try:
            found = run(cell, strategy, out, given)
        except Exception as error:  # a class that is too small, a run that is not there
            found = {"error": f"{type(error).__name__}: {error}"[:300]}
        with open(out / "results.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps([*cell, strategy, found]) + "\n")
        print(time.strftime("%H:%M:%S"), *cell, strategy, found, flush=True)
    if given.write:
        write_table(out)


def parse():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", default="runs/policy")
    options.add_argument("--suite", help="OUT of suite.py, whose runs are read")
    options.add_argument("--strategies", default="balanced,scratch,full,pretrain,pseudo")
    options.add_argument("--seeds", type=int, default=1, help="at 112 pixels")
    options.add_argument("--until", help="local time, such as 16:30, after which no run begins")
    options.add_argument("--write", action="store_true", help="write the table")
    return options.parse_args()


def asked(given):
    """Yields (cell, strategy), the most telling first; a cell is (task, labels, seed, pixels)."""
    wanted = given.strategies.split(",")
    if given.suite:
        for task, labels, seed in suite_cells(given.suite):
            for strategy in ("describe", "balanced", "prototype"):
                yield (task, labels, seed, 224), strategy
            if "scratch" in wanted and labels >= 25:
                yield (task, labels, seed, 224), "scratch"
    for seed in range(given.seeds):
        for strategies, tasks, labels, classes in STAGES:
            for strategy in (each for each in strategies if each in (*wanted, *CHEAP)):
                for task in tasks:
                    if labels <= 10 or task not in ("omniglot", "grocery"):  # of few images a class
                        name = f"{task}~{classes}" if classes else task
                        yield (name, labels, seed, SMALL), strategy


def suite_cells(suite):
    """(task, labels, seed) of each `balanced` run of suite.py on some labels."""
    lines = (Path(suite) / "results.jsonl").read_text(encoding="utf-8").splitlines()
    for task, labels, seed, way, _ in map(json.loads, lines):
        if way == "balanced" and labels != "all":
            yield task, int(labels), seed


def read(out):
    """{(task, labels, seed, pixels, strategy): figures} of what is finished."""
    path = out / "results.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    return {tuple(cell): figures for *cell, figures in map(json.loads, lines)}


def run(cell, strategy, out, given):
    """Figures of one strategy on one cell, or its descriptors."""
    if strategy in ("describe", "prototype"):
        return {"describe": described, "prototype": prototype}[strategy](cell, out)
    if cell[3] == 224 and strategy == "balanced":
        return of_suite(cell, given.suite)
    runs = {"scratch": scratch, "pretrain": pretrained, "pseudo": pseudo}
    return runs.get(strategy, trained)(cell, strategy, out)


def of_suite(cell, suite):
    """Figures of `balanced` and of its linear start in a run of suite.py."""
    task, labels, seed, _ = cell
    lines = (Path(suite) / "results.jsonl").read_text(encoding="utf-8").splitlines()
    for *found, way, figures in map(json.loads, lines):
        if found == [task, str(labels), seed] and way == "balanced":
            fast = [f for *c, f in map(json.loads, lines) if c == [*found, "fast"]]
            linear = figures.get("linear") or fast[0]
            return {name: figures[name] for name in ("accuracy", "loss", "seconds")} | {
                "linear": {
                    name: linear[name] for name in ("accuracy", "loss", "seconds") if name in linear
                }
            }
    raise LookupError(cell)


# --- data


def parts(cell, out):
    """(train, val, test) of a cell; files are not opened."""
    from tl_keras.data.loading import load_unchecked
    from tl_keras.data.splits import keep_per_class, make_splits

    task, labels, seed, _ = cell
    contents = load_unchecked(str(folder(task, out)))
    splits, _ = make_splits(contents.parts, split_fractions=SPLIT, seed=seed)
    return keep_per_class(splits.train, labels, seed), splits.val, splits.test


def folder(task, out):
    """The folder of a task's images, one sub-folder for each class."""
    base, _, classes = task.partition("~")
    path = out / "data" / task
    if path.exists():
        return path
    if classes:
        whole = folder(base, out)
        path.mkdir(parents=True)
        names = sorted(each.name for each in whole.iterdir())[: int(classes)]
        for name in names:
            (path / name).symlink_to((whole / name).resolve(), target_is_directory=True)
        return path
    part = out / "data" / f".part-{task}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    draw = {"cifar10": draw_cifar, "mnist": draw_mnist, "omniglot": draw_omniglot}.get(base)
    draw(part) if draw else unpack(base, part)
    part.rename(path)
    return path


def archive(name):
    if "TL_KERAS_DATA" not in os.environ:
        raise SystemExit("Expected TL_KERAS_DATA to name the folder with suite/, mnist.npz, ...")
    return Path(os.environ["TL_KERAS_DATA"]) / name


def unpack(task, to):
    """Images of all splits, below one folder for each class."""
    import tarfile

    from tl_keras.data.loading import load_unchecked

    place = archive(f"suite/{task}.tar.gz")
    place = place if place.exists() else archive(f"{task}.tar.gz")
    unpacked = to.with_name(f"{to.name}-unpacked")
    with tarfile.open(place) as tar:
        tar.extractall(unpacked, filter="data")
    for part, dataset in load_unchecked(str(unpacked / task)).parts.items():
        for path, label in zip(dataset.images, dataset.labels, strict=True):
            target = to / dataset.class_names[label] / f"{part}-{Path(path).name}"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
    shutil.rmtree(unpacked)


def draw_cifar(to):
    import tarfile

    kept = {}
    with tarfile.open(archive("cifar10.tar.gz")) as tar:
        for member in tar:
            name = Path(member.name)
            if not member.isfile() or name.parts[-3] != "test":
                continue
            if kept.setdefault(name.parts[-2], 0) < PER_CLASS:
                kept[name.parts[-2]] += 1
                put(to / name.parts[-2] / name.name, tar.extractfile(member).read())


def draw_mnist(to):
    import numpy as np
    from PIL import Image

    with np.load(archive("mnist.npz")) as file:
        x, y = file["x_test"], file["y_test"]
    for digit in range(10):
        for row in np.flatnonzero(y == digit)[:PER_CLASS]:
            stream = io.BytesIO()
            Image.fromarray(x[row]).save(stream, "PNG")
            put(to / str(digit) / f"{row}.png", stream.getvalue())


def draw_omniglot(to):
    with zipfile.ZipFile(archive("omniglot_background_small1.zip")) as file:
        for name in file.namelist():
            _, *words = name.split("/")
            if len(words) != 3 or words[0] not in ALPHABETS or not words[2].endswith(".png"):
                continue
            if int(words[1].removeprefix("character")) <= CHARACTERS:
                put(to / f"{words[0]}-{words[1]}" / words[2], file.read(name))


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def features_of(task, pixels, out):
    """({name below the folder: row}, features) of all images of a task, computed once."""
    import numpy as np

    from tl_keras.data.loading import load_unsplit
    from tl_keras.jobs.features.encoder_features import encoder_features

    base = task.partition("~")[0]
    path = out / "features" / f"{base}-{pixels}.npz"
    if not path.exists():
        images, _ = load_unsplit(str(folder(base, out)))
        features = encoder_features("mobilenet_v2", images, image_size=pixels)[0]
        names = [os.path.relpath(name, folder(base, out)) for name in images.ids]
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, features=features, names=np.array(names))
    with np.load(path) as file:
        return {name: row for row, name in enumerate(file["names"])}, file["features"]


def rows_of(part, cell, out):
    """Features of the images of one split."""
    rows, features = features_of(cell[0], cell[3], out)
    root = folder(cell[0], out)
    return features[[rows[os.path.relpath(name, root)] for name in part.ids]]


# --- strategies


def described(cell, out):
    from tl_keras.evaluation.policy.descriptors import describe

    train, *_ = parts(cell, out)
    return describe(train, rows_of(train, cell, out), seed=cell[2])


def prototype(cell, out):
    import numpy as np

    from tl_keras.evaluation.encoders.probes import unit_rows
    from tl_keras.training.few_shot.rules import prototype as by_prototype

    train, _, test = parts(cell, out)
    known, started = rows_of(train, cell, out), time.monotonic()
    scores = by_prototype(unit_rows(known)[None], train.labels, train.num_classes)
    found = scores.logits(unit_rows(rows_of(test, cell, out))).argmax(axis=1)
    seconds = time.monotonic() - started
    return {"accuracy": float(np.mean(found == test.labels)), "seconds": seconds}


def trained(cell, strategy, out, **more):
    """Figures of `tl-keras train`; for `balanced` those of its linear start too."""
    from tl_keras.jobs.train.train import train
    from tl_keras.settings.fine_tune import FineTuneSettings
    from tl_keras.settings.train import TrainSettings

    task, labels, seed, pixels = cell
    tuning = {"unfreeze": "all"} if strategy == "full" else {}
    path = out / "run"
    shutil.rmtree(path, ignore_errors=True)
    asked = {"backbone": "mobilenet_v2", "image_size": pixels} | more
    train(
        TrainSettings(
            data=str(folder(task, out)),
            labels_per_class=labels,
            split=SPLIT,
            out=str(path),
            fine_tune=FineTuneSettings(seed=seed, **tuning),
            **asked,
        )
    )
    return figures_of(json.loads((path / "metrics.json").read_text(encoding="utf-8")))


def figures_of(metrics):
    figures = metrics["test"] | {"seconds": metrics["seconds"]["total"]}
    names = ("accuracy", "loss", "seconds")
    found = {name: figures[name] for name in names}
    if "linear_start" in metrics:
        found["linear"] = {n: metrics["linear_start"][n] for n in names}
    if "unlabelled" in metrics:
        found["before"] = metrics["unlabelled"]["labels_alone"]["accuracy"]
    return found


def pseudo(cell, strategy, out):
    return trained(cell, strategy, out, unlabelled="rest")


def scratch(cell, strategy, out):
    from tl_keras.jobs.compare.compare import compare
    from tl_keras.settings.compare import CompareSettings

    task, labels, seed, _ = cell
    path = out / "run"
    shutil.rmtree(path, ignore_errors=True)
    compare(
        CompareSettings(
            data=str(folder(task, out)),
            methods=("scratch:cnn",),
            labels_per_class=(labels,),
            seeds=1,
            seed=seed,
            baseline_size=32,
            split=SPLIT,
            out=str(path),
        )
    )
    with open(path / "results.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return {
        "accuracy": float(row["test_accuracy"]),
        "loss": float(row["test_loss"]),
        "seconds": float(row["seconds"]),
    }


def pretrained(cell, strategy, out):
    """SimCLR on all images but those of val and test, without their labels, then `train`."""
    from tl_keras.jobs.pretrain.pretrain import pretrain
    from tl_keras.settings.label_free import PretrainSettings

    task, _, seed, _ = cell
    images = out / "unlabelled"
    shutil.rmtree(images, ignore_errors=True)
    whole, *_ = parts((task, 1, seed, 0), out)
    held = {name for part in parts(cell, out)[1:] for name in part.ids}
    for number, path in enumerate(sorted(folder(task, out).rglob("*"))):
        if path.is_file() and str(path) not in held:
            images.mkdir(exist_ok=True)
            shutil.copy(path, images / f"{number}{path.suffix}")
    encoder = out / "encoder"
    shutil.rmtree(encoder, ignore_errors=True)
    started = time.monotonic()
    pretrain(
        PretrainSettings(
            method="simclr", data=str(images), minutes=1, image_size=32, seed=seed, out=str(encoder)
        )
    )
    seconds = time.monotonic() - started
    found = trained(cell, strategy, out, backbone=str(encoder), image_size=None)
    return found | {"seconds": found["seconds"] + seconds}


# --- the table


def write_table(out):
    """Writes the table, its judgement and the section of docs/benchmarks.md."""
    from tables import machine, replace_section

    from tl_keras.evaluation.policy.accuracies import coverage, mean_error
    from tl_keras.evaluation.policy.judging import judge, write_judgement
    from tl_keras.evaluation.policy.policies import mean_gains
    from tl_keras.evaluation.policy.table import RESULTS, read_table
    from tl_keras.evaluation.policy.table import write_table as write

    write(RESULTS, table_rows(read(out)))
    rows = read_table(RESULTS)
    judgement = judge(rows)
    write_judgement(judgement)
    lines = [f"{machine()}. {__doc__.splitlines()[0]}", "", *judged_lines(judgement), ""]
    lines += [*gain_lines(rows, mean_gains(rows, least_sets=1)), ""]
    lines.append(
        f"Intervals of expected accuracy, made without the data set, hold {coverage(rows):.0%} of "
        f"the accuracies; the expected one is {100 * mean_error(rows):.1f} points off on average."
    )
    unmeasured = [name for name in STRATEGIES if not any(name in row.accuracy for row in rows)]
    lines[-1] += f" Not measured: {', '.join(unmeasured)}." if unmeasured else ""
    replace_section("The choice of `recommend`", lines)


def table_rows(done):
    """The `Row`s of all cells with descriptors, a linear start and fine-tuning."""
    from tl_keras.evaluation.policy.table import Row

    cells = {}
    for (*cell, strategy), figures in done.items():
        if "error" not in figures:
            cells.setdefault(tuple(cell), {})[strategy] = figures
    rows = []
    for (task, labels, seed, pixels), found in cells.items():
        if not {"describe", "balanced"} <= set(found):
            continue
        descriptors = found.pop("describe")
        found["linear"] = found["balanced"]["linear"]
        figures = [
            {name: each[key] for name, each in found.items() if key in each}
            for key in ("accuracy", "loss", "seconds")
        ]
        base = task.partition("~")[0]
        rows.append(Row(base, task, labels, seed, pixels, descriptors, *figures))
    return rows


def judged_lines(judgement):
    lines = [
        f"Regret in points of accuracy on {judgement.training_sets} training sets of "
        f"{judgement.data_sets} data sets, each left out with all of its tasks; the learner and "
        "its setting are chosen without it. Intervals are by bootstrap over data sets.",
        "",
        "| policy | mean regret | within 1 point of the best | learned minus it |",
        "|---|---|---|---|",
    ]
    for name, regret in judgement.regrets.items():
        each = judgement.differences.get(name)
        points = (
            ""
            if each is None
            else (f"{100 * each.mean:+.2f} ({100 * each.low:+.2f} to {100 * each.high:+.2f})")
        )
        lines.append(f"| {name} | {100 * regret:.2f} | {judgement.hits[name]:.0%} | {points} |")
    return lines


def gain_lines(rows, gains):
    lines = [
        "Gain in accuracy over the linear start, points; data sets count the same.",
        "",
        "| strategy | mean gain | data sets | training sets |",
        "|---|---|---|---|",
    ]
    for name, gain in sorted(gains.items(), key=lambda item: -item[1]):
        there = [row for row in rows if name in row.accuracy]
        sets = len({row.data_set for row in there})
        lines.append(f"| {name} | {100 * gain:+.1f} | {sets} | {len(there)} |")
    return lines


if __name__ == "__main__":
    main()
