"""`tl-keras lr-find`: learning rate range test of a training run, with its plot."""

import keras

from tl_keras.checks import InputError
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.loading import load_dataset
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.files import replacing
from tl_keras.jobs.output_files import check_output, image_of
from tl_keras.jobs.runs.replicated import replicated
from tl_keras.jobs.train.starting_point import check_names, starting_point
from tl_keras.models.backbones.backbone import need_weights
from tl_keras.progress import say
from tl_keras.reports.figures.rate_figures import plot_lr_find
from tl_keras.reports.figures.style import render_png
from tl_keras.settings.fine_tune import StepSettings
from tl_keras.settings.options.declaration import values_of
from tl_keras.settings.train import RangeSettings
from tl_keras.training.lr_find import lr_find as find


@replicated
def lr_find(settings):
    """Tests learning rates on the model that `tl-keras train` would train; prints the best.

    Args:
        settings: `LrFindSettings`.

    Returns:
        `tl_keras.training.lr_find.RangeTest`.

    Raises:
        InputError: something cannot be used, or the loss never fell; the plot is written then too.
    """
    check_output(settings.out, image_of("lr-find"))
    out, rates = settings.out, values_of(settings, RangeSettings)
    config = settings.for_training()
    check_names(config)
    keras.utils.set_random_seed(config.seed)
    need_weights(config.backbone, config.weights, config.data, config.image_size)
    splits = load_dataset(
        config.data,
        seed=config.seed,
        split_fractions=config.split,
        labels_per_class=config.labels_per_class,
        on_bad_image=config.on_bad_image,
        sounds=Sounds.asked(config),
        fixes=config.fixes,
        group_by=config.group_by or DUPLICATES,
    )
    start = starting_point(config, splits)
    tuning = start.settings(config.fine_tune)
    result = find(start.model, start.splits.train, **rates, **values_of(tuning, StepSettings))
    with replacing(out) as temporary:
        temporary.write_bytes(render_png(plot_lr_find(result)))
    if result.suggestion is None:
        raise InputError(
            f"Expected a loss that falls between the rates {settings.lowest:g} and "
            f"{result.rates[-1]:g}; received one that only rises, see {out}. Give a "
            "smaller --lowest or more --steps."
        )
    say(f"Suggested --lr {result.suggestion:.2g}, a tenth of the rate with the lowest loss: {out}")
    print(f"{result.suggestion:.2g}")  # noqa: T201 - the result of the command
    return result
