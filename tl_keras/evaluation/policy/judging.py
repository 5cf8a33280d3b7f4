"""Regret of a policy on data sets that it has not seen.

The regret on a training set is the best accuracy of all strategies measured on it, minus that of
the first in the policy's ranking that was measured.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tl_keras.evaluation.policy.policies import LEARNERS, OPPONENTS, Learner, Policy
from tl_keras.evaluation.policy.table import Row
from tl_keras.files import read_json, write_json

# The policy of `recommend`. A test holds it against the judgement of the packaged table: "learned"
# if that is below each opponent with its interval, else the best opponent.
SHIPPED = "always balanced"
LEARNED = "learned"
JUDGEMENT = Path(__file__).with_name("judgement.json")
HIT = 0.01  # regret up to which the choice counts as right
_DRAWS = 10_000


@dataclasses.dataclass(frozen=True)
class Difference:
    """Mean difference of two regrets over data sets, with its 95% interval."""

    mean: float
    low: float
    high: float


def regret(row: Row, policy: Policy) -> float:
    """Returns the regret of a policy on one training set."""
    chosen = next(name for name in policy(row.descriptors) if name in row.accuracy)
    return max(row.accuracy.values()) - row.accuracy[chosen]


def left_out_regrets(rows: Sequence[Row], learner: Learner) -> np.ndarray:
    """Returns the regret on each row of a policy learned without all rows of its data set."""
    sets = np.array([row.data_set for row in rows])
    regrets = np.empty(len(rows))
    for name in dict.fromkeys(sets):
        policy = learner([row for row in rows if row.data_set != name])
        for index in np.flatnonzero(sets == name):
            regrets[index] = regret(rows[index], policy)
    return regrets


def chosen_learner(rows: Sequence[Row], learners: Mapping[str, Learner] = LEARNERS) -> str:
    """Returns the name of the learner with the lowest regret on left-out data sets of `rows`."""
    means = {
        name: mean_over_sets(left_out_regrets(rows, learner), rows)
        for name, learner in learners.items()
    }
    return min(means, key=means.get)


def nested(rows: Sequence[Row]) -> Policy:
    """Learns by the learner that is best on left-out data sets of these rows."""
    return LEARNERS[chosen_learner(rows)](rows)


def mean_over_sets(values: np.ndarray, rows: Sequence[Row]) -> float:
    """Returns the mean of the means of each data set."""
    return float(np.mean(_set_means(values, rows)))


def difference(first: np.ndarray, second: np.ndarray, rows: Sequence[Row]) -> Difference:
    """Returns the mean of first - second over data sets; the interval is by bootstrap over them."""
    means = _set_means(first - second, rows)
    draws = np.random.default_rng(0).integers(len(means), size=(_DRAWS, len(means)))
    low, high = np.quantile(means[draws].mean(axis=1), (0.025, 0.975))
    return Difference(float(means.mean()), float(low), float(high))


def _set_means(values, rows):
    sets = np.array([row.data_set for row in rows])
    return np.array([values[sets == name].mean() for name in dict.fromkeys(sets)])


@dataclasses.dataclass(frozen=True)
class Judgement:
    """Result of judging the learned policy beside its opponents.

    Attributes:
        regrets: {policy: mean regret}, over data sets left out.
        hits: {policy: share of training sets with a regret of at most `HIT`}.
        differences: {opponent: `Difference` of learned - opponent}.
        data_sets, training_sets: numbers.
    """

    regrets: dict[str, float]
    hits: dict[str, float]
    differences: dict[str, Difference]
    data_sets: int
    training_sets: int

    @property
    def learned_wins(self) -> bool:
        """True if the learned policy is below every opponent with the whole interval."""
        return all(each.high < 0 for each in self.differences.values())

    @property
    def best_policy(self) -> str:
        """The learned policy if it wins, else the opponent with the lowest regret, the first."""
        return LEARNED if self.learned_wins else min(OPPONENTS, key=self.regrets.get)


def judge(rows: Sequence[Row]) -> Judgement:
    """Judges the learned policy, whose learner is chosen without the data set left out."""
    regrets = {name: left_out_regrets(rows, learner) for name, learner in OPPONENTS.items()}
    regrets[LEARNED] = left_out_regrets(rows, nested)
    return Judgement(
        {name: mean_over_sets(values, rows) for name, values in regrets.items()},
        {name: mean_over_sets(values <= HIT, rows) for name, values in regrets.items()},
        {name: difference(regrets[LEARNED], regrets[name], rows) for name in OPPONENTS},
        len({row.data_set for row in rows}),
        len(rows),
    )


def shipped_policy(rows: Sequence[Row]) -> Policy:
    """Returns the policy of `recommend`, learned from all rows."""
    return {**OPPONENTS, LEARNED: nested}[SHIPPED](rows)


def write_judgement(judgement: Judgement, path: Path = JUDGEMENT) -> None:
    """Writes a judgement as JSON."""
    write_json(path, dataclasses.asdict(judgement))


@functools.cache
def packaged_judgement() -> Judgement:
    """Returns the judgement of the packaged table."""
    content = read_json(JUDGEMENT, *(field.name for field in dataclasses.fields(Judgement)))
    differences = {name: Difference(**each) for name, each in content["differences"].items()}
    return Judgement(**content | {"differences": differences})
