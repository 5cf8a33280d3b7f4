"""The model that a pretraining asks for, and what is decided by the data."""

import dataclasses
import math

from tl_keras.checks import InputError
from tl_keras.models.autoencoder import Autoencoder
from tl_keras.models.gan import GAN
from tl_keras.models.vae import VAE
from tl_keras.training.inputs import default_batch_size

_BATCH_SIZE = {"autoencoder": 128, "vae": 128, "gan": 64}
LR = 1e-3
_LATENT_DIM = {"autoencoder": 32, "vae": 50, "gan": 100}
# A GAN on little data is at its best early: then its discriminator knows the pictures by heart.
_STEPS = {"autoencoder": 8000, "vae": 8000, "gan": 3000}
_EPOCHS = (20, 300)  # at least, at most
_VALUES_PER_NUMBER = 8  # of a picture, for each number of its code: a bottleneck must be one
_LARGEST_DENSE = 32  # pixels a side
_GRIDS = 12
_STEPS_PER_EXECUTION = 16


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is decided by the data where the configuration leaves it open.

    Attributes:
        latent_dim, batch_size, epochs, grid_every: ints.
        steps: of an epoch.
        architecture: "dense" or "conv"; None for a GAN.
    """

    latent_dim: int
    batch_size: int
    epochs: int
    grid_every: int
    steps: int
    architecture: str | None


def make_plan(config, data):
    """Returns the `Plan` for a `PretrainConfig` and a `PretrainData`."""
    size, shape = len(data.train), data.picture_shape
    batch_size = config.batch_size or default_batch_size(size, _BATCH_SIZE[config.method])
    steps = math.ceil(size / batch_size)
    least, most = _EPOCHS
    epochs = config.epochs or min(max(math.ceil(_STEPS[config.method] / steps), least), most)
    architecture = config.architecture
    if architecture is None and config.method != "gan":
        small = shape[2] == 1 and max(shape[:2]) <= _LARGEST_DENSE
        architecture = "dense" if small or any(side % 4 for side in shape[:2]) else "conv"
    return Plan(
        latent_dim=config.latent_dim or _latent_dim(config.method, shape),
        batch_size=batch_size,
        epochs=epochs,
        grid_every=config.grid_every or max(1, epochs // _GRIDS),
        steps=steps,
        architecture=architecture,
    )


def build_model(config, data, plan):
    """Builds the model; a GAN is compiled too, with its own optimizers.

    Args:
        config: `PretrainConfig`.
        data: `PretrainData`.
        plan: `Plan`.

    Raises:
        InputError: an option does not go with these pictures.
    """
    options = config.model_options | {"latent_dim": plan.latent_dim, "seed": config.seed}
    if config.method == "gan":
        model = GAN(data.picture_shape, num_classes=_classes(config, data), **options)
        several = max(n for n in range(1, _STEPS_PER_EXECUTION + 1) if plan.steps % n == 0)
        model.compile(steps_per_execution=several)
        if config.lr is not None:
            for optimizer in (model.optimizer, model.discriminator_optimizer):
                optimizer.learning_rate = config.lr
        return model
    kind = Autoencoder if config.method == "autoencoder" else VAE
    return kind(data.picture_shape, **options | {"architecture": plan.architecture})


def _latent_dim(method, shape):
    most = _LATENT_DIM[method]
    if method == "gan":
        return most
    return min(most, max(2, math.prod(shape) // _VALUES_PER_NUMBER))


def _classes(config, data):
    if not config.conditional:
        return None
    if data.num_classes < 2:
        raise InputError(
            "Expected labels of two classes or more for a conditional GAN; received "
            f"{data.num_classes} in {config.data}. Leave --conditional out."
        )
    return data.num_classes
