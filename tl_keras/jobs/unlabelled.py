"""What `tl-keras train --unlabelled` adds: pictures without labels, and a phase that uses them."""

import dataclasses

from tl_keras.config import REST
from tl_keras.data.classes import keep_classes
from tl_keras.data.sources import load_dataset, load_pictures
from tl_keras.data.splits import keep_and_rest
from tl_keras.jobs.measuring import headline, measure
from tl_keras.progress import say
from tl_keras.training.phases import append_history
from tl_keras.training.pseudo_labels import fit_with_pseudo_labels, with_batch_size


def load_data(config):
    """Returns the `Splits` that `config` asks for, and the pictures without labels or None."""
    rest = config.unlabelled == REST
    splits = load_dataset(
        config.data,
        seed=config.seed,
        split_fractions=config.split,
        labels_per_class=None if rest else config.labels_per_class,
        on_bad_image=config.on_bad_image,
        on_duplicate=config.on_duplicate,
    )
    if rest:
        kept, others = keep_and_rest(splits.train, config.labels_per_class, config.seed)
        return splits._replace(train=kept), others
    if config.unlabelled is None:
        return splits, None
    return splits, load_pictures(config.unlabelled, on_bad_image=config.on_bad_image)[0]


def ready(config, start, unlabelled):
    """Checks that a training can use the pictures without labels, before it begins.

    Args:
        config: `TrainConfig`.
        start: `StartingPoint`.
        unlabelled: `ImageDataset`, or None.

    Returns:
        `config` with the batch size, and the pictures, of the classes of `start` if known.

    Raises:
        InputError: there are too few.
    """
    if unlabelled is None:
        return config, None
    train = start.splits.train
    if unlabelled.labels is not None and config.unlabelled == REST:
        unlabelled = keep_classes(unlabelled, train.class_names)
    settings = dataclasses.replace(config.pseudo_labels, seed=config.seed)
    settings = with_batch_size(settings, train, unlabelled)
    return dataclasses.replace(config, pseudo_labels=settings), unlabelled


def go_on(history, config, start, unlabelled):
    """Trains the classifier of `start` on, with pseudo-labels; appends to `history`.

    `history.labels_alone` becomes the test figures from before.
    """
    _, before = measure(start.model, start.splits.test)
    history.labels_alone = headline(before)
    say(f"Pseudo-labels for {len(unlabelled)} pictures without labels:")
    splits, settings = start.splits, dataclasses.asdict(config.pseudo_labels)
    more = fit_with_pseudo_labels(start.model, splits.train, unlabelled, splits.val, **settings)
    append_history(history, more)


def unlabelled_figures(history, unlabelled):
    """The content of "unlabelled" in metrics.json: rates of the last epoch, and the way before."""
    figures = {"pictures": len(unlabelled), "labels_alone": history.labels_alone}
    for name in ("pseudo_label_rate", "pseudo_label_accuracy"):
        if name in history.history:
            figures[name] = history.history[name][-1]
    return figures
