"""The commands that need no labels: `pretrain`, `generate` and `outliers`."""

from typing import Annotated

import typer

from tl_keras.checks import InputError
from tl_keras.cli.application import app, fractions, load
from tl_keras.jobs.pretrain.settings import PretrainConfig

DATA_HELP = (
    "Folder of pictures, with sub-folders for classes or without; .npz, .npy, or digits, mnist, "
    "fashion_mnist, cifar10, cifar100."
)
METHOD_HELP = (
    "autoencoder or vae: give pictures back; gan: make new ones; simclr, simsiam, vicreg: know two "
    "views of a picture again, the best start for a classifier; supcon: the same with labels."
)
_RunArgument = Annotated[str, typer.Argument(help="Run folder of `tl-keras pretrain`.")]


@app.command()
def pretrain(
    method: Annotated[str, typer.Option(help=METHOD_HELP)],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    latent_dim: Annotated[
        int | None, typer.Option(help="Numbers of a code; default: 32, vae 50, gan 100.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="autoencoder, vae: dense or conv; default: dense for small grey ones."),
    ] = None,
    hidden_units: Annotated[
        str | None, typer.Option(help="autoencoder, vae: widths of Dense layers, as 200,200.")
    ] = None,
    noise: Annotated[
        float | None, typer.Option(help="autoencoder: share of pixels blackened in training.")
    ] = None,
    likelihood: Annotated[
        str | None, typer.Option(help="vae: auto, bernoulli or gaussian.")
    ] = None,
    binarize: Annotated[
        bool | None, typer.Option("--binarize", help="vae: draw pixels black and white anew.")
    ] = None,
    beta: Annotated[float | None, typer.Option(help="vae: weight of the KL term.")] = None,
    free_bits: Annotated[
        float | None, typer.Option(help="vae: nats of each number that cost nothing.")
    ] = None,
    kl_warmup: Annotated[
        int | None, typer.Option(help="vae: steps in which the KL term's weight rises.")
    ] = None,
    objective: Annotated[str | None, typer.Option(help="vae: elbo or iwae.")] = None,
    k: Annotated[int | None, typer.Option(help="vae: samples a picture of iwae.")] = None,
    loss: Annotated[str | None, typer.Option(help="gan: non-saturating or wgan-gp.")] = None,
    conditional: Annotated[
        bool | None,
        typer.Option("--conditional", help="gan: make pictures of a wanted class; needs labels."),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="gan, small_resnet: maps of the first convolution.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="Two views: small_resnet (default), a base, an encoder or a run folder."),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Of a base: random (default), imagenet or a file.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="simclr, supcon: lower looks more at the nearest others.")
    ] = None,
    projection_units: Annotated[
        str | None, typer.Option(help="Two views: widths of the layers before the loss, 128,64.")
    ] = None,
    augment: Annotated[
        str | None, typer.Option(help="Two views: how they differ; auto, or a preset.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Two views: stop after; the rate falls over this time.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Default: some 8,000 steps, gan and two views 3,000.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Pictures a step; default: 128, gan 64, two views 256; less for few."),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Highest learning rate; default: 0.001, gan its own.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels; default: that of arrays, 64 for files.")
    ] = None,
    grid_every: Annotated[
        int | None, typer.Option(help="Epochs between pictures of how it learns.")
    ] = None,
    split: Annotated[str, typer.Option(help="As in train.")] = "0.8,0.1,0.1",
    on_bad_image: Annotated[str, typer.Option(help="refuse or skip.")] = "refuse",
    on_duplicate: Annotated[
        str, typer.Option(help="Pictures in two splits: report or refuse.")
    ] = "report",
    seed: Annotated[int, typer.Option(help="Of splits, order, weights and noise.")] = 0,
    out: Annotated[str | None, typer.Option(help="Run folder, e.g. runs/digits.")] = None,
):
    """Learns from pictures without labels; writes a model, an encoder and a report."""
    config = PretrainConfig(
        method=method,
        data=data,
        latent_dim=latent_dim,
        architecture=architecture,
        hidden_units=_integers("hidden_units", hidden_units, "200,200"),
        noise=noise,
        likelihood=likelihood,
        binarize=binarize,
        beta=beta,
        free_bits=free_bits,
        kl_warmup=kl_warmup,
        objective=objective,
        k=k,
        loss=loss,
        conditional=conditional,
        width=width,
        backbone=backbone,
        weights=weights,
        temperature=temperature,
        projection_units=_integers("projection_units", projection_units, "128,64"),
        augment=augment,
        minutes=minutes,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        image_size=image_size,
        grid_every=grid_every,
        split=fractions(split),
        on_bad_image=on_bad_image,
        on_duplicate=on_duplicate,
        seed=seed,
        out=out,
    )
    load("jobs.pretrain.pretrain", "pretrain")(config)


@app.command()
def generate(
    run: _RunArgument,
    n: Annotated[int, typer.Option(help="Number of pictures.")] = 64,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Rows of eight from one picture to another.")
    ] = False,
    labels: Annotated[
        str | None, typer.Option(help="Of a conditional GAN: classes to make, as cat,dog.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another one gives other pictures.")] = 0,
    out: Annotated[str, typer.Option(help="Picture of them all, .png.")] = "grid.png",
):
    """Makes new pictures with a trained VAE or GAN."""
    names = None if labels is None else [name.strip() for name in labels.split(",")]
    job = load("jobs.generate", "generate")
    job(run, n=n, interpolate=interpolate, labels=names, seed=seed, out=out)


@app.command()
def outliers(
    run: _RunArgument,
    data: Annotated[str, typer.Argument(help=f"Where to look. {DATA_HELP}")],
    score: Annotated[
        str, typer.Option(help="relative, reconstruction or bound (vae); auto: relative.")
    ] = "auto",
    n: Annotated[int, typer.Option(help="How many of the oddest to show.")] = 32,
    on_bad_image: Annotated[str, typer.Option(help="refuse or skip.")] = "refuse",
    out: Annotated[str, typer.Option(help="CSV, and a .png beside it.")] = "outliers.csv",
):
    """Finds odd pictures with a trained autoencoder or VAE: what it has not learned to make."""
    job = load("jobs.outliers", "outliers")
    job(run, data, score=score, n=n, on_bad_image=on_bad_image, out=out)


def _integers(name, text, example):
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"Expected {name} to be integers such as {example}; received {text!r}."
        ) from None
