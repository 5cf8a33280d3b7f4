"""The commands on finished runs, `evaluate`, `predict` and `export`, and `backbones`."""

from typing import Annotated

import typer

from tl_keras.cli.application import DATA_HELP, app, load

RunArgument = Annotated[str, typer.Argument(help="Run folder of `tl-keras train`.")]


@app.command()
def evaluate(
    run: RunArgument,
    data: Annotated[str | None, typer.Option(help=f"Default: the run's own. {DATA_HELP}")] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, val, test or all; default: test, and all of --data."),
    ] = None,
    out: Annotated[str | None, typer.Option(help="Also write the figures to this .json.")] = None,
):
    """Measures a trained classifier on labelled pictures."""
    load("jobs.evaluate", "evaluate")(run, data=data, split=split, out=out)


@app.command()
def predict(
    run: RunArgument,
    paths: Annotated[list[str], typer.Argument(help="Pictures or folders of pictures.")],
    out: Annotated[str, typer.Option(help="CSV with one row a picture.")] = "predictions.csv",
    batch_size: Annotated[int, typer.Option(help="Pictures a step.")] = 32,
):
    """Says what is on pictures: label, probability, and the probability of every class."""
    load("jobs.predict", "predict")(run, paths, out=out, batch_size=batch_size)


@app.command()
def export(
    run: RunArgument,
    format: Annotated[str, typer.Option(help="saved_model, onnx or litert.")] = "saved_model",  # noqa: A002
    out: Annotated[str | None, typer.Option(help="Default: RUN/export.")] = None,
):
    """Writes a trained classifier for use without Keras."""
    load("jobs.export", "export")(run, format=format, out=out)


@app.command()
def backbones():
    """Lists the names of all backbones."""
    typer.echo("\n".join(load("models.backbones.backbone", "list_backbones")()))
