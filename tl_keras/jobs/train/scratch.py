"""Training the classifier that a configuration asks for from random weights."""

import dataclasses

import keras

from tl_keras.data.dataset import Splits
from tl_keras.jobs.runs.measuring import measure
from tl_keras.jobs.train.best_rate import BestOfRates, best_of_rates
from tl_keras.jobs.train.suited_settings import FROM_RANDOM, NORMALISED_BATCH
from tl_keras.models.classifier import build_classifier
from tl_keras.settings.fine_tune import PLAIN, PRETRAINED
from tl_keras.settings.train import DROPOUT, TrainSettings
from tl_keras.training.fine_tuning.fine_tune import fine_tune
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.frozen.freezing import batch_norms
from tl_keras.training.history import TrainingHistory

# Factors on the learning rate. Without batch normalisation a deep network stays at chance at the
# full rate; with it the low rates get nowhere. ResNet50 on fifty images: 14 % at a tenth of the
# rate, and at the full rate 46 % in batches of 8, 66 % in batches of 25. At 0.3 of it 25 % after 25
# epochs, at the full rate 60 %, and it goes on to learn: 72 % after 60, 81 % after 100.
SCRATCH_RATES, SCRATCH_RATES_NORMALISED = (0.1, 0.05), (1.0,)
# From scratch a net may idle for epochs before it learns.
FROM_SCRATCH = (
    PLAIN
    | FROM_RANDOM
    # None for each:
    | dict.fromkeys(("patience", "cutmix", "preset", "refit", "minutes", "average"))
)


def build(config, num_classes, image_size, *, backbone=None, weights="imagenet"):
    """Builds a classifier with the head of `config`."""
    width = {} if config.hidden_units is None else {"hidden_units": config.hidden_units}
    return build_classifier(
        backbone or config.backbone,
        num_classes,
        image_size=image_size,
        weights=weights,
        head=config.head,
        dropout=DROPOUT if config.dropout is None else config.dropout,
        **width,
    )


def train_from_scratch(
    config: TrainSettings, splits: Splits, image_size: int, epochs: int, rate: float
) -> tuple[keras.Model, TrainingHistory]:
    """Trains the classifier of `config` from random weights, all of it, on the given data.

    Returns:
        (model, history)
    """
    model = random_classifier(config, splits.train.num_classes, image_size)
    settings = dataclasses.asdict(config.fine_tune) | FROM_SCRATCH
    settings |= {"epochs": epochs, "lr": rate}
    if batch_norms(model) and settings["batch_size"] is None:
        settings["batch_size"] = max(NORMALISED_BATCH, default_batch_size(len(splits.train)))
    return model, fine_tune(model, splits.train, splits.val, **settings)


def best_from_scratch(
    config: TrainSettings, model: keras.Model, splits: Splits, epochs: int
) -> BestOfRates:
    """Trains from scratch at each of several learning rates; validation chooses among them.

    Args:
        model: the classifier that has been trained otherwise, for its size and its layers.
        epochs: int, at each rate.

    Returns:
        `BestOfRates`.
    """
    factors = SCRATCH_RATES_NORMALISED if batch_norms(model) else SCRATCH_RATES
    return best_of_rates(
        lambda rate: train_from_scratch(config, splits, model.input_shape[1], epochs, rate),
        [(config.fine_tune.lr or PRETRAINED["lr"]) * factor for factor in factors],
        lambda model: measure(model, splits.val)[1],
    )


def random_classifier(config: TrainSettings, num_classes: int, image_size: int) -> keras.Model:
    """Builds the classifier of `config` at random weights, those of its seed."""
    keras.utils.set_random_seed(config.seed)
    model = build(config, num_classes, image_size, weights="random")
    quicken_batch_norm(model)
    return model


def quicken_batch_norm(model: keras.Model) -> None:
    """Lets moving statistics follow within the few steps of a short training.

    Keras's momentum of 0.99 needs some 500 steps; until then inference differs from training.
    """
    for layer in batch_norms(model):
        layer.momentum = 0.9
