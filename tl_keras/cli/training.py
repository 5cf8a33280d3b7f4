"""The commands that train: `train` and `lr-find`."""

from typing import Annotated

import typer

from tl_keras.checks import InputError
from tl_keras.cli.application import (
    BACKBONE_HELP,
    DATA_HELP,
    UNFREEZE_HELP,
    WEIGHTS_HELP,
    app,
    by_start,
    fractions,
    given,
    load,
)
from tl_keras.config import DROPOUT, TrainConfig
from tl_keras.training.settings import PRETRAINED, FineTuneSettings, PseudoLabelSettings


def _of_pseudo_labels(words, setting):
    """The help of an option of the phase with pseudo-labels."""
    return f"{words}; default: {getattr(PseudoLabelSettings, setting)}."


def _pseudo_labels(unlabelled, own, shared):
    """The settings of the phase with pseudo-labels; None without one.

    Args:
        unlabelled: the option.
        own: the options of this phase alone that were given.
        shared: those that were given of all phases.
    """
    if unlabelled is not None:
        own = {name.removeprefix("pseudo_"): value for name, value in own.items()}
        return PseudoLabelSettings(**own, **shared)
    for name, value in own.items():
        raise InputError(
            f"Expected {name} only with unlabelled pictures; received {name}={value!r} without. "
            f"Give --unlabelled or leave it out."
        )
    return None


@app.command()
def train(
    backbone: Annotated[str, typer.Option(help=BACKBONE_HELP)],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    weights: Annotated[str | None, typer.Option(help=WEIGHTS_HELP)] = None,
    head: Annotated[
        str, typer.Option(help="linear, gap, attention, gated or residual.")
    ] = TrainConfig.head,
    hidden_units: Annotated[
        int | None, typer.Option(help="Width of the head's hidden layer; default: 1024.")
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help=f"Rate before the last layer; default: 0 from a linear start, else {DROPOUT}."
        ),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels; default: the backbone's own.")
    ] = None,
    freeze_epochs: Annotated[
        int | None, typer.Option(help=by_start("Epochs of the head alone", "freeze_epochs"))
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help=by_start("Epochs with the unfrozen part", "epochs"))
    ] = None,
    unfreeze: Annotated[str | None, typer.Option(help=UNFREEZE_HELP)] = None,
    optimizer: Annotated[str, typer.Option(help="adam, sgd or rmsprop.")] = "adam",
    linear_start: Annotated[
        bool | None,
        typer.Option(
            help="Start from a logistic regression on frozen features; default: where nothing "
            "speaks against it."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="fast (the linear start alone), balanced (and fine-tuning; the default) or "
            "best (and a gentler and a stronger one)."
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Time limit; it chooses the preset, whatever --preset says."),
    ] = None,
    refit: Annotated[
        bool | None,
        typer.Option(
            help="Repeat the chosen training on train and val together; default: from a linear "
            "start, without --labels-per-class or --unlabelled."
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            help=by_start("Highest learning rate of the head", "lr", "by the number of images")
        ),
    ] = None,
    backbone_lr_factor: Annotated[
        float | None,
        typer.Option(help=by_start("Factor on it for the backbone", "backbone_lr_factor")),
    ] = None,
    depth_decay: Annotated[
        float | None,
        typer.Option(help=by_start("Further factor at the backbone's bottom", "depth_decay")),
    ] = None,
    schedule: Annotated[
        str, typer.Option(help="cosine (with warm-up), one-cycle or constant.")
    ] = "cosine",
    weight_decay: Annotated[
        float | None,
        typer.Option(help=f"Decoupled weight decay; default: {PRETRAINED['weight_decay']}."),
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help=by_start("0 for none", "label_smoothing"))
    ] = None,
    class_weights: Annotated[
        str, typer.Option(help="balanced: every class counts the same in the loss; or none.")
    ] = FineTuneSettings.class_weights,
    objective: Annotated[str, typer.Option(help="plain, l2-sp or joint.")] = "plain",
    l2_sp_weight: Annotated[
        float | None, typer.Option(help="l2-sp: pull of the backbone to its start; default 0.1.")
    ] = None,
    l2_sp_head_weight: Annotated[
        float | None, typer.Option(help="l2-sp: pull of the head to zero; default 0.01.")
    ] = None,
    source_data: Annotated[
        str | None, typer.Option(help="joint: the source, in any form that --data takes.")
    ] = None,
    source_weight: Annotated[
        float | None, typer.Option(help="joint: weight of the source's loss; default 1.")
    ] = None,
    mixup: Annotated[
        float | None,
        typer.Option(
            help="Mixes pictures in pairs; default: 1 where long training mirrors, else 0."
        ),
    ] = None,
    cutmix: Annotated[
        float | None,
        typer.Option(help="Part of the mixed pictures that are cut, not blended; default: 0.5."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pictures a step; default: 32, or what suits the data.")
    ] = None,
    labels_per_class: Annotated[
        int | None, typer.Option(help="Train on only so many pictures of each class.")
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            help="Pictures without labels for a last phase with pseudo-labels; rest: what "
            "--labels-per-class leaves out."
        ),
    ] = None,
    pseudo_epochs: Annotated[
        int | None,
        typer.Option(
            help=_of_pseudo_labels("Epochs of that phase, over the unlabelled pictures", "epochs")
        ),
    ] = None,
    pseudo_lr: Annotated[
        float | None, typer.Option(help=_of_pseudo_labels("Its highest learning rate", "lr"))
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            help=_of_pseudo_labels(
                "Probability from which on an answer is taken for a label", "confidence"
            )
        ),
    ] = None,
    unlabelled_weight: Annotated[
        float | None,
        typer.Option(
            help=_of_pseudo_labels("Weight of the pseudo-labels' loss", "unlabelled_weight")
        ),
    ] = None,
    unlabelled_ratio: Annotated[
        int | None,
        typer.Option(
            help=_of_pseudo_labels(
                "Unlabelled pictures to each labelled one in a batch", "unlabelled_ratio"
            )
        ),
    ] = None,
    augment: Annotated[
        str, typer.Option(help="auto, none, flip, photos, digits or cifar.")
    ] = "auto",
    cache: Annotated[
        str, typer.Option(help="Features of the frozen part: auto, memory, disk or none.")
    ] = "auto",
    cache_dtype: Annotated[
        str | None, typer.Option(help="float32 or float16; default: what has room.")
    ] = None,
    cache_gb: Annotated[
        float | None,
        typer.Option(
            help="Gigabytes for cached images and features; default: a share of what is free."
        ),
    ] = None,
    views: Annotated[
        int | None, typer.Option(help="Augmented versions cached of each picture.")
    ] = None,
    batch_norm: Annotated[
        str | None, typer.Option(help=by_start("frozen or train", "batch_norm"))
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            help="Without a linear start: epochs without improvement that end a phase; 0 for never."
        ),
    ] = 0,
    split: Annotated[
        str, typer.Option(help="Train, val, test fractions where the data has no split.")
    ] = "0.8,0.1,0.1",
    on_bad_image: Annotated[str, typer.Option(help="refuse or skip.")] = "refuse",
    on_duplicate: Annotated[
        str, typer.Option(help="Pictures in two splits: report or refuse.")
    ] = "report",
    test_time_flips: Annotated[
        bool | None,
        typer.Option(help="Average over mirror images; default: where training mirrors."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of splits, order, augmentation, weights.")] = 0,
    out: Annotated[str | None, typer.Option(help="Run folder, e.g. runs/cats.")] = None,
):
    """Trains a classifier on labelled pictures and writes a run folder with a report."""
    config = TrainConfig(
        backbone=backbone,
        data=data,
        weights=weights,
        head=head,
        hidden_units=hidden_units,
        dropout=dropout,
        image_size=image_size,
        labels_per_class=labels_per_class,
        source_data=source_data,
        unlabelled=unlabelled,
        split=fractions(split),
        on_bad_image=on_bad_image,
        on_duplicate=on_duplicate,
        test_time_flips=test_time_flips,
        out=out,
        fine_tune=FineTuneSettings(
            freeze_epochs=freeze_epochs,
            epochs=epochs,
            unfreeze=unfreeze,
            optimizer=optimizer,
            lr=lr,
            backbone_lr_factor=backbone_lr_factor,
            depth_decay=depth_decay,
            schedule=schedule,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            mixup=mixup,
            cutmix=cutmix,
            batch_size=batch_size,
            augment=augment,
            cache=cache,
            cache_dtype=cache_dtype,
            cache_gb=cache_gb,
            views=views,
            batch_norm=batch_norm,
            patience=patience or None,
            seed=seed,
            class_weights=class_weights,
            objective=objective,
            l2_sp_weight=l2_sp_weight,
            l2_sp_head_weight=l2_sp_head_weight,
            source_weight=source_weight,
            linear_start=linear_start,
            preset=preset,
            refit=refit,
            minutes=minutes,
        ),
        pseudo_labels=_pseudo_labels(
            unlabelled,
            given(
                pseudo_epochs=pseudo_epochs,
                pseudo_lr=pseudo_lr,
                confidence=confidence,
                unlabelled_weight=unlabelled_weight,
                unlabelled_ratio=unlabelled_ratio,
            ),
            given(
                optimizer=optimizer,
                backbone_lr_factor=backbone_lr_factor,
                depth_decay=depth_decay,
                schedule=schedule,
                weight_decay=weight_decay,
                label_smoothing=label_smoothing,
                batch_size=batch_size,
                augment=augment,
                patience=patience or None,
                seed=seed,
            ),
        ),
    )
    load("jobs.train.train", "train")(config)


@app.command()
def lr_find(
    backbone: Annotated[str, typer.Option(help=BACKBONE_HELP)],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    weights: Annotated[str | None, typer.Option(help=WEIGHTS_HELP)] = None,
    head: Annotated[str, typer.Option(help="As in train.")] = TrainConfig.head,
    hidden_units: Annotated[int | None, typer.Option(help="As in train.")] = None,
    image_size: Annotated[int | None, typer.Option(help="As in train.")] = None,
    unfreeze: Annotated[str | None, typer.Option(help=UNFREEZE_HELP)] = None,
    optimizer: Annotated[
        str, typer.Option(help="adam, sgd or rmsprop.")
    ] = FineTuneSettings.optimizer,
    backbone_lr_factor: Annotated[float | None, typer.Option(help="As in train.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="As in train.")] = None,
    labels_per_class: Annotated[int | None, typer.Option(help="As in train.")] = None,
    augment: Annotated[str, typer.Option(help="As in train.")] = FineTuneSettings.augment,
    class_weights: Annotated[
        str, typer.Option(help="As in train.")
    ] = FineTuneSettings.class_weights,
    seed: Annotated[int, typer.Option(help="As in train.")] = FineTuneSettings.seed,
    lowest: Annotated[float, typer.Option(help="First learning rate.")] = 1e-6,
    highest: Annotated[float, typer.Option(help="Last learning rate.")] = 1.0,
    steps: Annotated[int, typer.Option(help="Number of rates.")] = 100,
    out: Annotated[str, typer.Option(help="Plot of the loss by rate, .png.")] = "lr.png",
):
    """Tests learning rates: prints one for `tl-keras train --lr` and plots why."""
    config = TrainConfig(
        backbone=backbone,
        data=data,
        weights=weights,
        head=head,
        hidden_units=hidden_units,
        image_size=image_size,
        labels_per_class=labels_per_class,
        fine_tune=FineTuneSettings(
            unfreeze=unfreeze,
            optimizer=optimizer,
            backbone_lr_factor=backbone_lr_factor,
            batch_size=batch_size,
            augment=augment,
            seed=seed,
            class_weights=class_weights,
        ),
    )
    find = load("jobs.lr_find", "lr_find")
    find(config, lowest=lowest, highest=highest, steps=steps, out=out)
