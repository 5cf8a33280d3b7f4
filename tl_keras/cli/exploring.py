"""The command that looks at pictures before anything is trained: `explore`."""

from typing import Annotated

import typer

from tl_keras.checks import InputError
from tl_keras.cli.application import app, load
from tl_keras.cli.pretraining import DATA_HELP
from tl_keras.jobs.explore.settings import ExploreConfig


@app.command()
def explore(
    data: Annotated[str, typer.Argument(help=DATA_HELP)],
    backbone: Annotated[
        str,
        typer.Option(
            help="Name (see `tl-keras backbones`), encoder file, run folder, or pixels: no net."
        ),
    ] = ExploreConfig.backbone,
    weights: Annotated[
        str | None,
        typer.Option(
            help="imagenet (the default), a file, random, or auto: without ImageNet, pixels."
        ),
    ] = None,
    clusters: Annotated[str, typer.Option(help="Number of clusters, or auto.")] = "auto",
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels; default: the backbone's own, pixels 32.")
    ] = None,
    on_bad_image: Annotated[str, typer.Option(help="refuse or skip.")] = ExploreConfig.on_bad_image,
    seed: Annotated[int, typer.Option(help="Of clusters and map.")] = ExploreConfig.seed,
    out: Annotated[str | None, typer.Option(help="Run folder, e.g. runs/holiday.")] = None,
):
    """Shows what is in unlabelled pictures: a map, clusters, repeats and odd ones."""
    config = ExploreConfig(
        data=data,
        backbone=backbone,
        weights=weights,
        clusters=_number(clusters),
        image_size=image_size,
        on_bad_image=on_bad_image,
        seed=seed,
        out=out,
    )
    load("jobs.explore.explore", "explore")(config)


def _number(text):
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"Expected clusters to be a number or auto; received {text!r}.") from None
