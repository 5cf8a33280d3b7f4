"""The axes of the figures carry the right numbers, whatever the names are."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tl_keras.checks import InputError
from tl_keras.reports.figures.style import GREEN, render_png
from tl_keras.reports.figures.training_figures import (
    plot_comparison,
    plot_learning_curves,
    plot_samples,
)

HISTORY = {
    "loss": [1.5, 1.0, 0.8, 0.5],
    "val_loss": [1.6, 1.2, 1.1, 1.3],
    "accuracy": [0.4, 0.6, 0.7, 0.8],
    "val_accuracy": [0.35, 0.5, 0.6, 0.6],
    "learning_rate": [0.1] * 4,
}
PHASES = [
    {"name": "head", "start": 0, "end": 3},
    {"name": "fine_tune", "start": 3, "end": 4},
]


def curves(axes):
    return {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}


def boundaries(axes):
    return [line for line in axes.lines if to_hex(line.get_color()) == GREEN.lower()]


def test_learning_curves_show_the_history_from_epoch_one():
    figure = plot_learning_curves(HISTORY, PHASES)
    for axes, key in zip(figure.axes, ("loss", "accuracy"), strict=True):
        shown = curves(axes)
        assert list(shown) == ["Training", "Validation"]
        assert list(shown["Training"].get_xdata()) == [1, 2, 3, 4]
        assert list(shown["Training"].get_ydata()) == HISTORY[key]
        assert list(shown["Validation"].get_ydata()) == HISTORY[f"val_{key}"]


def test_phase_boundary_stands_between_its_epochs_with_the_name():
    for axes in plot_learning_curves(HISTORY, PHASES).axes:
        (line,) = boundaries(axes)
        assert set(line.get_xdata()) == {3.5}
        assert line.get_linestyle() == "--"
        assert [text.get_text() for text in axes.texts] == ["head", "fine tune"]
        assert axes.texts[1].get_position()[0] == 3.5


def test_epoch_ticks_are_whole_numbers():
    figure = plot_learning_curves(HISTORY, PHASES)
    render_png(figure)
    ticks = [t for t in figure.axes[0].get_xticks() if 0.5 <= t <= 4.5]
    assert ticks == [1, 2, 3, 4]


def test_one_epoch_without_validation_is_a_visible_point():
    history = {"loss": [0.7], "accuracy": [0.5]}
    figure = plot_learning_curves(history, [{"name": "head", "start": 0, "end": 1}])
    shown = curves(figure.axes[0])
    assert list(shown) == ["Training"]
    assert shown["Training"].get_marker() == "o"
    assert shown["Training"].get_markersize() > 0
    assert boundaries(figure.axes[0]) == []


def test_diverged_training_still_has_curves():
    nan = float("nan")
    render_png(plot_learning_curves({"loss": [nan, nan], "accuracy": [nan, nan]}, []))


def test_long_runs_drop_the_markers():
    history = {"loss": [1.0] * 200, "accuracy": [0.5] * 200}
    assert curves(plot_learning_curves(history).axes[0])["Training"].get_markersize() == 0


def test_no_epochs_are_refused():
    with pytest.raises(InputError, match="losses of at least one epoch under 'loss'"):
        plot_learning_curves({"loss": []}, [])


def test_comparison_has_a_bar_for_each_way_and_the_intervals_that_are_known():
    ways = [
        {"name": "transfer", "accuracy": 0.8, "interval": (0.7, 0.87)},
        {"name": "from scratch", "accuracy": 0.5, "interval": None},
    ]
    (axes,) = plot_comparison(ways).axes
    assert [bar.get_width() for bar in axes.patches] == [0.8, 0.5]
    assert list(axes.lines[0].get_xdata()) == [0.7, 0.87]
    assert len(axes.lines) == 1
    assert axes.get_xlabel() == "Accuracy, with its 95% interval"
    (axes,) = plot_comparison(ways[1:]).axes
    assert axes.get_xlabel() == "Accuracy"
    (axes,) = plot_comparison(ways).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["transfer", "from scratch"]
    assert axes.yaxis_inverted()


def test_samples_fill_a_grid_with_titles():
    images = [np.full((4, 6, 3), 50 * i, np.uint8) for i in range(5)]
    figure = plot_samples(images, list("abcde"), columns=3)
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes] == [*"abcde", ""]
    assert (np.asarray(figure.axes[2].images[0].get_array()) == 100).all()


@pytest.mark.parametrize(("count", "titles"), [(0, []), (2, ["one"])])
def test_samples_need_images_and_titles(count, titles):
    with pytest.raises(InputError, match=f"received {count} images and {len(titles)} titles"):
        plot_samples([np.zeros((2, 2, 3), np.uint8)] * count, titles)
