"""A fixed rule, fixed choices and learned policies, each a ranking of strategies.

A policy is a function from the descriptors of a training set to names of strategies, the best
first. A learner is a function from rows of the table to a policy.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tl_keras.evaluation.policy.table import Row

Policy = Callable[[Mapping[str, float]], list[str]]
Learner = Callable[[Sequence[Row]], Policy]

# Written on 2026-11-26, before the table of results was made; parts of the results of the suite
# (linear start and fine-tuning at 5 to 25 labels) were known.
FEW, SEPARATED = 3, 0.98
_LEAST_SETS = 3  # data sets on which a strategy is measured before it is chosen
_LOGARITHMS = ("classes", "images", "labels_per_class", "rarest", "side")


def rule(descriptors: Mapping[str, float]) -> str:
    """Returns the choice of a fixed rule of three lines."""
    if descriptors["rarest"] < FEW:
        return "linear"  # nothing can be validated
    return "linear" if descriptors["linear_accuracy"] >= SEPARATED else "balanced"


def rule_learner(rows: Sequence[Row]) -> Policy:
    """Returns the fixed rule, whatever the rows; what it does not choose follows by mean gain."""
    others = _by_mean_gain(rows)
    return lambda descriptors: _first(rule(descriptors), others)


def always(name: str) -> Learner:
    """Returns the learner that always chooses the strategy `name`."""

    def learn(rows):
        ranking = _first(name, _by_mean_gain(rows))
        return lambda descriptors: ranking

    return learn


def best_on_average(rows: Sequence[Row]) -> Policy:
    """Returns the policy that always chooses the strategy with the largest mean gain."""
    ranking = _by_mean_gain(rows)
    return lambda descriptors: ranking


def nearest_tasks(k: int) -> Learner:
    """Returns the learner that ranks by the mean gains on the k most similar training sets."""

    def learn(rows):
        scale, others = _Scale(rows), _by_mean_gain(rows)
        known = scale.rows

        def policy(descriptors):
            distances = np.square(known - scale(descriptors)).sum(axis=1)
            nearest = [rows[row] for row in np.argsort(distances, kind="stable")[:k]]
            return _ranked(mean_gains(nearest, least_sets=1), others)

        return policy

    return learn


def ridge_of_gains(penalty: float) -> Learner:
    """Returns the learner that predicts each strategy's gain by ridge regression."""

    def learn(rows):
        scale, others = _Scale(rows), _by_mean_gain(rows)
        weights = {
            name: _ridge(scale.rows[there], gains[there], penalty)
            for name in others
            for gains in [np.array([row.gains.get(name, np.nan) for row in rows])]
            for there in [~np.isnan(gains)]
        }

        def policy(descriptors):
            at = np.append(scale(descriptors), 1)
            return _ranked({name: float(at @ w) for name, w in weights.items()}, others)

        return policy

    return learn


LEARNERS: dict[str, Learner] = {
    **{f"nearest {k} tasks": nearest_tasks(k) for k in (5, 15)},
    **{f"ridge of gains, {p:g}": ridge_of_gains(p) for p in (1.0, 10.0, 100.0)},
}
OPPONENTS: dict[str, Learner] = {
    "always balanced": always("balanced"),
    "always the best on average": best_on_average,
    "fixed rule": rule_learner,
}


def mean_gains(rows: Sequence[Row], *, least_sets: int = _LEAST_SETS) -> dict[str, float]:
    """Returns the mean gain of each strategy over the linear start; data sets count the same."""
    found = {}
    for row in rows:
        for name, gain in row.gains.items():
            found.setdefault(name, {}).setdefault(row.data_set, []).append(gain)
    return {
        name: float(np.mean([np.mean(gains) for gains in sets.values()]))
        for name, sets in found.items()
        if len(sets) >= least_sets
    }


def _by_mean_gain(rows):
    gains = mean_gains(rows)
    return sorted(gains, key=gains.get, reverse=True)


def _ranked(gains, others):
    ranking = sorted(gains, key=gains.get, reverse=True)
    return ranking + [name for name in others if name not in gains]


def _first(name, others):
    return [name, *(other for other in others if other != name)]


class _Scale:
    """Standardises descriptors by the rows that are known; a missing one is their mean."""

    def __init__(self, rows):
        self._names = list(rows[0].descriptors)
        table = np.stack([self._numbers(row.descriptors) for row in rows])
        self._mean, self._deviation = np.nanmean(table, axis=0), np.nanstd(table, axis=0) + 1e-9
        self.rows = self._scaled(table)

    def __call__(self, descriptors):
        return self._scaled(self._numbers(descriptors))

    def _numbers(self, descriptors):
        return np.array([
            np.log(descriptors[name]) if name in _LOGARITHMS else descriptors[name]
            for name in self._names
        ])  # fmt: skip

    def _scaled(self, numbers):
        return np.nan_to_num((numbers - self._mean) / self._deviation)


def _ridge(x, y, penalty):
    """Weights (d + 1,); the last, the offset, has no penalty."""
    x = np.column_stack([x, np.ones(len(x))])
    ridge = np.diag([penalty] * (x.shape[1] - 1) + [0.0])
    return np.linalg.lstsq(x.T @ x + ridge, x.T @ y, rcond=None)[0]
