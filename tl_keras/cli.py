"""The `tl-keras` command: parses, builds a configuration, calls a job. Loads no TensorFlow."""

import importlib
import os
import signal
import sys
from typing import Annotated

import typer

from tl_keras.checks import InputError
from tl_keras.config import TrainConfig
from tl_keras.training.settings import DistillSettings, FineTuneSettings, PruneSettings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Transfer learning and label-free learning for pictures.",
)

DATA_HELP = (
    "Folder with one sub-folder a class (or train/ val/ test/ of such), .npz, or digits, "
    "mnist, fashion_mnist, cifar10, cifar100."
)


BACKBONE_HELP = "Name (see `tl-keras backbones`), encoder file or run folder."
WEIGHTS_HELP = "imagenet, auto, random or a file."
UNFREEZE_HELP = "half, last:N, from:LAYER, all or none."


@app.command()
def train(
    backbone: Annotated[str, typer.Option(help=BACKBONE_HELP)],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    weights: Annotated[str, typer.Option(help=WEIGHTS_HELP)] = "imagenet",
    head: Annotated[str, typer.Option(help="gap, linear, attention, gated or residual.")] = "gap",
    hidden_units: Annotated[int, typer.Option(help="Width of the head's hidden layer.")] = 1024,
    dropout: Annotated[float, typer.Option(help="Rate before the last layer.")] = 0.5,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels; default: the backbone's own.")
    ] = None,
    freeze_epochs: Annotated[int, typer.Option(help="Epochs of the head alone.")] = 3,
    epochs: Annotated[int, typer.Option(help="Epochs with the unfrozen part.")] = 24,
    unfreeze: Annotated[str, typer.Option(help=UNFREEZE_HELP)] = "half",
    optimizer: Annotated[str, typer.Option(help="adam, sgd or rmsprop.")] = "adam",
    lr: Annotated[float, typer.Option(help="Highest learning rate of the head.")] = 1e-3,
    backbone_lr_factor: Annotated[
        float, typer.Option(help="Factor on it for the backbone.")
    ] = FineTuneSettings.backbone_lr_factor,
    depth_decay: Annotated[
        float, typer.Option(help="Further factor at the backbone's bottom.")
    ] = FineTuneSettings.depth_decay,
    schedule: Annotated[
        str, typer.Option(help="cosine (with warm-up), one-cycle or constant.")
    ] = "cosine",
    weight_decay: Annotated[
        float, typer.Option(help="Decoupled weight decay.")
    ] = FineTuneSettings.weight_decay,
    label_smoothing: Annotated[
        float, typer.Option(help="0 for none.")
    ] = FineTuneSettings.label_smoothing,
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
    batch_size: Annotated[
        int | None, typer.Option(help="Pictures a step; default: 32, less for little data.")
    ] = None,
    labels_per_class: Annotated[
        int | None, typer.Option(help="Train on only so many pictures of each class.")
    ] = None,
    augment: Annotated[
        str, typer.Option(help="auto, none, flip, photos, digits or cifar.")
    ] = "auto",
    cache: Annotated[
        str, typer.Option(help="Features of the frozen part: auto, memory, disk or none.")
    ] = "auto",
    cache_dtype: Annotated[str, typer.Option(help="float32 or float16.")] = "float32",
    views: Annotated[
        int | None, typer.Option(help="Augmented versions cached of each picture.")
    ] = None,
    batch_norm: Annotated[str, typer.Option(help="frozen or train.")] = "frozen",
    patience: Annotated[
        int, typer.Option(help="Epochs without improvement before a phase ends; 0 for never.")
    ] = 10,
    split: Annotated[
        str, typer.Option(help="Train, val, test fractions where the data has no split.")
    ] = "0.8,0.1,0.1",
    on_bad_image: Annotated[str, typer.Option(help="refuse or skip.")] = "refuse",
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
        split=_fractions(split),
        on_bad_image=on_bad_image,
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
            batch_size=batch_size,
            augment=augment,
            cache=cache,
            cache_dtype=cache_dtype,
            views=views,
            batch_norm=batch_norm,
            patience=patience or None,
            seed=seed,
            objective=objective,
            l2_sp_weight=l2_sp_weight,
            l2_sp_head_weight=l2_sp_head_weight,
            source_weight=source_weight,
        ),
    )
    _load("jobs.train", "train")(config)


@app.command()
def lr_find(
    backbone: Annotated[str, typer.Option(help=BACKBONE_HELP)],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    weights: Annotated[str, typer.Option(help=WEIGHTS_HELP)] = TrainConfig.weights,
    head: Annotated[str, typer.Option(help="As in train.")] = TrainConfig.head,
    hidden_units: Annotated[int, typer.Option(help="As in train.")] = TrainConfig.hidden_units,
    image_size: Annotated[int | None, typer.Option(help="As in train.")] = None,
    unfreeze: Annotated[str, typer.Option(help=UNFREEZE_HELP)] = FineTuneSettings.unfreeze,
    optimizer: Annotated[
        str, typer.Option(help="adam, sgd or rmsprop.")
    ] = FineTuneSettings.optimizer,
    backbone_lr_factor: Annotated[
        float, typer.Option(help="As in train.")
    ] = FineTuneSettings.backbone_lr_factor,
    batch_size: Annotated[int | None, typer.Option(help="As in train.")] = None,
    labels_per_class: Annotated[int | None, typer.Option(help="As in train.")] = None,
    augment: Annotated[str, typer.Option(help="As in train.")] = FineTuneSettings.augment,
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
        ),
    )
    find = _load("jobs.lr_find", "lr_find")
    find(config, lowest=lowest, highest=highest, steps=steps, out=out)


RunArgument = Annotated[str, typer.Argument(help="Run folder of `tl-keras train`.")]


@app.command()
def evaluate(
    run: RunArgument,
    data: Annotated[str | None, typer.Option(help=f"Default: the run's own. {DATA_HELP}")] = None,
    split: Annotated[str, typer.Option(help="train, val, test or all.")] = "test",
    out: Annotated[str | None, typer.Option(help="Also write the figures to this .json.")] = None,
):
    """Measures a trained classifier on labelled pictures."""
    _load("jobs.evaluate", "evaluate")(run, data=data, split=split, out=out)


@app.command()
def predict(
    run: RunArgument,
    paths: Annotated[list[str], typer.Argument(help="Pictures or folders of pictures.")],
    out: Annotated[str, typer.Option(help="CSV with one row a picture.")] = "predictions.csv",
    batch_size: Annotated[int, typer.Option(help="Pictures a step.")] = 32,
):
    """Says what is on pictures: label, probability, and the probability of every class."""
    _load("jobs.predict", "predict")(run, paths, out=out, batch_size=batch_size)


@app.command()
def export(
    run: RunArgument,
    format: Annotated[str, typer.Option(help="saved_model, onnx or litert.")] = "saved_model",  # noqa: A002
    out: Annotated[str | None, typer.Option(help="Default: RUN/export.")] = None,
):
    """Writes a trained classifier for use without Keras."""
    _load("jobs.export", "export")(run, format=format, out=out)


@app.command()
def backbones():
    """Lists the names of all backbones."""
    typer.echo("\n".join(_load("models.backbones", "list_backbones")()))


@app.command()
def distill(
    run: RunArgument,
    student: Annotated[
        str, typer.Option(help="cnn:small, cnn:dropout, cnn:lenet, mlp, rnn:lstm or rnn:gru.")
    ] = "cnn:small",
    data: Annotated[str | None, typer.Option(help=f"Default: the run's own. {DATA_HELP}")] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(help="Pictures without labels; rest: what --labels-per-class left out."),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Of the student; default: that of the pictures, or 64.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="Of both softmaxes.")
    ] = DistillSettings.temperature,
    alpha: Annotated[
        float, typer.Option(help="Weight of the teacher, 0 to 1.")
    ] = DistillSettings.alpha,
    views: Annotated[
        int | None, typer.Option(help="Augmented versions that the teacher is asked about.")
    ] = None,
    epochs: Annotated[
        int, typer.Option(help="Epochs, over the unlabelled pictures too.")
    ] = DistillSettings.epochs,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = DistillSettings.lr,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    augment: Annotated[str, typer.Option(help="As in train.")] = DistillSettings.augment,
    seed: Annotated[
        int, typer.Option(help="Of order, augmentation, weights.")
    ] = DistillSettings.seed,
    out: Annotated[str | None, typer.Option(help="Run folder, new or empty.")] = None,
):
    """Trains a small net on what a trained classifier says of the pictures."""
    _load("jobs.distill", "distill")(
        run,
        student=student,
        data=data,
        unlabelled=unlabelled,
        image_size=image_size,
        out=out,
        temperature=temperature,
        alpha=alpha,
        views=views,
        epochs=epochs,
        lr=lr,
        batch_size=batch_size,
        augment=augment,
        seed=seed,
    )


@app.command()
def prune(
    run: RunArgument,
    sparsity: Annotated[float, typer.Option(help="Share of the weights to take, 0 to 1.")],
    scope: Annotated[
        str, typer.Option(help="global, or layer: the same share of each.")
    ] = PruneSettings.scope,
    also: Annotated[
        list[str] | None, typer.Option(help="Spared unless named: depthwise, last.")
    ] = None,
    prune_epochs: Annotated[
        int, typer.Option(help="Epochs in which the sparsity rises.")
    ] = PruneSettings.prune_epochs,
    epochs: Annotated[int, typer.Option(help="Epochs after that.")] = PruneSettings.epochs,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = PruneSettings.lr,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    augment: Annotated[str, typer.Option(help="As in train.")] = PruneSettings.augment,
    seed: Annotated[int, typer.Option(help="Of order and augmentation.")] = PruneSettings.seed,
    out: Annotated[str | None, typer.Option(help="Run folder, new or empty.")] = None,
):
    """Sets the smallest weights of a trained classifier to zero and trains the others on."""
    _load("jobs.prune", "prune")(
        run,
        sparsity=sparsity,
        out=out,
        scope=scope,
        also=tuple(also or ()),
        prune_epochs=prune_epochs,
        epochs=epochs,
        lr=lr,
        batch_size=batch_size,
        augment=augment,
        seed=seed,
    )


def _load(module, name):
    """Returns a function of the package; TensorFlow is loaded here and not before.

    Its native log lines while loading (no GPU found, and the like) bypass Python and every log
    level; nobody can act on them, so standard error is closed to them for that moment.
    """
    sys.stderr.flush()
    standard_error = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            loaded = importlib.import_module(f"tl_keras.{module}")
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
    return getattr(loaded, name)


def _fractions(text):
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"Expected split to be three numbers such as 0.8,0.1,0.1; received {text!r}."
        ) from None


def main():
    """Runs the command; what the user can mend is one line and status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        app()
    except InputError as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


if __name__ == "__main__":
    main()
