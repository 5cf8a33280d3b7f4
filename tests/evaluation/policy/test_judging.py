"""Regret of policies: its arithmetic, and that a data set tells nothing about itself."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.policy.small_tables import row, told_by_grey
from tl_keras.evaluation.policy import judging
from tl_keras.evaluation.policy.judging import (
    SHIPPED,
    difference,
    judge,
    left_out_regrets,
    mean_over_sets,
    nested,
    packaged_judgement,
    regret,
    shipped_policy,
)
from tl_keras.evaluation.policy.policies import (
    LEARNERS,
    OPPONENTS,
    always,
    best_on_average,
    mean_gains,
    nearest_tasks,
    ridge_of_gains,
    rule,
)
from tl_keras.evaluation.policy.table import packaged_table, read_table, write_table


def test_regret_is_the_best_accuracy_minus_that_of_the_first_choice_measured():
    each = row(linear=0.7, balanced=0.8, full=0.85)
    assert regret(each, lambda d: ["balanced", "linear"]) == pytest.approx(0.05)
    assert regret(each, lambda d: ["scratch", "linear"]) == pytest.approx(0.15)
    assert regret(each, lambda d: ["full"]) == 0


def test_rows_of_a_data_set_never_reach_the_policy_that_is_judged_on_it():
    rows = told_by_grey(4)
    seen = []

    def learner(known):
        names = {each.data_set for each in known}
        seen.append(names)
        return lambda descriptors: ["linear"]

    left_out_regrets(rows, learner)
    assert seen == [{f"set {n}" for n in range(4)} - {f"set {left}"} for left in range(4)]


def test_nested_choice_is_made_without_the_data_set_left_out(monkeypatch):
    rows = told_by_grey(4)
    seen = []

    def learner(known):
        seen.append({each.data_set for each in known})
        return lambda descriptors: ["linear"]

    monkeypatch.setattr(judging, "LEARNERS", {"one": learner})
    monkeypatch.setattr(judging.chosen_learner, "__defaults__", ({"one": learner},))
    left_out_regrets([each for each in rows if each.data_set != "set 0"], nested)
    assert all("set 0" not in names for names in seen)
    assert {frozenset(names) for names in seen if len(names) == 1} == {
        frozenset({f"set {n}"}) for n in (1, 2, 3)
    }


@pytest.mark.parametrize("learner", [nearest_tasks(3), ridge_of_gains(1.0), nested])
def test_learned_policies_find_what_decides(learner):
    rows = told_by_grey()
    learned = mean_over_sets(left_out_regrets(rows, learner), rows)
    fixed = mean_over_sets(left_out_regrets(rows, always("balanced")), rows)
    assert learned < 0.01
    assert fixed == pytest.approx(0.05, abs=0.01)
    assert mean_over_sets(left_out_regrets(rows, best_on_average), rows) > 0.03


def test_judgement_lets_the_learned_policy_win_only_with_its_interval():
    assert judge(told_by_grey()).learned_wins
    alike = [row(f"set {number}", linear=0.5 + number / 50) for number in range(6)]
    judgement = judge(alike)
    assert not judgement.learned_wins
    assert judgement.best_policy == next(iter(OPPONENTS))
    assert judgement.regrets["always balanced"] == 0
    assert judgement.hits["always balanced"] == 1


def test_difference_counts_data_sets_alike_and_its_interval_is_over_them():
    rows = [*(row("a") for _ in range(9)), row("b")]
    first = np.array([*np.full(9, 0.1), 0.3])
    found = difference(first, np.zeros(10), rows)
    assert found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.1, 0.3))


def test_mean_gain_counts_data_sets_alike_and_leaves_out_what_few_have():
    rows = [row("a", 0.5, balanced=0.6), row("a", 0.5, balanced=0.8), row("b", 0.5, balanced=0.4)]
    assert mean_gains(rows) == {}  # two data sets only
    assert mean_gains(rows, least_sets=2) == pytest.approx({"linear": 0, "balanced": 0.05})


def test_rule_has_three_lines():
    known = {"rarest": 5, "linear_accuracy": 0.5}
    assert rule(known) == "balanced"
    assert rule(known | {"rarest": 2}) == "linear"
    assert rule(known | {"linear_accuracy": 0.99}) == "linear"
    assert rule({"rarest": 1, "linear_accuracy": float("nan")}) == "linear"


def test_table_keeps_descriptors_and_figures_apart(tmp_path):
    """A descriptor and the figure of a strategy may have one name: linear_accuracy."""
    rows = told_by_grey(3)
    write_table(tmp_path / "t.csv", rows)
    read = read_table(tmp_path / "t.csv")
    assert {each.descriptors["linear_accuracy"] for each in read} == {0.65}
    assert {each.accuracy["linear"] for each in read} == {0.7}
    assert [each.accuracy["balanced"] for each in read] == pytest.approx(
        [each.accuracy["balanced"] for each in rows], rel=1e-4
    )


def test_shipped_policy_is_the_one_that_the_packaged_table_supports():
    rows = packaged_table()
    found, kept = judge(rows), packaged_judgement()
    assert found.regrets == pytest.approx(kept.regrets, abs=1e-6)
    assert found.training_sets == kept.training_sets == len(rows)
    assert found.best_policy == SHIPPED
    assert shipped_policy(rows)(rows[0].descriptors)[0] in rows[0].accuracy


def test_documentation_has_the_figures_of_the_packaged_table():
    judgement, root = packaged_judgement(), Path(__file__).parents[3]
    pages = [
        (root / "docs" / name).read_text("utf-8") for name in ("recommend.md", "benchmarks.md")
    ]
    for name, lost in judgement.regrets.items():
        figures = f"{100 * lost:.2f} | {100 * judgement.hits[name]:.0f}"
        assert all(f"| {figures}" in page for page in pages), (name, figures)
    size = f"{judgement.training_sets} training sets of {judgement.data_sets} data sets"
    assert all(size in page for page in pages)


def test_learners_are_more_than_one_so_that_there_is_a_choice():
    assert len(LEARNERS) > 1
