"""Written table of `tl-keras recommend`, its judgement, and the section of docs/benchmarks.md."""

from docs.benchmarks.policy.strategies import FIGURES
from docs.benchmarks.shared.page import machine, replace_section, table_head

STRATEGIES = ("prototype", "linear", "balanced", "full", "scratch", "pretrain", "pseudo")


def write_table(done, introduction):
    """Writes all three.

    Args:
        done: {(task, labels, seed, pixels, strategy): figures} of what is finished.
        introduction: sentence on the table.
    """
    from tl_keras.evaluation.policy.accuracies import coverage, mean_error
    from tl_keras.evaluation.policy.judging import judge, write_judgement
    from tl_keras.evaluation.policy.policies import mean_gains
    from tl_keras.evaluation.policy.table import RESULTS, read_table
    from tl_keras.evaluation.policy.table import write_table as write

    write(RESULTS, table_rows(done))
    rows = read_table(RESULTS)
    judgement = judge(rows)
    write_judgement(judgement)
    lines = [f"{machine()}. {introduction}", "", *judged_lines(judgement), ""]
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
            {name: each[key] for name, each in found.items() if key in each} for key in FIGURES
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
        *table_head("policy", "mean regret", "within 1 point of the best", "learned minus it"),
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
        *table_head("strategy", "mean gain", "data sets", "training sets"),
    ]
    for name, gain in sorted(gains.items(), key=lambda item: -item[1]):
        there = [row for row in rows if name in row.accuracy]
        sets = len({row.data_set for row in there})
        lines.append(f"| {name} | {100 * gain:+.1f} | {sets} | {len(there)} |")
    return lines
