"""Conversion of the inputs of `fit` to batches of episodes."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.episode_batches import episode_batches
from tl_keras.data.pipelines.episodes import Tasks, TaskSampler


def as_episodes(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    training: bool,
    groups: Sequence[str] | None = None,
    batch_size: int | None = None,
    **options: Any,
) -> tf.data.Dataset:
    """Returns batches of ((support, query),) for `model`.

    Args:
        model: `EpisodicModel`.
        x, y, groups: see `EpisodicModel.fit`.
        training: see `episode_batches`.
        batch_size: episodes per step. Defaults to that of the model's recipe.
        **options: more of `episode_batches`.

    Raises:
        InputError: `x` is none of these, or the images do not fill an episode.
    """
    if isinstance(x, tf.data.Dataset):
        if batch_size is not None:
            raise InputError(
                f"Expected no batch_size beside a tf.data.Dataset, which has its own; received "
                f"batch_size={batch_size}. Leave it out."
            )
        return x
    if isinstance(x, np.ndarray | list):
        x = ImageDataset.from_arrays(np.asarray(x), y)
    if not isinstance(x, ImageDataset):
        raise InputError(
            "Expected images as an array, an ImageDataset or a tf.data.Dataset of episodes; "
            f"received {type(x).__name__}."
        )
    return dataset_episodes(
        model, tasks_for(model, x, groups), batch_size, training=training, **options
    )


def tasks_for(
    model: keras.Model, dataset: ImageDataset, groups: Sequence[str] | None = None
) -> Tasks:
    """Returns the tasks that `model` trains on, from a labelled dataset."""
    sampler = TaskSampler(model.n_way, model.k_shot, model.n_query, seed=model.seed or 0)
    return sampler.tasks(dataset, groups=groups)


def dataset_episodes(
    model: keras.Model,
    tasks: Tasks,
    batch_size: int | None = None,
    *,
    training: bool,
    episodes_per_epoch: int = 100,
    **options: Any,
) -> tf.data.Dataset:
    """Returns `episode_batches` at the size of `model`.

    Args:
        batch_size: episodes per step. Defaults to that of the model's recipe.
        training, episodes_per_epoch, **options: see `episode_batches`.
    """
    *image_size, channels = model.input_shape[1:]
    return episode_batches(
        tasks,
        image_size=tuple(image_size),
        channels=channels,
        episodes_per_batch=batch_size or min(model.recipe["batch_size"], episodes_per_epoch),
        episodes_per_epoch=episodes_per_epoch,
        training=training,
        **{"first_epoch": lambda: model.epochs_trained, **options},
    )
