"""`tl-keras generate`: new pictures from a trained VAE or GAN, in one PNG file."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tl_keras.checks import InputError, check_choice
from tl_keras.files import replacing
from tl_keras.jobs.runs.pretrained_run import load_pretrained_run
from tl_keras.progress import say
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.reports.figures.image_grids import image_grid
from tl_keras.settings.label_free import GenerateSettings
from tl_keras.settings.signatures import takes_settings

STEPS = 8  # of a row that leads from one picture to another
_SIDE = 72  # screen pixels that a picture should have


@takes_settings(GenerateSettings)
def generate(settings):
    """Makes pictures and writes them into one.

    Args:
        settings: `GenerateSettings`, or its fields one by one.

    Returns:
        uint8 (n, h, w, c), 0-255.

    Raises:
        InputError: the run makes no pictures, a class is unknown, or `out` cannot be written.
    """
    n, seed, interpolate = settings.n, settings.seed, settings.interpolate
    check_ending(settings.out, ".png")
    trained = load_pretrained_run(settings.run)
    if not hasattr(trained.model, "sample"):
        raise InputError(
            f"Expected a run of a VAE or a GAN, which make pictures; received "
            f"{settings.run} of method {trained.method!r}. Pretrain with --method vae or gan."
        )
    rows = -(-n // STEPS) if interpolate else n
    classes = _classes(trained, settings.labels, rows)
    if interpolate:
        pictures = interpolations(trained.model, rows, labels=classes, seed=seed)
    else:
        given = {} if classes is None else {"labels": classes}
        pictures = as_images(trained.model.sample(n, seed=seed, **given))
    write_grid(settings.out, pictures, STEPS if interpolate else None)
    say(f"{len(pictures)} pictures: {settings.out}")
    return pictures


def interpolations(model, rows, *, steps=STEPS, labels=None, seed=0):
    """Returns rows of pictures that lead from one random latent point to another.

    Args:
        model: `VAE` or `GAN`.
        rows: int.
        steps: int, pictures in a row, both ends included.
        labels: (rows,) ints, classes of a conditional GAN; None for its first classes.
        seed: int.

    Returns:
        uint8 (rows * steps, h, w, c), 0-255.
    """
    ends = np.random.default_rng(seed).normal(size=(2, rows, model.latent_dim)).astype("float32")
    if not hasattr(model, "draw_latent"):
        points = [np.linspace(a, b, steps) for a, b in zip(*ends, strict=True)]
        return as_images(model.decode(np.concatenate(points)))
    if labels is None:
        labels = [None] * rows if not model.num_classes else np.arange(rows) % model.num_classes
    made = [
        model.interpolate(a, b, steps, labels=label)
        for a, b, label in zip(*ends, labels, strict=True)
    ]
    return np.concatenate(made)


def check_ending(out, ending):
    """Refuses a file name that does not end as what is written there."""
    if Path(out).suffix.lower() != ending:
        raise InputError(
            f"Expected out to end in {ending}; received {out}. Name it {Path(out).stem}{ending}."
        )


def write_grid(path, pictures, columns=None):
    """Writes pictures, uint8 (n, h, w, c), as one PNG file, small ones enlarged."""
    with replacing(path) as temporary:
        temporary.write_bytes(grid_png(pictures, columns))


def grid_png(pictures, columns=None):
    """Returns a grid of pictures, uint8 (n, h, w, c), as the bytes of a PNG file."""
    scale = max(1, round(_SIDE / max(pictures.shape[1:3])))
    stream = io.BytesIO()
    Image.fromarray(image_grid(pictures, columns, scale=scale)).save(stream, "PNG")
    return stream.getvalue()


def _classes(trained, labels, count):
    """Class numbers (count,) from names; None if none are given."""
    if labels is None:
        return None
    if not trained.class_names:
        raise InputError(
            f"Expected labels only for a conditional GAN; received {', '.join(labels)} for "
            f"{trained.path}. Leave --labels out, or pretrain with --method gan --conditional."
        )
    for name in labels:
        check_choice("labels", name, trained.class_names)
    numbers = [trained.class_names.index(name) for name in labels]
    return np.resize(numbers, count)
