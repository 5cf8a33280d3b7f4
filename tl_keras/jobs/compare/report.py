"""summary.csv, metrics.json and the page of a comparison."""

import dataclasses

from tl_keras.files import write_json
from tl_keras.jobs.compare.data import VAL_PER_CLASS
from tl_keras.jobs.compare.methods import baseline_size, parse_method
from tl_keras.jobs.compare.results import write_table
from tl_keras.jobs.compare.runner import starts_random
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.comparison_page import comparison_page
from tl_keras.reports.pages.results import ComparisonResults


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
    methods = [parse_method(name, config.backbone) for name in config.methods]
    results = ComparisonResults(
        config=config,
        rows=comparison.rows,
        summary=comparison.summary,
        differences=comparison.differences,
        verdicts=tuple(comparison.verdicts.values()),
        num_test=len(loaded.splits.test),
        val_per_class=VAL_PER_CLASS,
        baseline_size=baseline_size(config, loaded.splits.train),
        rates={method.name: method.rates for method in methods},
        scratch=tuple(method.name for method in methods if starts_random(method, config)),
        pretrained=pretrained,
        warnings=tuple(getattr(loaded.splits.inspection, "warnings", ())),
    )
    write_page(path / "report.html", comparison_page(results))


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
