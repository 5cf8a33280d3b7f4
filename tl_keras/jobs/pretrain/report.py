"""The page of a pretraining."""

import json
import shlex
import sys

from tl_keras.files import replacing
from tl_keras.jobs.pretrain import figures as draw
from tl_keras.jobs.pretrain import views as draw_views
from tl_keras.jobs.pretrain.probes import probe_rows, probe_texts
from tl_keras.jobs.pretrain.wording import (
    headline,
    held_out_rows,
    held_out_texts,
    learning_texts,
    nearest_text,
    sample_rows,
    sample_texts,
)
from tl_keras.jobs.train.report import inspection_warnings
from tl_keras.reports.pages.pretraining_page import (
    PretrainingReport,
    Section,
    write_pretraining_page,
)
from tl_keras.reports.pages.wording import format_duration
from tl_keras.settings.methods import TWO_VIEWS

FILES = (
    "model.keras",
    "encoder.keras",
    "config.json",
    "environment.json",
    "history.csv",
    "metrics.json",
    "figures/",
)


def write_report(path, outcome):
    """Writes figures/*.png and report.html into the run folder `path`."""
    report = _content(path, outcome)
    for section in report.sections:
        for number, picture in enumerate(section.figures):
            name = section.name if len(section.figures) == 1 else f"{section.name}_{number}"
            with replacing(path / "figures" / f"{name}.png") as temporary:
                temporary.write_bytes(picture.png)
    write_pretraining_page(path / "report.html", report)


def _content(path, outcome):
    config = outcome.config
    number, words, verdict = headline(outcome)
    return PretrainingReport(
        title=f"{config.row.title} on {config.data}",
        number=number,
        words=words,
        verdict=verdict,
        sections=tuple(_sections(path, outcome)),
        commands=_commands(outcome.model),
        code=_code(outcome),
        warnings=(
            *outcome.warnings,
            *inspection_warnings(outcome.data.splits.inspection),
        ),
        files=FILES,
        command=shlex.join(["tl-keras", *sys.argv[1:]]) if "pretrain" in sys.argv else "",
    )


def _sections(path, outcome):
    """Sections of the page, which depend on what the method can do."""
    two_views = outcome.config.row.family is TWO_VIEWS
    if two_views:
        yield from _of_two_views(outcome)
    else:
        yield from _of_pictures(outcome)
    if outcome.metrics["probes"]:
        yield _probes(outcome)
    strip = path / "figures" / "epochs" / "film_strip.png"
    if strip.is_file():
        strip = (draw.film_strip(strip),)
        yield Section(name="film_strip", title="How it learned", figures=strip)
    if not two_views:
        yield Section(name="curves", title="Curves", figures=(draw.curves(outcome),))
    yield Section(name="settings", title="Settings", rows=_settings(outcome))


def _of_two_views(outcome):
    yield Section(
        name="learning",
        title="Is it learning?",
        texts=learning_texts(outcome.history.history),
        figures=(draw.curves(outcome),),
    )
    pictures = (draw_views.neighbours(outcome),)
    yield Section(name="neighbours", title="What looks alike to it", figures=pictures)
    yield Section(name="features", title="The features", figures=(draw.codes(outcome),))
    pictures = (draw_views.views(outcome),)
    yield Section(name="views", title="What it was taught to ignore", figures=pictures)


def _probes(outcome):
    rows = outcome.metrics["probes"]
    table, texts = probe_rows(rows), probe_texts(rows)
    return Section(name="probes", title="Classes in the features", texts=texts, table=table)


def _of_pictures(outcome):
    model, metrics = outcome.model, outcome.metrics
    makes = hasattr(model, "sample")
    if makes:
        yield Section(name="samples", title="New pictures", figures=(draw.samples(outcome),))
    if hasattr(model, "reconstruct"):
        pictures = (draw.reconstructions(outcome),)
        yield Section(name="reconstructions", title="There and back", figures=pictures)
    yield Section(
        name="interpolations", title="From one to another", figures=(draw.interpolations(outcome),)
    )
    if hasattr(model, "encode"):
        plane = makes and model.latent_dim == 2
        pictures = (draw.codes(outcome), *([draw.latent_grid(outcome)] if plane else []))
        yield Section(name="latent", title="The codes", figures=pictures)
    if makes:
        text = (nearest_text(metrics["nearest"]),)
        pictures = (draw.nearest(outcome),)
        yield Section(name="nearest", title="Are they copies?", texts=text, figures=pictures)
    if metrics["test"]:
        texts, rows = held_out_texts(outcome), held_out_rows(outcome)
        yield Section(name="held_out", title="On test pictures", texts=texts, rows=rows)
    if metrics["samples"]:
        texts, rows = sample_texts(metrics["samples"]), sample_rows(metrics["samples"])
        yield Section(name="quality", title="Quality of the new pictures", texts=texts, rows=rows)


def _settings(outcome):
    metrics = outcome.metrics
    height, width, channels = outcome.data.image_shape
    given = {n: v for n, v in outcome.config.to_json().items() if v is not None}
    decided = {n: v for n, v in metrics["plan"].items() if v is not None and n not in given}
    seconds = metrics["seconds"]
    return (
        ("Pictures", ", ".join(f"{n} {name}" for name, n in metrics["pictures"].items())),
        ("Size", f"{height} x {width}, {'grey' if channels == 1 else 'colour'}"),
        ("Weights kept", f"epoch {metrics['best_epoch']} of {len(outcome.history.epoch)}"),
        ("Time", f"{format_duration(seconds['training'])} to train, "
                 f"{format_duration(seconds['total'])} in all"),
        *((name.replace("_", " "), json.dumps(value)) for name, value in given.items()),
        *((f"{name.replace('_', ' ')} (by the data)", str(v)) for name, v in decided.items()),
    )  # fmt: skip


def _commands(model):
    commands = ["tl-keras train --backbone ./ --head gap --data LABELLED --out ../classifier"]
    if hasattr(model, "sample"):
        commands.append("tl-keras generate . --n 64 --out grid.png")
    if hasattr(model, "reconstruct"):
        commands.append("tl-keras outliers . PICTURES --out outliers.csv")
    return tuple(commands)


def _code(outcome):
    if outcome.config.row.family is TWO_VIEWS:
        return (
            "from tl_keras import build_classifier, extract_features, load_model\n\n"
            'encoder = load_model("encoder.keras")\n'
            "features = extract_features(encoder, pictures)  # (n, h, w, c) -> (n, d)\n"
            'model = build_classifier("encoder.keras", num_classes)  # for fine_tune'
        )
    lines = ["from tl_keras import load_model", "", 'model = load_model("model.keras")']
    if hasattr(outcome.model, "sample"):
        lines.append("images = model.sample(64)")
    if hasattr(outcome.model, "encode"):
        lines.append("codes = model.encode(images)  # (n, h, w, c) -> (n, latent_dim)")
    return "\n".join(lines)
