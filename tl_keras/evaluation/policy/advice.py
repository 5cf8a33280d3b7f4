"""Ranking of strategies for a training set, by the policy that the package ships."""

import dataclasses
from collections.abc import Collection, Mapping

from tl_keras.evaluation.policy.accuracies import Expected, expected_accuracy
from tl_keras.evaluation.policy.judging import Judgement, packaged_judgement, shipped_policy
from tl_keras.evaluation.policy.table import Row, packaged_table


@dataclasses.dataclass(frozen=True)
class Advice:
    """Ranking of strategies for a training set.

    Attributes:
        ranking: names, the recommended first, the others by expected accuracy.
        expected: {name: `Expected` accuracy}, None where the table tells nothing.
        descriptors: of the training set.
        rows: of the table from which it follows.
        judgement: result of judging the policy on data sets left out.
    """

    ranking: list[str]
    expected: dict[str, Expected | None]
    descriptors: Mapping[str, float]
    rows: tuple[Row, ...]
    judgement: Judgement

    @property
    def choice(self) -> str:
        return self.ranking[0]


def advise(descriptors: Mapping[str, float], allowed: Collection[str]) -> Advice:
    """Returns the `Advice` of the shipped policy among the strategies `allowed`."""
    rows = packaged_table()
    order = shipped_policy(rows)(descriptors)
    expected = {name: expected_accuracy(name, descriptors, rows) for name in allowed}
    first = next(name for name in order if name in allowed)
    others = [name for name in allowed if name != first]
    others.sort(key=lambda name: expected[name].mean if expected[name] else -1.0, reverse=True)
    return Advice([first, *others], expected, descriptors, rows, packaged_judgement())
