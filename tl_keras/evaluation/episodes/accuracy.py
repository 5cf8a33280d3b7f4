"""Accuracy of anything with `fit_support` and `predict`, episode by episode."""

from typing import Any

import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.episodes import Tasks


def episode_accuracies(
    learner: Any,
    tasks: Tasks,
    episodes: int,
    *,
    features: np.ndarray | None = None,
    first: int = 0,
    **predict_arguments: Any,
) -> np.ndarray:
    """Returns the accuracy of the queries of each episode; `mean_interval` sums them up.

    Episodes, not queries, are independent: the 95% interval is that of the mean of episodes.

    Args:
        learner: object with `fit_support(images, labels)` and `predict(queries)`, which returns a
            label for each query.
        tasks: `Tasks`.
        episodes: int, number of episodes.
        features: float (n, d), features of all images of the dataset, which the learner gets in
            place of the images. Computed once, they are not computed again in each episode.
        first: int, number of the first episode.
        **predict_arguments: more of `predict`, such as `transductive=True`.

    Returns:
        float64 (episodes,), 0-1.
    """

    def taken(rows):
        return images_of(tasks.dataset, rows) if features is None else features[rows.ravel()]

    accuracies = []
    for index in range(first, first + episodes):
        classes, support, query = tasks.draw(index)
        learner.fit_support(taken(support), np.repeat(classes, support.shape[1]))
        found = learner.predict(taken(query), **predict_arguments)
        accuracies.append(np.mean(np.asarray(found) == np.repeat(classes, query.shape[1])))
    return np.array(accuracies)


def images_of(dataset: ImageDataset, rows: np.ndarray) -> np.ndarray:
    """Returns images of a dataset of an array, uint8 (n, h, w) or (n, h, w, c)."""
    return np.asarray(dataset.images)[rows.ravel()]
