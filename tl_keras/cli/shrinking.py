"""The commands that make a finished run smaller: `distill` and `prune`."""

from typing import Annotated

import typer

from tl_keras.cli.application import DATA_HELP, app, load
from tl_keras.cli.runs import RunArgument


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
    temperature: Annotated[float, typer.Option(help="Of both softmaxes.")] = 4.0,
    alpha: Annotated[float, typer.Option(help="Weight of the teacher, 0 to 1.")] = 0.9,
    views: Annotated[
        int | None, typer.Option(help="Augmented versions that the teacher is asked about.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs, over the unlabelled pictures too.")] = 12,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    augment: Annotated[str, typer.Option(help="As in train.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of order, augmentation, weights.")] = 0,
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
    ] = "global",
    also: Annotated[
        list[str] | None, typer.Option(help="Spared unless named: depthwise, last.")
    ] = None,
    prune_epochs: Annotated[int, typer.Option(help="Epochs in which the sparsity rises.")] = 4,
    epochs: Annotated[int, typer.Option(help="Epochs after that.")] = 8,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 3e-4,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    augment: Annotated[str, typer.Option(help="As in train.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of order and augmentation.")] = 0,
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
