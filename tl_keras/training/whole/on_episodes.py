"""Training on episodes, recorded where the run has checkpoints."""

import functools
from collections.abc import Sequence

import keras

from tl_keras.data.pipelines.episodes import Tasks
from tl_keras.models.episodic.episode_inputs import dataset_episodes
from tl_keras.models.episodic.episodic_model import EpisodicModel
from tl_keras.models.steps.own_loss import OwnLossModel
from tl_keras.training.checkpoints.fitting import fit
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import build_optimizer, build_schedule


def fit_on_episodes(
    model: EpisodicModel,
    train: Tasks,
    val: Tasks | None = None,
    *,
    epochs: int,
    episodes: int = 100,
    batch_size: int | None = None,
    lr: float | None = None,
    schedule: str = "cosine",
    augment: object = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 2,
) -> TrainingHistory:
    """Trains a model on episodes from its weights as they are.

    Results are those of `compile` and `fit` with the same optimizer: Adam with decoupled weight
    decay for `PrototypicalNetwork` and `MAML`, SGD for `Reptile`.

    Args:
        model: `EpisodicModel`.
        train: `Tasks` of the training images.
        val: `Tasks` of other classes, of which each epoch has the same episodes; or None.
        epochs: int.
        episodes: int, per epoch.
        batch_size: int, episodes per step. Defaults to that of the model's recipe.
        lr: float, highest learning rate. Defaults to that of the model's recipe.
        schedule: see `build_schedule`.
        augment: see `episode_batches`.
        callbacks, verbose: as in Keras.

    Returns:
        `TrainingHistory`.
    """
    batch_size = batch_size or model.recipe["batch_size"]
    batches = functools.partial(
        dataset_episodes,
        model,
        train,
        batch_size,
        training=True,
        episodes_per_epoch=episodes,
        augment=augment,
        first_epoch=model.epochs_trained,
        repeat=True,
    )
    held_out = None
    if val is not None:
        held_out = dataset_episodes(
            model, val, batch_size, training=False, episodes_per_epoch=episodes
        )
    steps = episodes // batch_size
    rate = build_schedule(schedule, lr or model.recipe["lr"], epochs * steps)
    _compile(model, rate)
    history = TrainingHistory()
    with history.timing("total"):
        trained = fit(
            model,
            batches,
            name="pretraining",
            run=functools.partial(OwnLossModel.fit, model),
            validation_data=held_out,
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,  # the episodes are drawn at random already
            callbacks=[*callbacks, *model.guards()],
            verbose=verbose,
        )
    history.history, history.epoch = trained.history, trained.epoch
    history.set_model(model)
    return history


def _compile(model, rate):
    decay = model.recipe["weight_decay"]
    with model.distribute_strategy.scope():
        optimizer = model.outer_optimizer(rate)
        model.compile(optimizer or build_optimizer("adam", rate, weight_decay=decay))
