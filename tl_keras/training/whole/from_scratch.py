"""Training a whole network from random weights, fast for small networks and small images."""

from collections.abc import Sequence

import keras

from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.whole_model import FromScratchSettings
from tl_keras.training.fine_tuning.inputs import LabelledData
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.whole_model import fit_whole, image_batches, labelled_for


@shows_settings(FromScratchSettings)
def fit_from_scratch(
    model: keras.Model,
    train: LabelledData,
    val: LabelledData | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **settings: object,
) -> TrainingHistory:
    """Trains every layer of a model that is not frozen, from its weights as they are.

    Results are those of `compile` and `fit` with the same optimizer, on the project's pipeline:
    order and augmentation depend on (seed, epoch, index) only. The weights of the best validation
    epoch are kept. Small networks spend much of a step outside their layers, so Adam's update is
    one fused operation and many steps run in one call, with the results of plain Keras.

    Example:
        model = CNN(10, architecture="small")
        history = fit_from_scratch(model, train, val, epochs=12)

    Args:
        model: classifier with one output vector per image: `MLP`, `CNN`, `RNN`, or any built
            Functional or Sequential model. A baseline that is not built gets the size of the
            images, and one channel if all of them are grey.
        train: `ImageDataset`; a pair (x, y); or a finite batched `tf.data.Dataset` of such pairs.
            x are images 0-255 (n, h, w), (n, h, w, 1) or (n, h, w, 3), and y class numbers (n,).
        val: validation data likewise; None keeps the last weights.
        callbacks: Keras callbacks. They see one batch in 32, the last of each execution.
        **settings: see `FromScratchSettings`, whose fields `help` lists.

    Returns:
        `TrainingHistory` with the phase "from_scratch".

    Raises:
        InputError: a setting, the data or the model cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the best weights before that.
    """
    settings = FromScratchSettings(**settings)
    history = TrainingHistory()
    with history.timing("total"):
        train, val = labelled_for(model, train, val)
        if settings.epochs:
            fit_whole(
                history,
                "from_scratch",
                model,
                settings,
                size=len(train),
                batches_of=image_batches(model, train, settings),
                val=val,
                callbacks=callbacks,
            )
        compile_for_use(model, settings.optimizer, settings.lr)
    history.set_model(model)
    return history
