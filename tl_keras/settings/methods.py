"""The table of label-free methods: a new method is a row here and its file in `models`."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Family:
    """Methods whose models are built, trained and shown alike.

    Attributes:
        title: name in the help.
        model_options: options of `pretrain` that each of its models takes as an argument.
        job_options: further options of `pretrain` that each of its methods has.
        steps: optimizer steps of a pretraining by default.
    """

    title: str
    model_options: tuple[str, ...]
    job_options: tuple[str, ...]
    steps: int


@dataclasses.dataclass(frozen=True)
class LabelFreeMethod:
    """A method of `tl-keras pretrain`.

    Attributes:
        name: value of `--method`.
        title: name in sentences.
        model: "module:Class" of its model.
        family: what it shares with other methods.
        task: what it learns, for the help.
        options: arguments of its model that are options of `pretrain`, beside the family's.
        needs_labels: whether it learns from labels.
    """

    name: str
    title: str
    model: str
    family: Family
    task: str
    options: tuple[str, ...] = ()
    needs_labels: bool = False

    @property
    def takes_backbone(self):
        """True if it trains any encoder that `backbone` names."""
        return "backbone" in self.family.job_options

    @property
    def model_options(self):
        return self.family.model_options + self.options


LATENT = Family(
    "autoencoder, vae", ("latent_dim", "architecture", "hidden_units"), ("grid_every",), 8000
)
# On few images a GAN is best early, before its discriminator has memorised them.
ADVERSARIAL = Family(
    "gan", ("latent_dim", "loss"), ("conditional", "width", "grid_every"), steps=3000
)
TWO_VIEWS = Family(
    "two views",
    ("projection_units",),
    ("width", "backbone", "weights", "augment", "minutes"),
    steps=3000,
)
# Episodes: small tasks of a few classes, from which a support set is learned.
EPISODES = Family(
    "episodes",
    ("n_way", "k_shot", "n_query"),
    ("episodes", "width", "backbone", "weights", "augment", "minutes"),
    steps=2400,
)
_TABLE = (
    LabelFreeMethod(
        "autoencoder",
        "An autoencoder",
        "tl_keras.models.latent.autoencoder:Autoencoder",
        LATENT,
        "to reconstruct images",
        ("noise",),
    ),
    LabelFreeMethod(
        "vae",
        "A VAE",
        "tl_keras.models.latent.vae:VAE",
        LATENT,
        "to reconstruct images and to make new ones",
        ("likelihood", "binarize", "beta", "free_bits", "kl_warmup", "objective", "k"),
    ),
    LabelFreeMethod(
        "gan", "A GAN", "tl_keras.models.gan.gan:GAN", ADVERSARIAL, "to make new images"
    ),
    LabelFreeMethod(
        "simclr",
        "SimCLR",
        "tl_keras.models.two_views.simclr:SimCLR",
        TWO_VIEWS,
        "to match two augmented views of an image among those of others, the best start for a "
        "classifier",
        ("temperature",),
    ),
    LabelFreeMethod(
        "simsiam",
        "SimSiam",
        "tl_keras.models.two_views.simsiam:SimSiam",
        TWO_VIEWS,
        "to predict one view from the other",
    ),
    LabelFreeMethod(
        "supcon",
        "SupCon",
        "tl_keras.models.two_views.supcon:SupCon",
        TWO_VIEWS,
        "to match views of images of one class; needs labels",
        ("temperature",),
        needs_labels=True,
    ),
    LabelFreeMethod(
        "vicreg",
        "VICReg",
        "tl_keras.models.two_views.vicreg:VICReg",
        TWO_VIEWS,
        "to match two views, with embeddings that vary and are decorrelated",
    ),
    LabelFreeMethod(
        "barlow-twins",
        "Barlow Twins",
        "tl_keras.models.two_views.barlow_twins:BarlowTwins",
        TWO_VIEWS,
        "to make the dimensions of the embedding agree between views and differ from each other",
    ),
    LabelFreeMethod(
        "prototypical",
        "A prototypical network",
        "tl_keras.models.episodic.prototypical:PrototypicalNetwork",
        EPISODES,
        "to recognise new classes by the mean of a few examples, the best start for few-shot; "
        "needs labels",
        needs_labels=True,
    ),
    LabelFreeMethod(
        "reptile",
        "Reptile",
        "tl_keras.models.episodic.reptile:Reptile",
        EPISODES,
        "weights near those of many small tasks; needs labels",
        ("inner_lr", "inner_steps"),
        needs_labels=True,
    ),
    LabelFreeMethod(
        "maml",
        "MAML",
        "tl_keras.models.episodic.maml:MAML",
        EPISODES,
        "weights from which few steps of training go far; needs labels",
        ("inner_lr", "inner_steps", "first_order"),
        needs_labels=True,
    ),
)
METHODS = {method.name: method for method in _TABLE}
MODEL_MODULES = {  # {class: module}
    name: module for module, name in (method.model.split(":") for method in _TABLE)
}
WITHOUT_LABELS = tuple(name for name, method in METHODS.items() if not method.needs_labels)


def names_of(family):
    """Returns the names of the methods of a `Family`."""
    return tuple(name for name, method in METHODS.items() if method.family is family)


def methods_with(option):
    """Returns the names of the methods that have an option of some; () if all have it."""
    return tuple(
        name
        for name, method in METHODS.items()
        if option in method.model_options + method.family.job_options
    )


def methods_in_words(option):
    """Returns the methods that have an option in words, such as "gan, two views"."""
    words = {
        method.name if option in method.options else method.family.title: None
        for method in METHODS.values()
        if method.name in methods_with(option)
    }
    return ", ".join(words)
