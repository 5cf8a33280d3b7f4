"""Curves by method and codes in a plane."""

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.reports.figures.pretraining_figures import plot_latent_planes, plot_pretraining_curves
from tl_keras.reports.figures.style import render_png


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (("loss", "val_loss"), ["Mean squared error"]),
        (
            ("loss", "reconstruction_loss", "kl_loss", "val_loss", "val_kl_loss"),
            ["Loss (nats)", "Reconstruction (nats)", "KL (nats)"],
        ),
        (
            ("d_loss", "g_loss", "real_accuracy", "fake_accuracy", "diversity"),
            ["Losses", "Recognised", "Diversity of samples"],
        ),
        (
            ("loss", "val_loss", "embedding_spread", "feature_spread", "knn_accuracy"),
            ["Loss", "Spread", "Classes found"],
        ),
    ],
)
def test_each_method_has_its_curves(names, titles):
    figure = plot_pretraining_curves({name: [3.0, 2.0, 1.0] for name in names})
    assert [axes.get_title(loc="left") for axes in figure.axes] == titles
    lines = [line for axes in figure.axes for line in axes.lines]
    assert len(lines) == len(names)
    assert list(lines[0].get_xdata()) == [1, 2, 3]
    assert render_png(figure)


def test_history_without_epochs_is_refused():
    with pytest.raises(InputError, match="Expected a history of at least one epoch"):
        plot_pretraining_curves({"loss": []})


def test_points_are_coloured_by_their_label():
    points = np.arange(12.0).reshape(6, 2)
    labels = np.array([0, 1, 2, 0, 1, 2])
    figure = plot_latent_planes([(points, "pca"), (points, "t-SNE")], labels, ("a", "b", "c"))
    assert [len(axes.collections) for axes in figure.axes] == [3, 3]
    np.testing.assert_array_equal(figure.axes[0].collections[1].get_offsets(), points[1::3])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]


def test_points_without_labels_have_one_colour_and_no_legend():
    figure = plot_latent_planes([(np.zeros((4, 2)), "the two numbers of the code")])
    assert len(figure.axes[0].collections) == 1
    assert not figure.legends


def test_one_label_for_each_point_is_needed():
    with pytest.raises(InputError, match="with a label each or none"):
        plot_latent_planes([(np.zeros((4, 2)), "pca")], np.zeros(3, int), ("a",))
