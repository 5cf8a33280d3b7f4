"""Episodes of a pretraining: its model, the tasks it learns from, and those that judge it."""

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.pipelines.episodes import TaskSampler
from tl_keras.data.sources.omniglot import groups_in
from tl_keras.jobs.pretrain.encoders import build_encoder
from tl_keras.progress import say

GROUPED = 0.5  # share of the training episodes that have the classes of one alphabet
_MOST_WAYS = 20  # of the episodes that judge
_FEWEST = 2  # classes of one group that make an episode


def build_on_episodes(kind, config, data, options):
    """Builds the model of a pretraining on episodes, whose ways the data can fill.

    Args:
        kind: class of the model.
        config: `PretrainSettings`.
        data: `PretrainData`.
        options: more arguments of the model.

    Raises:
        InputError: there are too few classes, or images of a class.
    """
    gray = data.train.is_grayscale
    model = kind(build_encoder(config, data.image_shape[:2], is_grayscale=gray), **options)
    if "n_way" not in options and model.n_way > _drawn(data).num_classes:
        options = options | {"n_way": max(_FEWEST, _drawn(data).num_classes)}
        model = kind(model.encoder, **options)
    training_tasks(model, data)  # refuses too few images
    return model


def training_tasks(model, data):
    """Returns the `Tasks` from which `model` learns."""
    drawn = _drawn(data)
    groups = groups_in(drawn)
    sampler = TaskSampler(model.n_way, model.k_shot, model.n_query, seed=model.seed or 0)
    return sampler.tasks(drawn, groups=groups, grouped=GROUPED if groups else None)


def held_out_tasks(model, dataset, seed):
    """Returns tasks of one shot and one query that judge a model; None if there are too few images.

    All classes of an episode are of one alphabet where there are alphabets.

    Args:
        model: `EpisodicModel`; some have outputs for n_way classes at most.
        dataset: `ImageDataset` of the validation or the test split.
        seed: int.
    """
    groups = groups_in(dataset)
    counts = np.bincount(dataset.labels, minlength=dataset.num_classes)
    names = np.array(groups or [""] * len(counts))[counts > 0]
    sizes = [int((names == name).sum()) for name in sorted(set(names))]
    ways = min([_MOST_WAYS, model.n_way, *sizes])
    try:
        return TaskSampler(max(ways, _FEWEST), 1, 1, seed=seed).tasks(dataset, groups=groups)
    except InputError as error:
        say(f"No episodes of {dataset.split} images: {error}")
        return None


def _drawn(data):
    return data.train if data.drawn is None else data.drawn
