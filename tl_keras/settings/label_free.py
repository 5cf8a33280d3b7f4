"""What a pretraining was asked to do: checked on creation, saved as config.json. No TensorFlow."""

import dataclasses

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.config import check_split

LATENT = ("autoencoder", "vae")
TWO_VIEWS = ("simclr", "simsiam", "supcon", "vicreg")
METHODS = (*LATENT, "gan", *TWO_VIEWS)
SMALL_RESNET = "small_resnet"
ARCHITECTURES = ("dense", "conv")
LIKELIHOODS = ("auto", "bernoulli", "gaussian")
OBJECTIVES = ("elbo", "iwae")
LOSSES = ("non-saturating", "wgan-gp")

# Which methods have an option that not all of them have. Its name is that of the model's argument.
OPTIONS = {
    "latent_dim": (*LATENT, "gan"),
    "architecture": LATENT,
    "hidden_units": LATENT,
    "noise": ("autoencoder",),
    "likelihood": ("vae",),
    "binarize": ("vae",),
    "beta": ("vae",),
    "free_bits": ("vae",),
    "kl_warmup": ("vae",),
    "objective": ("vae",),
    "k": ("vae",),
    "loss": ("gan",),
    "temperature": ("simclr", "supcon"),
    "projection_units": TWO_VIEWS,
}
# The same for options that are no argument of the model.
OPTIONS_OF_THE_JOB = {
    "conditional": ("gan",),
    "width": ("gan", *TWO_VIEWS),
    "grid_every": (*LATENT, "gan"),
    "backbone": TWO_VIEWS,
    "weights": TWO_VIEWS,
    "augment": TWO_VIEWS,
    "minutes": TWO_VIEWS,
}


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """The settings of `tl-keras pretrain`.

    An option that is None has the default that `jobs.pretrain.models` gives it; one of another
    method is refused.

    Attributes:
        method: "autoencoder", "vae", "gan", "simclr", "simsiam", "supcon" or "vicreg".
        data: what `load_dataset` takes; labels are not needed and train nothing, but for
            `conditional` and "supcon".
        latent_dim: numbers of a code; None for 32, 50 or 100 by method, less for tiny pictures.
        architecture: "dense" or "conv"; None for "dense" on grey pictures of at most 32 x 32.
        hidden_units: widths of the Dense layers.
        noise: share of the pixels that a denoising autoencoder has to fill in.
        likelihood, binarize, beta, free_bits, kl_warmup, objective, k: see `VAE`.
        loss: see `GAN`.
        width: maps of the first convolution, of a GAN or of "small_resnet".
        conditional: whether the GAN is told the labels and makes pictures of a wanted class.
        temperature: see `SimCLR` and `SupCon`.
        projection_units: widths of the Dense layers between the encoder and the loss.
        backbone: encoder that learns from two views: None for "small_resnet", a name of
            `list_backbones()`, or an encoder's file or run folder to go on with.
        weights: what a named backbone starts from: None for random numbers, "imagenet" or a file.
        augment: how two views of a picture differ: None for "auto", or a preset.
        minutes: the learning rate falls over this time, and training ends when it is over; None
            for epochs alone. With both, what comes first ends it.
        epochs: None for as many as make some 8,000 steps (GAN and two views 3,000), at least 20,
            at most 300.
        batch_size: pictures a step; None for 128 (GAN 64, two views 256), less for few pictures.
        lr: highest learning rate; None for the model's own.
        image_size: side in pixels; None for that of arrays, 64 for files; of two views at least
            what the backbone takes.
        grid_every: epochs between pictures of how it learns; None for twelve in all.
        split: fractions of train, val and test where the data has no split of its own.
        on_bad_image: "refuse" or "skip".
        on_duplicate: what to do with pictures in two splits, "report" or "refuse".
        seed: of splits, order and random numbers.
        out: run folder; None for runs/METHOD-DATA-TIME.
    """

    method: str
    data: str
    latent_dim: int | None = None
    architecture: str | None = None
    hidden_units: tuple[int, ...] | None = None
    noise: float | None = None
    likelihood: str | None = None
    binarize: bool | None = None
    beta: float | None = None
    free_bits: float | None = None
    kl_warmup: int | None = None
    objective: str | None = None
    k: int | None = None
    loss: str | None = None
    conditional: bool | None = None
    width: int | None = None
    temperature: float | None = None
    projection_units: tuple[int, ...] | None = None
    backbone: str | None = None
    weights: str | None = None
    augment: str | None = None
    minutes: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    image_size: int | None = None
    grid_every: int | None = None
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    on_bad_image: str = "refuse"
    on_duplicate: str = "report"
    seed: int = 0
    out: str | None = None

    def __post_init__(self):
        check_choice("method", self.method, METHODS)
        for name in ("latent_dim", "epochs", "batch_size", "image_size", "grid_every"):
            self._check(name, minimum=1, integer=True)
        for name in ("lr", "temperature", "minutes"):
            self._check(name, above=0)
        check_number("seed", self.seed, minimum=0, maximum=2**31 - 1, integer=True)
        check_choice("on_bad_image", self.on_bad_image, ("refuse", "skip"))
        check_choice("on_duplicate", self.on_duplicate, ("report", "refuse"))
        check_split(self.split)
        self._check_options()

    def _check_options(self):
        for name, methods in (OPTIONS | OPTIONS_OF_THE_JOB).items():
            if getattr(self, name) is not None and self.method not in methods:
                raise InputError(
                    f"Expected {name} only with method {' or '.join(methods)}; received "
                    f"{name}={getattr(self, name)!r} with method={self.method!r}. Leave it out."
                )
        choices = {
            "architecture": ARCHITECTURES,
            "likelihood": LIKELIHOODS,
            "objective": OBJECTIVES,
            "loss": LOSSES,
        }
        for name, allowed in choices.items():
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), allowed)
        for name in ("hidden_units", "projection_units"):
            for units in getattr(self, name) or ():
                check_number(name, units, minimum=1, integer=True)
        self._check("noise", minimum=0, below=1)
        self._check("beta", minimum=0)
        self._check("free_bits", minimum=0)
        self._check("kl_warmup", minimum=0, integer=True)
        self._check("k", minimum=1, integer=True)
        self._check("width", minimum=1, integer=True)
        if self.width is not None and self.backbone not in (None, SMALL_RESNET):
            raise InputError(
                f"Expected width only with backbone={SMALL_RESNET!r}; received "
                f"width={self.width} with backbone={self.backbone!r}. Leave it out."
            )
        if self.k is not None and self.objective != "iwae":
            raise InputError(
                f"Expected k only with objective='iwae'; received k={self.k}. Leave it out."
            )

    def _check(self, name, **limits):
        if getattr(self, name) is not None:
            check_number(name, getattr(self, name), **limits)

    @property
    def model_options(self):
        """The options of this method that were given, as the model takes them."""
        given = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in given.items() if value is not None}

    def to_json(self):
        """Returns the settings as plain dicts, lists and numbers."""
        return dataclasses.asdict(self)
