"""Figure of the error by the share that is answered."""

import numpy as np
import pytest
from scipy.stats import beta

from tl_keras.evaluation.classifiers.answers import Answers, answer_figures, exact_interval
from tl_keras.reports.figures.answer_figures import plot_answers


@pytest.fixture
def answers():
    """Ten images: two novel, three unsure, five answered, one of them wrong."""
    probabilities = np.full((10, 2), 0.5, np.float32)
    probabilities[:, 0] = np.linspace(0.99, 0.6, 10)
    probabilities[:, 1] = 1 - probabilities[:, 0]
    novelty = np.where(np.arange(10) >= 8, 0.5, -0.5).astype(np.float32)
    answer = np.array([0] * 5 + [-1] * 5)
    labels = np.array([0, 0, 0, 1, 0, 0, 1, 1, 0, 0])
    return Answers(probabilities, novelty, answer, labels)


def test_counts_are_those_of_the_images(answers):
    figures = answer_figures(answers)
    assert {k: v for k, v in figures.items() if "interval" not in k} == {
        "images": 10,
        "answered": 5,
        "errors": 1,
        "novel": 2,
        "unsure": 3,
    }
    assert figures["error_interval"] == exact_interval(1, 5)
    low, high = exact_interval(1, 5)
    assert (low, high) == pytest.approx((beta.ppf(0.025, 1, 5), beta.ppf(0.975, 2, 4)))
    assert exact_interval(0, 5)[0] == 0 and exact_interval(5, 5)[1] == 1


def test_curve_ends_before_the_novel_images_at_their_error(answers):
    axes = plot_answers(answers, 0.1).axes[0]
    curve, promise, share = axes.get_lines()
    assert curve.get_xdata()[-1] == pytest.approx(0.8)
    assert curve.get_ydata()[-1] == pytest.approx(3 / 8)
    assert set(promise.get_ydata()) == {0.1}
    assert set(share.get_xdata()) == {0.5}


def test_images_that_are_all_novel_have_no_curve(answers):
    novel = Answers(answers.probabilities, np.ones(10), np.full(10, -1), answers.labels)
    assert len(plot_answers(novel, 0.1).axes[0].get_lines()) == 2
    assert answer_figures(novel)["error_interval"] is None
