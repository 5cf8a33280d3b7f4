"""Accuracy of a pretrained model over episodes of test images, and the figure of one episode."""

import numpy as np

from tl_keras.evaluation.episodes.accuracy import episode_accuracies, images_of
from tl_keras.evaluation.episodes.pixels import NearestPixels
from tl_keras.evaluation.statistics.intervals import mean_interval
from tl_keras.jobs.generate import grid_png
from tl_keras.jobs.pretrain.episodes import held_out_tasks
from tl_keras.reports.page_parts.sections import Figure

NUM_EPISODES = 100


def measure_episodes(model, data, seed):
    """Returns accuracies over episodes of test images; None if there are too few images.

    Args:
        model: `EpisodicModel`.
        data: `PretrainData`.
        seed: int.

    Returns:
        dict: inductive, transductive and pixels, each (mean, half of the 95% interval); n_way,
        count, and unseen_classes, whether no class was trained on.
    """
    tasks = held_out_tasks(model, data.test, seed)
    if tasks is None:
        return None
    learners = {"inductive": (model, {}), "transductive": (model, {"transductive": True})}
    learners["pixels"] = (NearestPixels(), {})
    figures = {
        "n_way": tasks.sampler.n_way,
        "count": NUM_EPISODES,
        "unseen_classes": data.drawn is not None,
    }
    for name, (learner, arguments) in learners.items():
        found = mean_interval(episode_accuracies(learner, tasks, NUM_EPISODES, **arguments))
        figures[name] = (found.mean, found.half)
    return figures


def example(outcome):
    """One episode: support, queries, and what was recognised in them; [] without test episodes."""
    tasks = held_out_tasks(outcome.model, outcome.data.test, outcome.config.seed)
    if tasks is None:
        return []
    episode = tasks.draw(0)
    support, query = (images_of(tasks.dataset, rows) for rows in episode[1:])
    numbers = np.arange(len(support))
    found = outcome.model.fit_support(support, numbers).predict(query)
    rows = np.concatenate([support, query, support[found]])
    caption = (
        f"Top: the only example of each of {len(numbers)} classes. Middle: an image to recognise. "
        f"Bottom: the example of the class that was found; {np.mean(found == numbers):.0%} are "
        "right."
    )
    return [Figure(grid_png(rows, len(numbers)), "An episode of test images", caption)]
