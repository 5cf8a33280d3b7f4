"""The command `compare`."""

from typing import Annotated

import typer

from tl_keras.checks import InputError
from tl_keras.cli.application import (
    BACKBONE_HELP,
    DATA_HELP,
    app,
    fractions,
    given,
    load,
)
from tl_keras.jobs.compare.settings import CompareConfig

METHODS_HELP = (
    "Separated by commas: scratch:mlp, scratch:cnn, scratch:rnn, scratch:BASE, scratch, linear, "
    "frozen, fine-tune, l2-sp, joint; frozen:ENCODER and the like for another net than --backbone; "
    "simclr, simsiam, vicreg, autoencoder, vae, gan: pretrained here without labels, then tuned."
)


@app.command()
def compare(
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    methods: Annotated[str, typer.Option(help=METHODS_HELP)] = "scratch:cnn,linear,fine-tune",
    labels_per_class: Annotated[
        str, typer.Option(help="Numbers of labels, separated by commas.")
    ] = "10,50,250",
    backbone: Annotated[str | None, typer.Option(help=BACKBONE_HELP)] = CompareConfig.backbone,
    weights: Annotated[
        str | None, typer.Option(help="imagenet (the default), random or a file.")
    ] = None,
    head: Annotated[str | None, typer.Option(help="As in train.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each method.")] = CompareConfig.seeds,
    epochs: Annotated[
        int | None, typer.Option(help="Of each run; default 30.")
    ] = CompareConfig.epochs,
    seconds: Annotated[
        float | None, typer.Option(help="Of each run; without --epochs it alone decides.")
    ] = CompareConfig.seconds,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels for backbones.")
    ] = CompareConfig.image_size,
    baseline_size: Annotated[
        int | None, typer.Option(help="The same for mlp, cnn, rnn; default: the pictures' own.")
    ] = CompareConfig.baseline_size,
    augment: Annotated[str, typer.Option(help="As in train.")] = CompareConfig.augment,
    views: Annotated[
        int | None,
        typer.Option(
            help=f"Augmented versions cached of each picture; default: {CompareConfig.views}."
        ),
    ] = None,
    pretrain_epochs: Annotated[
        int | None, typer.Option(help="Of each pretraining; default: as in pretrain.")
    ] = CompareConfig.pretrain_epochs,
    pretrain_minutes: Annotated[
        float | None, typer.Option(help="Time limit of simclr, simsiam and vicreg.")
    ] = CompareConfig.pretrain_minutes,
    source_data: Annotated[
        str | None, typer.Option(help="joint: the source, in any form that --data takes.")
    ] = CompareConfig.source_data,
    test_pictures: Annotated[
        int | None, typer.Option(help="Measure on only so many test pictures.")
    ] = CompareConfig.test_pictures,
    split: Annotated[str, typer.Option(help="As in train.")] = "0.8,0.1,0.1",
    on_bad_image: Annotated[str, typer.Option(help="refuse or skip.")] = CompareConfig.on_bad_image,
    seed: Annotated[int, typer.Option(help="The first seed.")] = CompareConfig.seed,
    out: Annotated[
        str | None, typer.Option(help="Run folder; one that was stopped goes on.")
    ] = CompareConfig.out,
):
    """Compares ways of training by the number of labels, on a page with a verdict."""
    settings = {
        "methods": tuple(name.strip() for name in methods.split(",")),
        "labels_per_class": _integers(labels_per_class),
        "backbone": backbone,
        "weights": weights,
        "head": head,
        "seeds": seeds,
        "epochs": epochs,
        "seconds": seconds,
        "image_size": image_size,
        "baseline_size": baseline_size,
        "augment": augment,
        "views": views,
        "pretrain_epochs": pretrain_epochs,
        "pretrain_minutes": pretrain_minutes,
        "source_data": source_data,
        "test_pictures": test_pictures,
        "split": fractions(split),
        "on_bad_image": on_bad_image,
        "seed": seed,
        "out": out,
    }
    # What was not given has the defaults of `CompareConfig`.
    settings = given(**settings)
    CompareConfig(data=data, **settings)  # refuses at once what needs no TensorFlow to be refused
    load("jobs.compare.compare", "compare")(data, **settings)


def _integers(text):
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"Expected labels_per_class to be integers such as 10,50,250; received {text!r}."
        ) from None
