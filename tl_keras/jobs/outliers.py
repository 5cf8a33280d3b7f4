"""`tl-keras outliers`: images that a trained autoencoder or VAE reconstructs badly."""

from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.loading import load_images
from tl_keras.evaluation.samples.outliers import outlier_scores
from tl_keras.files import write_csv
from tl_keras.jobs.generate import write_grid
from tl_keras.jobs.output_files import check_output, image_of, table_of
from tl_keras.jobs.pretrain.data import in_one_size
from tl_keras.jobs.runs.reading.pretrained_run import load_pretrained_run
from tl_keras.progress import say
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.reports.figures.image_grids import in_pairs
from tl_keras.settings.label_free import OutliersSettings
from tl_keras.settings.options.signatures import takes_settings

TABLE = table_of("outliers", "rank", "path", "score", "odder_than")
COLUMNS = 8  # of the grid
_SAID = 5


@takes_settings(OutliersSettings)
def outliers(settings):
    """Scores images by their reconstruction and writes the scores, the highest first.

    The CSV has the columns rank, path, score and odder_than: the share of the run's own test
    images whose score is lower. A .png file of the same name shows the images with the highest
    scores, and below each its reconstruction.

    Args:
        settings: `OutliersSettings`, or its fields one by one.

    Returns:
        The rows as a list of dicts.

    Raises:
        InputError: no usable run or images, or `out` cannot be written.
    """
    score, out = settings.score, settings.out
    check_output(out, TABLE)
    check_output(Path(out).with_suffix(".png"), image_of("outliers"))
    trained = load_pretrained_run(settings.run)
    model = trained.model
    if not hasattr(model, "reconstruction_error"):
        raise InputError(
            "Expected a run of an autoencoder or a VAE, which reconstruct images; received "
            f"{settings.run} of method {trained.method!r}. Pretrain with --method "
            "autoencoder or vae."
        )
    found, _ = load_images(settings.data, on_bad_image=settings.on_bad_image, sounds=trained.sounds)
    *size, channels = model.input_shape[1:]
    images = in_one_size(found, tuple(size), channels).images
    scores = outlier_scores(model, images, score=score)
    order = np.argsort(-scores, kind="stable")
    rows = _rows(found.ids, scores, order, _held_out(trained, score))
    table = [
        (*list(row.values())[:2], f"{row['score']:.6g}", f"{row['odder_than']:.2f}") for row in rows
    ]
    write_csv(out, rows[0], table)
    highest = images[order[: settings.n]]
    grid = in_pairs(highest, as_images(model.reconstruct(highest)), COLUMNS)
    write_grid(Path(out).with_suffix(".png"), grid, COLUMNS)
    _say(rows, out)
    return rows


def _held_out(trained, score):
    """Returns the percentiles 0-100 of the scores of the run's own test images."""
    name = "relative" if score == "auto" else score
    known = trained.metrics.get("odd")
    percentiles = known.get(name) if isinstance(known, dict) else None
    if not isinstance(percentiles, list) or not percentiles:
        raise InputError(
            f"Expected odd.{name}, scores of test images, in {trained.path / 'metrics.json'}; "
            "received none. It was changed since the run wrote it: put it back."
        )
    return percentiles


def _rows(ids, scores, order, percentiles):
    shares = np.searchsorted(percentiles, scores, side="left") / len(percentiles)
    return [
        {
            "rank": rank,
            "path": ids[row],
            "score": float(scores[row]),
            "odder_than": float(shares[row]),
        }
        for rank, row in enumerate(order, 1)
    ]


def _say(rows, out):
    above_all = sum(row["odder_than"] == 1 for row in rows)
    say(
        f"{len(rows)} images; {above_all} have a higher score than every test image of the run. "
        "The highest:"
    )
    for row in rows[:_SAID]:
        say(f"  {row['score']:.5g}  {printable(row['path'])}")
    say(f"All: {out}; images: {Path(out).with_suffix('.png')}")
