"""Settings of the commands that need no labels: `pretrain`, `explore`, `generate`, `outliers`."""

import dataclasses
from typing import Annotated, Literal

from tl_keras.checks import InputError
from tl_keras.settings.features import FeatureSettings
from tl_keras.settings.image_source import (
    HIGHEST_SEED,
    SIDE,
    SMALL_RESNET,
    WIDTH,
    CheckpointSettings,
    FixSettings,
    KindSettings,
    ReadSettings,
    SplitOnceSettings,
)
from tl_keras.settings.methods import METHODS, methods_in_words, methods_with
from tl_keras.settings.options.declaration import (
    DATA,
    FINE_TUNING,
    FIRST,
    MODEL,
    POSITIONAL,
    RUN,
    Bounds,
    Checked,
)
from tl_keras.settings.whole_model import DeviceSettings

CHARACTER_RESNET = "character_resnet"
CONV4 = "conv4"
OWN_ENCODERS = (SMALL_RESNET, CHARACTER_RESNET, CONV4)
_HIGHEST_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class PretrainSettings(SplitOnceSettings, CheckpointSettings, DeviceSettings):
    """Learns from images without labels; writes a model, an encoder and a report.

    An option that is None has the default that `jobs.pretrain.models` gives it; one of another
    method is refused.
    """

    method: Annotated[Literal[tuple(METHODS)], FIRST]  # type: ignore[valid-type]
    """Task that is learned."""
    data: Annotated[str, FIRST]
    """Folder of images, or the name of a data set.

    With sub-folders for classes or without; .npz, .npy, or digits, mnist, fashion_mnist, cifar10,
    cifar100. Labels train nothing, except with `conditional` or a method that needs them."""
    latent_dim: Annotated[int | None, MODEL, WIDTH] = None
    """Dimensions of a code; default: 32, vae 50, gan 100, less for tiny images."""
    architecture: Annotated[Literal["dense", "conv"] | None, MODEL] = None
    """Layers; default: dense for grey images of at most 32 x 32."""
    hidden_units: Annotated[tuple[int, ...] | None, MODEL, WIDTH] = None
    """Widths of the Dense layers, such as 200,200."""
    noise: Annotated[float | None, MODEL, Bounds(minimum=0, below=1)] = None
    """Share of the pixels that are blackened in training; default: 0."""
    likelihood: Annotated[Literal["auto", "bernoulli", "gaussian"] | None, MODEL] = None
    """Distribution of a pixel; default: auto."""
    binarize: Annotated[bool | None, MODEL] = None
    """Draw pixels black or white anew in each step."""
    beta: Annotated[float | None, MODEL, Bounds(minimum=0)] = None
    """Weight of the KL term; default: 1."""
    free_bits: Annotated[float | None, MODEL, Bounds(minimum=0)] = None
    """Nats of each dimension that cost nothing; default: 0."""
    kl_warmup: Annotated[int | None, MODEL, Bounds(minimum=0)] = None
    """Steps in which the weight of the KL term rises; default: 0."""
    objective: Annotated[Literal["elbo", "iwae"] | None, MODEL] = None
    """Bound that is maximised; default: elbo."""
    k: Annotated[int | None, MODEL, WIDTH] = None
    """Samples per image of iwae, at so many times the cost; default: 50."""
    loss: Annotated[Literal["non-saturating", "wgan-gp"] | None, MODEL] = None
    """Loss of generator and discriminator; default: non-saturating."""
    conditional: Annotated[bool | None, MODEL] = None
    """Make images of a wanted class; needs labels."""
    width: Annotated[int | None, MODEL, WIDTH] = None
    """Channels of the first convolution, of the project's own encoders; default: 32.

    character_resnet has 16, conv4 64."""
    temperature: Annotated[float | None, MODEL, Bounds(above=0)] = None
    """A lower one weighs the nearest other images more; default: 0.2, supcon 0.1."""
    projection_units: Annotated[tuple[int, ...] | None, MODEL, WIDTH] = None
    """Widths of the layers between the encoder and the loss, such as 128,64."""
    backbone: Annotated[str | None, FIRST] = None
    """small_resnet (the default), a backbone's name, an encoder or a run folder.

    Also character_resnet, the default with episodes of grey images, and conv4."""
    weights: Annotated[str | None, FIRST] = None
    """Start of a named backbone: random (the default), imagenet or a file."""
    augment: Annotated[str | None, DATA] = None
    """Preset of their augmentation: auto (the default), digits, cifar or photos.

    digits has no mirror images and no colours. Episodes also have characters: small deformations,
    the default for grey images; and none."""
    n_way: Annotated[int | None, MODEL, Bounds(minimum=2)] = None
    """Classes per episode; default: 30, reptile and maml 20, or all if they are fewer."""
    k_shot: Annotated[int | None, MODEL, Bounds(minimum=1)] = None
    """Support images of each class in an episode; default: 1."""
    n_query: Annotated[int | None, MODEL, Bounds(minimum=1)] = None
    """Query images of each class in an episode; default: 2, reptile 9, maml 5."""
    episodes: Annotated[int | None, FINE_TUNING, Bounds(minimum=1)] = None
    """Episodes per epoch; default: 100."""
    inner_lr: Annotated[float | None, MODEL, Bounds(above=0)] = None
    """Learning rate of the steps within an episode; default: 0.1."""
    inner_steps: Annotated[int | None, MODEL, Bounds(minimum=1)] = None
    """Steps within an episode of training; default: 3, reptile 8."""
    first_order: Annotated[bool | None, MODEL] = None
    """Leave out second derivatives: faster, a little worse."""
    minutes: Annotated[float | None, FIRST, Bounds(above=0)] = None
    """Time limit; the learning rate decays over it.

    With epochs too, whichever comes first ends the training."""
    epochs: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Epochs; default: some 8,000 steps, gan and two views 3,000, within 20 to 300 epochs.

    With episodes 2,400 steps."""
    batch_size: Annotated[int | None, FINE_TUNING, Bounds(minimum=1)] = None
    """Images per step; default: 128, gan 64, two views 256; less for few images.

    With episodes these per step: 1, reptile and maml 4."""
    lr: Annotated[float | None, FIRST, Bounds(above=0)] = None
    """Highest learning rate; default: 0.001, or the model's own."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels; default: that of arrays, 64 for files.

    For two views at least what the backbone takes. With episodes of grey images 48."""
    grid_every: Annotated[int | None, RUN, Bounds(minimum=1)] = None
    """Epochs between grids of example images; default: twelve grids in all."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=_HIGHEST_SEED)] = 0
    """Seed of splits, order, weights and noise."""

    def __post_init__(self):
        super().__post_init__()
        for name, value in vars(self).items():
            methods = methods_with(name)
            if methods and value is not None and self.method not in methods:
                raise InputError(
                    f"Expected {name} only with method {' or '.join(methods)}; received "
                    f"{name}={value!r} with method={self.method!r}. Leave it out."
                )
        if self.width is not None and self.backbone not in (None, *OWN_ENCODERS):
            names = " or ".join(map(repr, OWN_ENCODERS))
            raise InputError(
                f"Expected width only with backbone={names}; received "
                f"width={self.width} with backbone={self.backbone!r}. Leave it out."
            )
        if self.k is not None and self.objective != "iwae":
            raise InputError(
                f"Expected k only with objective='iwae'; received k={self.k}. Leave it out."
            )

    @classmethod
    def described(cls, name, text):
        if name == "method":
            tasks = (f"{method.name}: {method.task}." for method in METHODS.values())
            return f"{text}\n\n{' '.join(tasks)}"
        return (
            f"{methods_in_words(name)}: {text[0].lower()}{text[1:]}" if methods_with(name) else text
        )

    @property
    def row(self):
        """The `LabelFreeMethod`."""
        return METHODS[self.method]

    @property
    def model_options(self):
        """The options of this method that were given, as the model takes them."""
        given = {name: getattr(self, name) for name in self.row.model_options}
        return {name: value for name, value in given.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class ExploreSettings(ReadSettings, KindSettings, FixSettings, FeatureSettings):
    """Shows what is in unlabelled images: a map, clusters, repeats and odd ones."""

    data: Annotated[str, POSITIONAL]
    """Folder of images, .npz, .npy, or the name of a data set, as in pretrain."""
    clusters: Annotated[int | Literal["auto"] | None, FIRST, Bounds(minimum=1)] = None
    """Number of clusters shown first; default: auto, see docs/explore.md."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of clusters, map and choices among very many images."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/explore-DATA-TIME."""

    def __post_init__(self):
        super().__post_init__()
        if self.clusters == "auto":
            object.__setattr__(self, "clusters", None)


@dataclasses.dataclass(frozen=True)
class GenerateSettings(Checked):
    """Makes new images with a trained VAE or GAN."""

    run: Annotated[str, POSITIONAL]
    """Run folder of `tl-keras pretrain`."""
    n: Annotated[int, FIRST, Bounds(minimum=1)] = 64
    """Number of images."""
    interpolate: Annotated[bool, FIRST] = False
    """Rows of eight from one image to another."""
    labels: Annotated[tuple[str, ...] | None, FIRST] = None
    """Classes to make with a conditional GAN, such as cat,dog; default: all."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=_HIGHEST_SEED)] = 0
    """Another seed gives other images."""
    out: Annotated[str, FIRST] = "grid.png"
    """Grid of all images, .png."""


@dataclasses.dataclass(frozen=True)
class OutliersSettings(ReadSettings):
    """Finds odd images with a trained autoencoder or VAE: those that it reconstructs badly."""

    run: Annotated[str, POSITIONAL]
    """Run folder of `tl-keras pretrain`."""
    data: Annotated[str, POSITIONAL]
    """Images to look through: a folder, .npz, .npy, or the name of a data set."""
    score: Annotated[Literal["auto", "relative", "reconstruction", "bound"], FIRST] = "auto"
    """Measure of how odd an image is; auto: relative; bound: only of a vae."""
    n: Annotated[int, FIRST, Bounds(minimum=1)] = 32
    """Number of the oddest images to show."""
    out: Annotated[str, FIRST] = "outliers.csv"
    """Table of all images, .csv; a .png of the oddest is written beside it."""
