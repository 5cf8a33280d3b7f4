"""The page of a pretraining."""

import dataclasses

from tl_keras.jobs.pretrain import episode_results as draw_episodes
from tl_keras.jobs.pretrain import figures as draw
from tl_keras.jobs.pretrain import views as draw_views
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.pretraining_page import pretraining_page
from tl_keras.reports.pages.results import PretrainingResults
from tl_keras.settings.methods import EPISODES, TWO_VIEWS


def write_report(path, outcome):
    """Writes figures/*.png and report.html into the run folder `path`."""
    family = outcome.config.row.family
    figures = {TWO_VIEWS: _of_two_views, EPISODES: _of_episodes}.get(family, _of_images)
    film_strip = path / "figures" / "epochs" / "film_strip.png"
    strip = [draw.film_strip(film_strip)] if film_strip.is_file() else []
    results = PretrainingResults(
        config=outcome.config,
        model=outcome.model,
        image_shape=outcome.data.image_shape,
        history=outcome.history.history,
        metrics=outcome.metrics,
        figures=figures(outcome) | {"film_strip": strip},
        inspection=outcome.data.splits.inspection,
        warnings=outcome.warnings,
    )
    write_page(path / "report.html", pretraining_page(results))


def _of_two_views(outcome):
    return {
        "learning": [draw.curves(outcome)],
        "neighbours": [draw_views.neighbours(outcome)],
        "features": [draw.codes(outcome)],
        "views": [draw_views.views(outcome)],
    }


def _of_episodes(outcome):
    return {"curves": [draw.curves(outcome)], "episodes": draw_episodes.example(outcome)}


def _of_images(outcome):
    """Returns the figures of a model that reconstructs or makes images, as far as it can."""
    model = outcome.model
    figures = {"interpolations": [draw.interpolations(outcome)], "curves": [draw.curves(outcome)]}
    if hasattr(model, "reconstruct"):
        figures["reconstructions"] = [draw.reconstructions(outcome)]
    if hasattr(model, "encode"):
        figures["latent"] = [draw.codes(outcome)]
    if hasattr(model, "sample"):
        figures["samples"] = [draw.samples(outcome)]
        figures["nearest"] = [draw.nearest(outcome)]
        if hasattr(model, "encode") and model.latent_dim == 2:
            plane = dataclasses.replace(draw.latent_grid(outcome), name="latent_plane")
            figures["latent"].append(plane)
    return figures
