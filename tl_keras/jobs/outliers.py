"""`tl-keras outliers`: pictures that a trained autoencoder or VAE has not learned to make."""

from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.loading import load_images
from tl_keras.evaluation.samples.outliers import outlier_scores
from tl_keras.files import write_csv
from tl_keras.jobs.generate import check_ending, write_grid
from tl_keras.jobs.pretrain.data import in_one_size
from tl_keras.jobs.runs.pretrained_run import load_pretrained_run
from tl_keras.progress import say
from tl_keras.reports.figures.grid_callback import as_images
from tl_keras.reports.figures.image_grids import in_pairs
from tl_keras.settings.label_free import OutliersSettings
from tl_keras.settings.signatures import takes_settings

COLUMNS = 8  # of the picture
_SAID = 5


@takes_settings(OutliersSettings)
def outliers(settings):
    """Gives each picture a score of how odd it is and writes them, the oddest first.

    The CSV has the columns rank, path, score and odder_than: the share of the test pictures of
    the run itself whose score is lower. A .png file of the same name shows the oddest, and below
    each what the model makes of it.

    Args:
        settings: `OutliersSettings`, or its fields one by one.

    Returns:
        The rows as a list of dicts.

    Raises:
        InputError: no usable run or pictures, or `out` cannot be written.
    """
    score, out = settings.score, settings.out
    check_ending(out, ".csv")
    trained = load_pretrained_run(settings.run)
    model = trained.model
    if not hasattr(model, "reconstruction_error"):
        raise InputError(
            "Expected a run of an autoencoder or a VAE, which reconstruct pictures; received "
            f"{settings.run} of method {trained.method!r}. Pretrain with --method "
            "autoencoder or vae."
        )
    found, _ = load_images(settings.data, on_bad_image=settings.on_bad_image)
    *size, channels = model.input_shape[1:]
    pictures = in_one_size(found, tuple(size), channels).images
    scores = outlier_scores(model, pictures, score=score)
    order = np.argsort(-scores, kind="stable")
    rows = _rows(found.ids, scores, order, _held_out(trained, score))
    table = [
        (*list(row.values())[:2], f"{row['score']:.6g}", f"{row['odder_than']:.2f}") for row in rows
    ]
    write_csv(out, rows[0], table)
    oddest = pictures[order[: settings.n]]
    grid = in_pairs(oddest, as_images(model.reconstruct(oddest)), COLUMNS)
    write_grid(Path(out).with_suffix(".png"), grid, COLUMNS)
    _say(rows, out)
    return rows


def _held_out(trained, score):
    """Percentiles 0-100 of the scores of the run's own test pictures."""
    return trained.metrics["odd"]["relative" if score == "auto" else score]


def _rows(ids, scores, order, percentiles):
    shares = np.searchsorted(percentiles, scores, side="right") / len(percentiles)
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
    all_odder = sum(row["odder_than"] == 1 for row in rows)
    say(
        f"{len(rows)} pictures; {all_odder} are odder than every test picture of the run. "
        "The oddest:"
    )
    for row in rows[:_SAID]:
        say(f"  {row['score']:.5g}  {printable(row['path'])}")
    say(f"All: {out}; to look at: {Path(out).with_suffix('.png')}")
