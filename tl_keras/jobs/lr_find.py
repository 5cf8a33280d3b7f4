"""`tl-keras lr-find`: which learning rate a training run could use, and the plot that shows it."""

import keras

from tl_keras.checks import InputError
from tl_keras.data.loading import load_dataset
from tl_keras.files import replacing
from tl_keras.jobs.train.starting_point import check_names, starting_point
from tl_keras.progress import say
from tl_keras.reports.figures.rate_figures import plot_lr_find
from tl_keras.reports.figures.style import render_png
from tl_keras.training.lr_find import SETTINGS
from tl_keras.training.lr_find import lr_find as find


def lr_find(config, *, lowest, highest, steps, out):
    """Tests learning rates on what `tl-keras train` would train; prints the suggested one.

    Args:
        config: `TrainConfig`; of its `fine_tune` those settings count that play a part here.
        lowest, highest, steps: see `tl_keras.lr_find`.
        out: .png file for the plot.

    Returns:
        `tl_keras.training.lr_find.RangeTest`.

    Raises:
        InputError: something cannot be used, or the loss never fell; the plot is written then too.
    """
    if not str(out).endswith(".png"):
        raise InputError(f"Expected out to end in .png; received {out}.")
    check_names(config)
    keras.utils.set_random_seed(config.seed)
    splits = load_dataset(
        config.data,
        seed=config.seed,
        split_fractions=config.split,
        labels_per_class=config.labels_per_class,
        on_bad_image=config.on_bad_image,
    )
    start = starting_point(config, splits)
    tuning = start.settings(config.fine_tune)
    settings = {name: getattr(tuning, name) for name in SETTINGS}
    result = find(
        start.model, start.splits.train, lowest=lowest, highest=highest, steps=steps, **settings
    )
    with replacing(out) as temporary:
        temporary.write_bytes(render_png(plot_lr_find(result)))
    if result.suggestion is None:
        raise InputError(
            f"Expected a loss that falls between the rates {lowest:g} and {result.rates[-1]:g}; "
            f"received one that only rises, see {out}. Give a smaller --lowest or more --steps."
        )
    say(f"Suggested --lr {result.suggestion:.2g}, a tenth of the rate with the lowest loss: {out}")
    print(f"{result.suggestion:.2g}")  # noqa: T201 - what the command is for
    return result
