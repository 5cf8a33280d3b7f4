"""One fit of a run, recorded where the run has checkpoints."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tl_keras.data.pipelines.position import Position, starting_at
from tl_keras.progress import say
from tl_keras.training.checkpoints.recorded_callbacks import RecordedCallbacks
from tl_keras.training.checkpoints.run_checkpoints import active_checkpoints
from tl_keras.training.checkpoints.state import set_epochs_trained
from tl_keras.training.checkpoints.stopping import StopRequest


def fit(
    model: keras.Model,
    batches: Callable[[], tf.data.Dataset],
    *,
    name: str,
    epochs: int,
    verbose: int,
    callbacks: list[keras.callbacks.Callback],
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    run: Callable[..., keras.callbacks.History] | None = None,
    **arguments: Any,
) -> keras.callbacks.History:
    """Calls Keras's `fit`, or goes on with it in a resumed run.

    Within `checkpointing` the fit is saved every few minutes and at its end. A fit that was
    recorded as finished is not run again: its final state is put back.

    Args:
        model: compiled model with a built optimizer.
        batches: function that builds the training batches; see `starting_at`.
        name: of the fit.
        run: function that is called as `model.fit`; None for that.
        epochs, verbose, callbacks, initial_epoch, steps_per_epoch, **arguments: as in Keras.

    Raises:
        InputError: a checkpoint is not one of this training.
    """
    arguments |= {"verbose": verbose}
    run = functools.partial(run or model.fit, **arguments)
    checkpoints = active_checkpoints()
    if checkpoints is None:
        return run(
            batches(),
            epochs=epochs,
            callbacks=callbacks,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
        )
    data, stop = batches(), StopRequest()
    steps = steps_per_epoch or int(data.cardinality())
    record = checkpoints.next_fit(name)
    recorded = RecordedCallbacks(
        record, stop, model, callbacks, epochs=epochs, steps=steps, verbose=verbose
    )
    if finished := record.finished():
        return recorded.replay(finished)
    if begun := record.latest():
        done = _Done(initial_epoch, steps, steps_per_epoch is not None)
        train = functools.partial(_resume, *begun, recorded, batches, done, run)
    else:
        train = functools.partial(
            run,
            data,
            epochs=epochs,
            callbacks=recorded,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
        )
    with stop.listening():
        history = train()
    stopped, due = recorded.agree(last=True)  # to stop: too late for a further batch
    if stopped or due:
        record.finish(recorded.state)
    if stopped:
        stop.stop()
    return history


class _Done(NamedTuple):
    """Numbers by which the place in a fit is counted."""

    initial_epoch: int
    steps: int
    endless: bool


def _resume(state, facts, recorded, batches, fit, run):
    """Goes on with a fit: the rest of an epoch first, because it has fewer steps."""
    model, epoch, step, last = recorded.model, facts["epoch"], facts["step"], recorded.epochs
    say(f"Going on with {recorded.name} in epoch {epoch + 1} of {last}, after {step} steps.")
    set_epochs_trained(model, state)
    recorded.resume(state, step)

    def train(epoch, step, end):
        epochs = epoch - fit.initial_epoch
        with starting_at(Position(epochs, step, epochs * fit.steps + step)):
            return run(
                batches(),
                epochs=end,
                callbacks=recorded,
                initial_epoch=epoch,
                steps_per_epoch=fit.steps - step if fit.endless else None,
            )

    if not step:
        return train(epoch, 0, last)
    recorded.is_last = epoch + 1 == last
    history = train(epoch, step, epoch + 1)
    if not recorded.is_last:
        recorded.is_last = True
        if model.stop_training:
            recorded.end()
        else:
            history = train(epoch + 1, 0, last)
    return history
