"""What a pretraining was asked to do: checked on creation, saved as config.json. No TensorFlow."""

import dataclasses

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.config import check_split

METHODS = ("autoencoder", "vae", "gan")
ARCHITECTURES = ("dense", "conv")
LIKELIHOODS = ("auto", "bernoulli", "gaussian")
OBJECTIVES = ("elbo", "iwae")
LOSSES = ("non-saturating", "wgan-gp")

# Which methods have an option that not all of them have. Its name is that of the model's argument.
OPTIONS = {
    "architecture": ("autoencoder", "vae"),
    "hidden_units": ("autoencoder", "vae"),
    "noise": ("autoencoder",),
    "likelihood": ("vae",),
    "binarize": ("vae",),
    "beta": ("vae",),
    "free_bits": ("vae",),
    "kl_warmup": ("vae",),
    "objective": ("vae",),
    "k": ("vae",),
    "loss": ("gan",),
    "conditional": ("gan",),
    "width": ("gan",),
}


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """The settings of `tl-keras pretrain`.

    An option that is None has the default that `jobs.pretrain_models` gives it; one of another
    method is refused.

    Attributes:
        method: "autoencoder", "vae" or "gan".
        data: what `load_dataset` takes; labels are not needed and train nothing, but for
            `conditional`.
        latent_dim: numbers of a code; None for 32, 50 or 100 by method, less for tiny pictures.
        architecture: "dense" or "conv"; None for "dense" on grey pictures of at most 32 x 32.
        hidden_units: widths of the Dense layers.
        noise: share of the pixels that a denoising autoencoder has to fill in.
        likelihood, binarize, beta, free_bits, kl_warmup, objective, k: see `VAE`.
        loss, width: see `GAN`.
        conditional: whether the GAN is told the labels and makes pictures of a wanted class.
        epochs: None for as many as make some 8,000 steps (GAN 3,000), at least 20, at most 300.
        batch_size: pictures a step; None for 128 (GAN 64), less for under 1,024 pictures.
        lr: highest learning rate; None for 0.001, of a GAN for its own.
        image_size: side in pixels; None for that of arrays, 64 for files.
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
        self._check("lr", above=0)
        check_number("seed", self.seed, minimum=0, maximum=2**31 - 1, integer=True)
        check_choice("on_bad_image", self.on_bad_image, ("refuse", "skip"))
        check_choice("on_duplicate", self.on_duplicate, ("report", "refuse"))
        check_split(self.split)
        self._check_options()

    def _check_options(self):
        for name, methods in OPTIONS.items():
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
        for units in self.hidden_units or ():
            check_number("hidden_units", units, minimum=1, integer=True)
        self._check("noise", minimum=0, below=1)
        self._check("beta", minimum=0)
        self._check("free_bits", minimum=0)
        self._check("kl_warmup", minimum=0, integer=True)
        self._check("k", minimum=1, integer=True)
        self._check("width", minimum=1, integer=True)
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
        given = {name: getattr(self, name) for name in OPTIONS if name != "conditional"}
        return {name: value for name, value in given.items() if value is not None}

    def to_json(self):
        """Returns the settings as plain dicts, lists and numbers."""
        return dataclasses.asdict(self)
