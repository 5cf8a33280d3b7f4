"""`tl-keras compare`: trains every method with every number of labels."""

import contextlib
import dataclasses
import gc
import itertools
import os
from pathlib import Path
from typing import Any

import tensorflow as tf

from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.evaluation.statistics.comparison import choose_pairs, differences, summarise
from tl_keras.jobs.compare.data import (
    check_records,
    check_same_test,
    data_name,
    load_compare_data,
    write_compare_records,
)
from tl_keras.jobs.compare.methods import check_heeded, parse_method
from tl_keras.jobs.compare.pretraining import ENCODERS, PretrainedEncoders
from tl_keras.jobs.compare.report import write_compare_report
from tl_keras.jobs.compare.results import Results
from tl_keras.jobs.compare.runner import MethodRunner
from tl_keras.jobs.runs.replicated import replicated
from tl_keras.jobs.runs.writing.recorded_run import recorded_run
from tl_keras.jobs.runs.writing.run_folder import default_run_path
from tl_keras.progress import say
from tl_keras.reports.wording.comparison import verdict
from tl_keras.settings.compare import CompareSettings
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.training.checkpoints.run_checkpoints import run_part
from tl_keras.training.frozen.feature_store import FeatureStore


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        path: the run folder.
        rows: a dict for each run, as in results.csv.
        summary: a dict for each method and budget, see `statistics.comparison.summarise`.
        differences: {(method, other): {labels_per_class: `MeanInterval` of method - other}}.
        verdicts: {(method, other): sentences}, the clearest difference first.
    """

    path: Path
    rows: list[dict]
    summary: list[dict]
    differences: dict
    verdicts: dict


@shows_settings(CompareSettings)
def compare(
    data: Splits | CompareSettings | str | os.PathLike,
    *,
    source_data: Splits | ImageDataset | str | os.PathLike | None = None,
    **settings: Any,
) -> Comparison:
    """Compares methods of training on the same labelled images.

    There is a run for each method, number of labels and seed. All methods get the same labelled
    images, the same validation images, and the same epochs or seconds. Validation chooses the best
    epoch and, from scratch, the learning rate; each run uses the test images once. The features of
    a frozen part are computed once for all runs that share it. A stopped comparison continues if it
    is started again with the same settings and `out`.

    Example:
        found = compare("images/", backbone="mobilenet_v2", labels_per_class=(10, 50),
                        methods=("scratch:cnn", "frozen", "fine-tune"), out="runs/compared")
        print(*found.verdicts.values(), sep="\\n")

    Args:
        data: what `load_dataset` takes, or `Splits`; or `CompareSettings` alone.
        source_data: for "joint", the source task: as `data`, or an `ImageDataset`.
        **settings: further fields of `CompareSettings`, which `help` lists.

    Returns:
        `Comparison`. The run folder has results.csv, correct.npz, summary.csv, metrics.json and
            report.html.

    Raises:
        InputError: a setting or the data are invalid; checked before any training.
    """
    if isinstance(data, CompareSettings):
        return _compare(data, data.data, data.source_data)
    names = {"data": data_name(data), "source_data": data_name(source_data)}
    return _compare(CompareSettings(**names, **settings), data, source_data)


@replicated
def _compare(config, data, source_data):
    chosen = [parse_method(name, config.backbone) for name in config.methods]
    check_heeded(config, chosen)
    config = config.filled()
    path = config.out or default_run_path("compare", config.data)
    with recorded_run(path, "compare", config, continues=config.to_json()) as run:
        results = Results(run.path / "results.csv")
        check_records(run.path, results.rows, data)
        loaded = load_compare_data(config, data, source_data, run.path)
        check_same_test(run.path, results.rows, loaded.splits.test)
        loaded = loaded.beside([method.network or config.backbone for method in chosen])
        encoders = PretrainedEncoders(run.path / ENCODERS, config, loaded.splits)
        parts = loaded.splits.train, loaded.source
        runner = MethodRunner(config, *parts, FeatureStore(), encoders)
        if not results.rows:
            for method in chosen:
                runner.check(method)
            run.write_json("config.json", config.to_json())
            run.write_environment()
            write_compare_records(run.path, loaded)
        with _without_advice_on_tracing():
            _run_missing(config, chosen, loaded, runner, results)
        comparison = evaluate_runs(run.path, results)
        write_compare_report(config, comparison, loaded, encoders.facts)
    for sentences in comparison.verdicts.values():
        say(sentences)
    say(f"Report: {run.path / 'report.html'}")
    return comparison


def evaluate_runs(path, results):
    """Returns the `Comparison` of finished runs, `Results`."""
    rows, correct = results.rows, results.correct
    found = {pair: differences(correct, *pair) for pair in choose_pairs(rows)}
    verdicts = {pair: verdict(*pair, found[pair]) for pair in found}
    return Comparison(Path(path), rows, summarise(rows, correct), found, verdicts)


def _run_missing(config, methods, loaded, runner, results):
    """Trains the runs that results.csv lacks. Each depends on its settings and seed alone."""
    budgets = config.labels_per_class
    for number, (seed, budget) in enumerate(itertools.product(config.all_seeds, budgets)):
        missing = [m for m in methods if not results.has(m.name, budget, seed)]
        if not missing:
            continue
        train, val = loaded.labelled(budget, seed)  # their features are freed after the round
        for method in missing:
            say(
                f"{method.name}, {budget} labels per class, seed {seed} "
                f"({number + 1} of {len(budgets) * config.seeds} rounds)"
            )
            with run_part(f"{method.name} {budget} {seed}".replace(os.sep, "-")):
                row, correct = _run(method, runner, train, val, loaded.splits.test, seed)
            results.append({"method": method.name, "labels_per_class": budget, **row}, correct)
            gc.collect()  # a network and its functions refer to each other
            say(f"{method.name}: {row['test_accuracy']:.1%} on test, {row['seconds']:.0f} s")


@contextlib.contextmanager
def _without_advice_on_tracing():
    """Silences TensorFlow's warning of repeated tracing: each run has a new network."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _run(method, runner, train, val, test, seed):
    """Returns the row of one run, and whether each test image was right, bool (n,)."""
    best = runner.train(method, train, val, seed)
    figures, correct = runner.measure_each(method, best.model, test)
    history = best.history
    row = {
        "seed": seed,
        "test_accuracy": figures["accuracy"],
        "val_accuracy": best.val["accuracy"],
        "test_loss": figures["loss"],
        "test_macro_f1": figures["macro_f1"],
        "epochs": len(history.epoch),
        "best_epoch": 0 if history.best_epoch is None else history.best_epoch + 1,
        "lr": best.rate,
        "train_pictures": len(train),
        "val_pictures": len(val),
        "test_pictures": len(test),
        "seconds": round(best.seconds, 3),
    }
    return row, correct
