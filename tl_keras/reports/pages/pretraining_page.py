"""Page of a pretraining: results and figures."""

from tl_keras.reports.page_parts.sections import (
    Code,
    Page,
    Result,
    Section,
    Table,
    bold,
    command_parts,
    files_parts,
    given_options,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import PretrainingResults
from tl_keras.reports.wording.numbers import format_duration, inspection_warnings
from tl_keras.reports.wording.pretraining import (
    episode_rows,
    episode_texts,
    held_out_rows,
    held_out_texts,
    learning_texts,
    main_result,
    nearest_text,
    probe_rows,
    probe_texts,
    sample_rows,
    sample_texts,
)
from tl_keras.settings.methods import EPISODES, TWO_VIEWS

_TITLES = {
    "episodes": "New classes from one example",
    "learning": "Is it learning?",
    "neighbours": "Nearest neighbours",
    "features": "Features",
    "views": "Augmented views",
    "samples": "New images",
    "reconstructions": "Reconstructions",
    "interpolations": "Interpolations",
    "latent": "Latent codes",
    "nearest": "Are they copies?",
    "held_out": "On test images",
    "quality": "Quality of the new images",
    "probes": "Classes in the features",
    "film_strip": "Progress of the training",
    "curves": "Curves",
    "settings": "Settings",
}
_PROBE_COLUMNS = ("Features", "Dimensions", "Linear probe", "Neighbours", "Purity", "AMI")


def pretraining_page(results: PretrainingResults) -> Page:
    """Returns the page of a pretraining."""
    number, words, sentence = main_result(results)
    result = [Result(number, bold(words))] if number else []
    return Page(
        title=f"{results.config.row.title} on {results.config.data}",
        lead=[Section("result", "", [*result, sentence])],
        sections=[
            Section(name, title, parts)
            for name, title in _TITLES.items()
            if (parts := [*_texts_and_tables(name, results), *results.figures.get(name, ())])
        ],
        warnings=[*results.warnings, *inspection_warnings(results.inspection)],
        use=_use(results),
    )


def _texts_and_tables(name, results):
    """Returns the parts of a section that precede its figures."""
    metrics = results.metrics
    if name == "learning" and name in results.figures:
        return learning_texts(results.history)
    if name == "episodes" and metrics["episodes"]:
        return [*episode_texts(metrics["episodes"]), pairs(episode_rows(metrics["episodes"]))]
    if name == "nearest" and name in results.figures:
        return [nearest_text(metrics["nearest"])]
    if name == "held_out" and metrics["test"]:
        return [*held_out_texts(results), pairs(held_out_rows(results))]
    if name == "quality" and metrics["samples"]:
        return [*sample_texts(metrics["samples"]), pairs(sample_rows(metrics["samples"]))]
    if name == "probes" and metrics["probes"]:
        table = Table(_PROBE_COLUMNS, probe_rows(metrics["probes"]))
        return [*probe_texts(metrics["probes"]), table]
    return [pairs(_settings(results))] if name == "settings" else []


def _settings(results):
    metrics = results.metrics
    height, width, channels = results.image_shape
    given = {n: v for n, v in results.config.to_json().items() if v is not None}
    decided = {n: v for n, v in metrics["plan"].items() if v is not None and n not in given}
    seconds = {name: format_duration(value) for name, value in metrics["seconds"].items()}
    epochs = len(next(iter(results.history.values())))
    return (
        ("Images", ", ".join(f"{n} {name}" for name, n in metrics["pictures"].items())),
        ("Size", f"{height} x {width}, {'grey' if channels == 1 else 'colour'}"),
        ("Weights kept", f"epoch {metrics['best_epoch']} of {epochs}"),
        ("Time", f"{seconds['training']} to train, {seconds['total']} in all"),
        *given_options(results.config.to_json()),
        *((f"{name.replace('_', ' ')} (by the data)", str(v)) for name, v in decided.items()),
    )


def _use(results):
    command = command_parts("The command that made this run:", typed_command("pretrain"))
    return Section(
        "use",
        "Use the run",
        [
            "On the command line, in the folder of this page:",
            Code("\n".join(_commands(results.model))),
            "In Python; the model takes pixels of 0-255 and scales them itself:",
            Code(_python_lines(results), wrap=False),
            *command,
            *files_parts("model.keras", "encoder.keras", "history.csv"),
        ],
    )


def _commands(model):
    commands = ["tl-keras train --backbone ./ --head gap --data LABELLED --out ../classifier"]
    if hasattr(model, "sample"):
        commands.append("tl-keras generate . --n 64 --out grid.png")
    if hasattr(model, "reconstruct"):
        commands.append("tl-keras outliers . IMAGES --out outliers.csv")
    return commands


def _python_lines(results):
    if results.config.row.family is EPISODES:
        return (
            "from tl_keras import load_model\n\n"
            'model = load_model("model.keras")\n'
            "model.fit_support(support_images, support_labels)\n"
            "labels = model.predict(query_images)"
        )
    if results.config.row.family is TWO_VIEWS:
        return (
            "from tl_keras import build_classifier, extract_features, load_model\n\n"
            'encoder = load_model("encoder.keras")\n'
            "features = extract_features(encoder, images)  # (n, h, w, c) -> (n, d)\n"
            'model = build_classifier("encoder.keras", num_classes)  # for fine_tune'
        )
    lines = ["from tl_keras import load_model", "", 'model = load_model("model.keras")']
    if hasattr(results.model, "sample"):
        lines.append("images = model.sample(64)")
    if hasattr(results.model, "encode"):
        lines.append("codes = model.encode(images)  # (n, h, w, c) -> (n, latent_dim)")
    return "\n".join(lines)
