"""Figures of a pretraining's page: reconstructions, samples, interpolations, codes."""

import numpy as np
from scipy.stats import norm

from tl_keras.evaluation.encoders.distances import nearest_images
from tl_keras.evaluation.encoders.latent_plane import project
from tl_keras.jobs import generate
from tl_keras.jobs.generate import grid_png
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.reports.figures.image_grids import in_pairs
from tl_keras.reports.figures.pretraining_figures import plot_latent_planes, plot_pretraining_curves
from tl_keras.reports.figures.style import render_png
from tl_keras.reports.page_parts.sections import Figure
from tl_keras.training.fine_tuning.inputs import random_part

COLUMNS = 10
_PAIRS = 20
_SAMPLES = 80
_ROWS = 6  # of interpolations
_POINTS = 800  # of the latent plane
_FEWEST_FOR_TSNE = 50
_SIDE_OF_PLANE, _EDGE = 15, 0.03  # images, and quantiles left out at each end


def curves(outcome):
    figure = plot_pretraining_curves(outcome.history.history)
    return Figure(render_png(figure), "Metrics per epoch")


def reconstructions(outcome):
    """Test images with their reconstructions below."""
    images = random_part(outcome.data.test, _PAIRS, outcome.config.seed).images
    made = as_images(outcome.model.reconstruct(images))
    return Figure(
        grid_png(in_pairs(images, made, COLUMNS), COLUMNS),
        "Images and their reconstructions",
        "Test images, and below each its reconstruction from a code of "
        f"{outcome.model.latent_dim} dimensions.",
    )


def samples(outcome):
    """Samples; a conditional GAN has a column for each class."""
    model = outcome.model
    classes = getattr(model, "num_classes", None)
    columns = classes if classes and classes <= 2 * COLUMNS else COLUMNS
    made = as_images(model.sample(_SAMPLES // columns * columns, seed=outcome.config.seed))
    caption = "Each column is a class." if classes else ""
    return Figure(grid_png(made, columns), "Images that the model generated", caption)


def interpolations(outcome):
    """Interpolations between random latent points, or between the codes of two test images."""
    model, seed = outcome.model, outcome.config.seed
    if hasattr(model, "sample"):
        made = generate.interpolations(model, _ROWS, steps=COLUMNS, seed=seed)
        ends = "two random latent points"
    else:
        codes = model.encode(random_part(outcome.data.test, 2 * _ROWS, seed).images)
        pairs = zip(codes[::2], codes[1::2], strict=False)
        points = [np.linspace(a, b, COLUMNS) for a, b in pairs]
        made = as_images(model.decode(np.concatenate(points)))
        ends = "the codes of two test images"
    return Figure(
        grid_png(made, COLUMNS),
        "Interpolated images",
        f"Each row interpolates between {ends}, its first and last image.",
    )


def codes(outcome):
    """Codes of test images in a plane."""
    some = random_part(outcome.data.test, _POINTS, outcome.config.seed)
    points = outcome.model.encode(some.images)
    planes = [project(points)]
    if points.shape[1] > 2 and len(points) >= _FEWEST_FOR_TSNE:
        planes.append(project(points, method="tsne", seed=outcome.config.seed))
    figure = plot_latent_planes(planes, some.labels, some.class_names)
    note = "Each point is a test image"
    if some.class_names:
        seen = outcome.config.row.needs_labels
        note += ", coloured by its label" + ("." if seen else ", which the model never saw.")
    return Figure(render_png(figure), "Codes of images in a plane", note)


def latent_grid(outcome):
    """Images that a VAE with two latent dimensions decodes over their plane."""
    at = norm.ppf(np.linspace(_EDGE, 1 - _EDGE, _SIDE_OF_PLANE))
    points = [(x, y) for y in at[::-1] for x in at]
    return Figure(
        grid_png(as_images(outcome.model.decode(points)), _SIDE_OF_PLANE),
        "Images over the latent plane",
        "Decoded image of each point of the plane; equal steps hold equal probability.",
    )


def nearest(outcome):
    """Samples with the nearest training image below each."""
    made = as_images(outcome.model.sample(_PAIRS, seed=outcome.config.seed))
    train = outcome.data.train.images
    rows, _ = nearest_images(made, train)
    return Figure(
        grid_png(in_pairs(made, train[rows], COLUMNS), COLUMNS),
        "Samples and the nearest training images",
        "Samples, and below each the training image that is nearest by its pixels.",
    )


def film_strip(path):
    """Samples or reconstructions in the course of training, from the file that training wrote."""
    return Figure(
        path.read_bytes(),
        "Images in the course of training",
        "The top row is before training; each further row is some epochs later, from the same "
        "starting points.",
    )
