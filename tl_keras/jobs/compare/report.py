"""summary.csv, metrics.json and the page of a comparison."""

import dataclasses
import json
import shlex
import sys

from tl_keras.files import write_json
from tl_keras.jobs.compare.data import VAL_PER_CLASS
from tl_keras.jobs.compare.methods import baseline_size, parse_method
from tl_keras.jobs.compare.results import write_table
from tl_keras.jobs.compare.runner import starts_random
from tl_keras.reports.pages.comparison_page import ComparisonReport, write_comparison_page
from tl_keras.reports.pages.wording import format_duration
from tl_keras.settings.compare import EPOCHS

FILES = (
    "results.csv",
    "correct.npz",
    "summary.csv",
    "metrics.json",
    "config.json",
    "environment.json",
    "splits.csv.gz",
    "figures/",
)


def write_compare_report(config, comparison, loaded, pretrained):
    """Writes the summary, the figures and the page into the run folder of `comparison`.

    Args:
        config: `CompareSettings`.
        comparison: `Comparison`.
        loaded: `CompareData`.
        pretrained: `PretrainedEncoders.facts`.
    """
    path = comparison.path
    write_table(path / "summary.csv", comparison.summary)
    write_json(path / "metrics.json", _metrics(comparison, pretrained))
    report = ComparisonReport(
        title=f"Compared on {config.data}",
        rows=comparison.rows,
        summary=comparison.summary,
        differences=comparison.differences,
        verdicts=tuple(comparison.verdicts.values()),
        terms=(*_terms(config, loaded, comparison.rows), *_pretraining_terms(pretrained)),
        settings=tuple((k, json.dumps(v)) for k, v in config.to_json().items()),
        warnings=tuple(getattr(loaded.splits.inspection, "warnings", ())),
        files=FILES,
        command=shlex.join(["tl-keras", *sys.argv[1:]]) if "compare" in sys.argv else "",
    )
    write_comparison_page(path / "report.html", report)


def _metrics(comparison, pretrained):
    return {
        "summary": comparison.summary,
        "differences": [
            {"method": first, "other": second, "labels_per_class": budget}
            | dataclasses.asdict(difference)
            for (first, second), found in comparison.differences.items()
            for budget, difference in found.items()
        ],
        "verdicts": list(comparison.verdicts.values()),
        "pretraining": pretrained,
        "seconds": sum(row["seconds"] for row in comparison.rows),
    }


def _terms(config, loaded, rows):
    """On which terms the methods were compared, in plain sentences."""
    splits = loaded.splits
    if config.seconds:
        budget = f"{config.seconds:g} seconds (to the end of the epoch), features included"
    else:
        budget = f"{config.epochs or EPOCHS} epochs"
    side = baseline_size(config, splits.train)
    limit = "" if config.test_images is None else f", limited to {config.test_images}"
    methods = [parse_method(name, config.backbone) for name in config.methods]
    tried = [
        f"{method.name}: {', '.join(f'{rate:g}' for rate in method.rates)}"
        for method in methods
        if len(method.rates) > 1
    ]
    return (
        f"Each run of each method had {budget} and, for the same seed and number of labels, the "
        "same labelled pictures. The pictures of a smaller number are among those of a larger.",
        f"The best epoch was chosen on as many validation pictures of each class as there were "
        f"labels, or {VAL_PER_CLASS} if that is more: "
        f"{min(r['val_pictures'] for r in rows)} to {max(r['val_pictures'] for r in rows)} "
        "pictures, the same for every method.",
        f"The test pictures ({len(splits.test)}{limit}) are the same in all runs and were looked "
        "at once a run. They chose nothing.",
        f"Where several learning rates were tried ({'; '.join(tried) or 'nowhere'}), that with the "
        "best validation accuracy counts, and the time is that of all. Each had all epochs, or "
        "its share of the seconds. The others have one rate, the default.",
        f"MLP, CNN and RNN saw the pictures at {side} x {side} pixels.",
        "Where methods share what a frozen part gave, each is charged the time of it.",
        *_random_terms([method.name for method in methods if starts_random(method, config)]),
    )


def _random_terms(names):
    if not names:
        return ()
    return (
        f"With random weights {', '.join(names)} trained from scratch: all layers for all epochs "
        "at one rate, batch normalisation too.",
    )


def _pretraining_terms(pretrained):
    if not pretrained:
        return ()
    each = [
        f"{method} {format_duration(facts['seconds'])} ({facts['epochs']} epochs, "
        f"{facts['pictures']} pictures)"
        for method, facts in pretrained.items()
    ]
    return (
        f"Pretrained here: {'; '.join(each)}. It was done once for all runs, on all training "
        "pictures whatever the number of labels, without a label. Its time is not in the seconds "
        "of the runs, and the intervals do not hold how another pretraining would differ.",
    )
