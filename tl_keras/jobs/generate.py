"""`tl-keras generate`: new images from a trained VAE or GAN, in one PNG file."""

import numpy as np

from tl_keras.checks import InputError, check_choice
from tl_keras.files import replacing
from tl_keras.jobs.output_files import check_output, image_of
from tl_keras.jobs.runs.reading.pretrained_run import load_pretrained_run
from tl_keras.progress import say
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.reports.figures.image_grids import grid_png
from tl_keras.settings.label_free import GenerateSettings
from tl_keras.settings.options.signatures import takes_settings

GRID = image_of("generate")
STEPS = 8  # images in a row of an interpolation


@takes_settings(GenerateSettings)
def generate(settings):
    """Generates images and writes them into one PNG file.

    Args:
        settings: `GenerateSettings`, or its fields one by one.

    Returns:
        uint8 (n, h, w, c), 0-255.

    Raises:
        InputError: the model generates no images, a class is unknown, or `out` cannot be written.
    """
    n, seed, interpolate = settings.n, settings.seed, settings.interpolate
    check_output(settings.out, GRID)
    trained = load_pretrained_run(settings.run)
    if not hasattr(trained.model, "sample"):
        raise InputError(
            f"Expected a run of a VAE or a GAN, which generate images; received "
            f"{settings.run} of method {trained.method!r}. Pretrain with --method vae or gan."
        )
    rows = -(-n // STEPS) if interpolate else n
    classes = _classes(trained, settings.labels, rows)
    if interpolate:
        images = interpolations(trained.model, rows, labels=classes, seed=seed)
    else:
        given = {} if classes is None else {"labels": classes}
        images = as_images(trained.model.sample(n, seed=seed, **given))
    write_grid(settings.out, images, STEPS if interpolate else None)
    say(f"{len(images)} images: {settings.out}")
    return images


def interpolations(model, rows, *, steps=STEPS, labels=None, seed=0):
    """Returns rows of images between two random latent points.

    Args:
        model: `VAE` or `GAN`.
        rows: int.
        steps: int, images in a row, both ends included.
        labels: (rows,) ints, classes of a conditional GAN. Defaults to its first classes.
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


def write_grid(path, images, columns=None):
    """Writes images, uint8 (n, h, w, c), as one PNG file, small ones enlarged."""
    with replacing(path) as temporary:
        temporary.write_bytes(grid_png(images, columns))


def _classes(trained, labels, count):
    """Returns class numbers (count,) of names; None if none are given."""
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
