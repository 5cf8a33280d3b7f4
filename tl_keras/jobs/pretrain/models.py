"""Builds the model of a pretraining, and decides by the data what the settings leave open."""

import dataclasses
import importlib
import inspect
import math

import tensorflow as tf

from tl_keras.checks import InputError, check_number
from tl_keras.data.pipelines.episode_batches import resolve_episode_augment
from tl_keras.data.pipelines.two_views import resolve_views
from tl_keras.jobs.pretrain.encoders import backbone_name, build_encoder
from tl_keras.jobs.pretrain.episodes import build_on_episodes
from tl_keras.models.two_views.view_inputs import dataset_batches
from tl_keras.settings.image_source import SMALL_RESNET
from tl_keras.settings.methods import (
    ADVERSARIAL,
    EPISODES,
    LATENT,
    TWO_VIEWS,
    WITHOUT_LABELS,
    names_of,
)
from tl_keras.training.fine_tuning.inputs import default_batch_size

_EPOCHS = (20, 300)  # at least, at most
_ENDLESS = 10_000  # epochs, where the time ends a training
_VALUES_PER_NUMBER = 8  # values of an image for each dimension of its code, at least
_LARGEST_DENSE = 32  # pixels a side
_GRIDS = 12
_EPISODES = 100  # per epoch
_STEPS_PER_EXECUTION = 16


@dataclasses.dataclass(frozen=True)
class Plan:
    """Values that the data decide where the settings leave them open.

    Attributes:
        batch_size, epochs: ints.
        steps: int, per epoch.
        episodes: int, per epoch; None without episodes.
        latent_dim, grid_every: ints; None with two views.
        architecture: "dense" or "conv"; None for a GAN and with two views.
        backbone: str with two views or episodes; else None.
        augment: preset of two views or episodes; else None.
    """

    batch_size: int
    epochs: int
    steps: int
    latent_dim: int | None = None
    grid_every: int | None = None
    architecture: str | None = None
    backbone: str | None = None
    augment: str | None = None
    episodes: int | None = None


def make_plan(config, data):
    """Returns the `Plan` for a `PretrainSettings` and a `PretrainData`."""
    size, shape = len(data.train), data.image_shape
    if config.row.family is EPISODES:
        return _plan_of_episodes(config, data)
    kind, two_views = model_class(config.row), config.row.family is TWO_VIEWS
    batch_size = config.batch_size or default_batch_size(size, kind.recipe["batch_size"])
    # An incomplete batch of two views is dropped.
    steps = max(1, size // batch_size) if two_views else math.ceil(size / batch_size)
    epochs = _epochs(config, steps)
    if two_views:
        augment = resolve_views(
            config.augment or "auto",
            is_grayscale=shape[2] == 1,
            image_size=shape[:2],
            sounds=bool(data.train.sounds),
        )
        return Plan(
            batch_size, epochs, steps, backbone=config.backbone or SMALL_RESNET, augment=augment
        )
    return Plan(
        batch_size,
        epochs,
        steps,
        latent_dim=config.latent_dim or _latent_dim(config.row, shape),
        grid_every=config.grid_every or max(1, epochs // _GRIDS),
        architecture=_architecture(config, shape),
    )


def _plan_of_episodes(config, data):
    episodes = config.episodes or _EPISODES
    usual = min(model_class(config.row).recipe["batch_size"], episodes)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    batch_size = config.batch_size or math.ceil(usual / replicas) * replicas
    check_number("batch_size", batch_size, maximum=episodes)
    return Plan(
        batch_size,
        _epochs(config, episodes // batch_size),
        episodes // batch_size,
        backbone=backbone_name(config, data.train.is_grayscale),
        augment=resolve_episode_augment(config.augment or "auto", data.train, data.image_shape[:2]),
        episodes=episodes,
    )


def build_model(config, data, plan):
    """Builds the model; a GAN is compiled too.

    Args:
        config: `PretrainSettings`.
        data: `PretrainData`.
        plan: `Plan`.

    Raises:
        InputError: an option does not fit these images.
    """
    options = config.model_options | {"seed": config.seed}
    kind, family = model_class(config.row), config.row.family
    if family is TWO_VIEWS:
        if config.row.needs_labels:
            other = next(name for name in names_of(family) if name in WITHOUT_LABELS)
            _check_classes(data, config, f"method {config.method}", f"Use method {other}.")
        model = kind(build_encoder(config, data.image_shape[:2]), **options)
        views = {"training": True, "augment": plan.augment}
        dataset_batches(model, data.train, plan.batch_size, **views)  # refuses too few images
        return model
    if family is EPISODES:
        return build_on_episodes(kind, config, data, options)
    options["latent_dim"] = plan.latent_dim
    if family is LATENT:
        return kind(data.image_shape, **options | {"architecture": plan.architecture})
    return _adversarial(kind, config, data, plan, options)


def model_class(row):
    """Returns the class of the model of a `LabelFreeMethod`."""
    module, name = row.model.split(":")
    return getattr(importlib.import_module(module), name)


def _adversarial(kind, config, data, plan, options):
    if config.conditional:
        _check_classes(data, config, "a conditional GAN", "Leave --conditional out.")
        options["num_classes"] = data.num_classes
    if config.width is not None:
        options["width"] = config.width
    model = kind(data.image_shape, **options)
    several = max(n for n in range(1, _STEPS_PER_EXECUTION + 1) if plan.steps % n == 0)
    on_one = model.distribute_strategy.num_replicas_in_sync == 1
    model.compile(steps_per_execution=several if on_one else 1)
    if config.lr is not None:
        for optimizer in (model.optimizer, model.discriminator_optimizer):
            optimizer.learning_rate = config.lr
    return model


def _epochs(config, steps):
    if config.epochs is not None or config.minutes is not None:
        return config.epochs or _ENDLESS
    least, most = _EPOCHS
    return min(max(math.ceil(config.row.family.steps / steps), least), most)


def _architecture(config, shape):
    if config.architecture is not None or config.row.family is ADVERSARIAL:
        return config.architecture
    small = shape[2] == 1 and max(shape[:2]) <= _LARGEST_DENSE
    return "dense" if small or any(side % 4 for side in shape[:2]) else "conv"


def _latent_dim(row, shape):
    most = inspect.signature(model_class(row)).parameters["latent_dim"].default
    if row.family is ADVERSARIAL:
        return most
    return min(most, max(2, math.prod(shape) // _VALUES_PER_NUMBER))


def _check_classes(data, config, purpose, advice):
    if data.num_classes < 2:
        raise InputError(
            f"Expected labels of two classes or more for {purpose}; received {data.num_classes} in "
            f"{config.data}. {advice}"
        )
