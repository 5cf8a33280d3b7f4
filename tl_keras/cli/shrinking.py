"""The commands that make a finished run smaller: `distill` and `prune`."""

from typing import Annotated

import typer

from tl_keras.cli.application import DATA_HELP, app, load
from tl_keras.cli.runs import RunArgument
from tl_keras.training.settings import DistillSettings, PruneSettings


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
    load("jobs.distill", "distill")(
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
    load("jobs.prune", "prune")(
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
