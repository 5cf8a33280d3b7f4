"""Figures of the page of methods with two views: views, nearest neighbours."""

import numpy as np
import tensorflow as tf

from tl_keras.data.pipelines.two_views import two_views
from tl_keras.evaluation.encoders.probes import extract_features, unit_rows
from tl_keras.jobs.generate import grid_png
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.reports.figures.image_grids import below_each_other
from tl_keras.reports.page_parts.sections import Figure
from tl_keras.training.fine_tuning.inputs import random_part

COLUMNS = 10
_ASKED = 10  # test images whose neighbours are shown
_SEARCHED = 5000  # training images among which they are found
_NEIGHBOURS = 8
_PAPER = 255


def views(outcome):
    """Training images with two of their views below, as in training."""
    some = random_part(outcome.data.train, COLUMNS, outcome.config.seed).images
    made = two_views(
        tf.cast(some, tf.float32),
        outcome.plan.augment,
        seed=outcome.config.seed,
        epoch=0,
        indices=tf.range(len(some), dtype=tf.int64),
    )
    rows = below_each_other((some, *(as_images(view.numpy()) for view in made)), COLUMNS)
    return Figure(
        grid_png(rows, COLUMNS),
        "Images and two views of each",
        "Each column has a training image and below it two of its views. The network learned to "
        f"ignore their differences (preset “{outcome.plan.augment}”).",
    )


def neighbours(outcome):
    """Test images, each in a row with its nearest training images."""
    data, seed = outcome.data, outcome.config.seed
    asked = random_part(data.test, _ASKED, seed)
    known = random_part(data.train, _SEARCHED, seed)
    of_asked, of_known = (unit_rows(extract_features(outcome.model, x)) for x in (asked, known))
    nearest = np.argsort(-of_asked @ of_known.T, axis=1, kind="stable")[:, :_NEIGHBOURS]
    gap = np.full_like(asked.images[:1], _PAPER)
    rows = [
        np.concatenate([asked.images[row : row + 1], gap, known.images[found]])
        for row, found in enumerate(nearest)
    ]
    caption = (
        "Each row has a test image and the training images that are most similar in the encoder's "
        "features, the nearest first."
    )
    if data.num_classes:
        right = np.mean(known.labels[nearest] == asked.labels[:, None])
        caption += f" {right:.0%} of these are of the class of the test image."
    return Figure(
        grid_png(np.concatenate(rows), nearest.shape[1] + 2),
        "Images and their nearest neighbours",
        caption,
    )
