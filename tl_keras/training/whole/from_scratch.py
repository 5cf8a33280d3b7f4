"""Training a whole net from random weights, made fast for small nets and small pictures."""

from tl_keras.settings.signatures import shows_settings
from tl_keras.settings.whole_model import FromScratchSettings
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.whole_model import fit_whole, labelled_for, picture_batches


@shows_settings(FromScratchSettings)
def fit_from_scratch(model, train, val=None, *, callbacks=(), **settings):
    """Trains every layer of a model that is not frozen, from its weights as they are.

    The same as `compile` and `fit` with the same optimizer, on the project's pipeline: order and
    augmentation depend on (seed, epoch, index) only. The weights of the best validation epoch are
    kept. Small nets spend much of a step outside their layers, so Adam's update is one fused
    operation and many steps run in one call; both compute what plain Keras computes.

    Example:
        model = CNN(10, architecture="small")
        history = fit_from_scratch(model, train, val, epochs=12)

    Args:
        model: classifier with one output vector a picture: `MLP`, `CNN`, `RNN`, or any built
            Functional or Sequential model. A baseline that is not built gets the size of the
            pictures, and one channel if all of them are grey.
        train: `ImageDataset`, a pair (x, y) with pictures 0-255 (n, h, w), (n, h, w, 1) or
            (n, h, w, 3) and class numbers (n,), or a finite batched `tf.data.Dataset` of them.
        val: the same for validation, or None: then the last weights are kept.
        callbacks: Keras callbacks. They see one batch in 32, the last of each execution.
        **settings: see `FromScratchSettings`, whose fields `help` lists.

    Returns:
        A `keras.callbacks.History` with `phases`, `best_epoch` (from 0; None if none was better
        than the start) and `seconds` ({"from_scratch", "total"}), as `fine_tune` gives it.

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
                batches_of=picture_batches(model, train, settings),
                val=val,
                callbacks=callbacks,
            )
        compile_for_use(model, settings.optimizer, settings.lr)
    history.set_model(model)
    return history
