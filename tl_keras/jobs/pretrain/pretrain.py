"""`tl-keras pretrain`: trains on images without labels and writes an encoder and a page."""

import dataclasses
import time
import warnings

import keras

from tl_keras.data.sounds.sound_images import resolved
from tl_keras.evaluation.encoders.embedding_watch import EmbeddingWatch
from tl_keras.jobs.pretrain.data import PretrainData, load_pretrain_data
from tl_keras.jobs.pretrain.fit import encoder_of, fit
from tl_keras.jobs.pretrain.measures import measure_pretrained
from tl_keras.jobs.pretrain.models import Plan, build_model, make_plan
from tl_keras.jobs.pretrain.report import write_report
from tl_keras.jobs.runs.replicated import replicated
from tl_keras.jobs.runs.writing.disk_room import check_model_room
from tl_keras.jobs.runs.writing.interruptions import keeping_interrupted
from tl_keras.jobs.runs.writing.recorded_run import recorded_run
from tl_keras.jobs.runs.writing.run_folder import default_run_path
from tl_keras.progress import say
from tl_keras.reports.figures.grid_callback import ImageGrids
from tl_keras.reports.wording.pretraining import episodes_verdict, probe_verdict
from tl_keras.settings.label_free import PretrainSettings
from tl_keras.settings.methods import EPISODES, TWO_VIEWS
from tl_keras.training.epoch_lines import EpochLines
from tl_keras.training.step_memory import within_memory

GRIDS = "figures/epochs"
_SHOWN = 32  # images that are reconstructed after some epochs
_FEWEST_WATCHED = 50  # validation images, or training images are watched
_WATCHED = 50  # times at most, where the number of epochs is known
_LINES = 20  # lines that are printed where only the time is known
_GRID_SIDE = 72  # screen pixels of an image in a grid


@dataclasses.dataclass(frozen=True)
class PretrainingResult:
    """Result of a pretraining, from which the report is made.

    Attributes:
        config: `PretrainSettings`.
        plan: `Plan`.
        data: `PretrainData`.
        model: trained, from `build_model`.
        history: its `History`, with `phases` and `best_epoch`.
        metrics: the content of metrics.json.
        warnings: those of the training, such as a collapsed GAN.
    """

    config: PretrainSettings
    plan: Plan
    data: PretrainData
    model: keras.Model
    history: keras.callbacks.History
    metrics: dict
    warnings: tuple[str, ...] = ()


@replicated
def pretrain(config):
    """Trains the model of a label-free method and writes its run folder.

    Args:
        config: `PretrainSettings`.

    Returns:
        Path of the run folder.

    Raises:
        InputError: the data or a setting cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    path = config.out or default_run_path(config.method, config.data)
    with recorded_run(path, "pretrain", config) as run:
        data = load_pretrain_data(config)
        run.check_images(data.splits)
        plan = make_plan(config, data)
        with within_memory(copies=4):
            model = build_model(config, data, plan)
        check_model_room(run.path, model)
        config = resolved(config, data.train.sounds)
        run.write_json("config.json", config.to_json())
        run.write_environment()
        with (
            keeping_interrupted(run, model, plan.batch_size),
            warnings.catch_warnings(record=True) as noticed,
        ):
            watch = watching(config, model, data, plan, run.path / GRIDS)
            history = fit(config, model, data, plan, watch)
        noticed = tuple(dict.fromkeys(str(warning.message) for warning in noticed))
        for message in noticed:
            say(f"Warning: {message}")
        trained = time.monotonic() - started
        encoder = encoder_of(model, data.train, config.seed)
        metrics = measure_pretrained(config, model, data, encoder)
        metrics |= {
            "best_epoch": history.best_epoch + 1,
            "plan": dataclasses.asdict(plan),
            "pictures": {part.split: len(part) for part in data.splits[:3]},
            "seconds": {"training": trained, "total": time.monotonic() - started},
        }
        run.save_model(encoder, "encoder.keras")
        _write(run, PretrainingResult(config, plan, data, model, history, metrics, noticed))
    say(_result(config, metrics))
    say(f"Report: {run.path / 'report.html'}")
    return run.path


def watching(config, model, data, plan, folder):
    """Returns callbacks that show the progress of a pretraining.

    Args:
        config: `PretrainSettings`.
        model: from `build_model`.
        data: `PretrainData`.
        plan: `Plan`.
        folder: place of grids of images, for models with a decoder or generator.
    """
    if config.row.family is EPISODES:
        return [EpochLines(None if config.minutes else plan.epochs)]
    if config.row.family is not TWO_VIEWS:
        scale = max(1, round(_GRID_SIDE / max(data.image_shape[:2])))
        shown = None if hasattr(model, "sample") else data.val.images[:_SHOWN]
        grids = ImageGrids(folder, plan.grid_every, images=shown, scale=scale)
        return [grids, EpochLines(plan.epochs)]
    watched = data.val if len(data.val) >= _FEWEST_WATCHED else data.train
    if config.minutes is None:
        every, lines = max(1, plan.epochs // _WATCHED), EpochLines(plan.epochs)
    else:
        every, lines = 1, EpochLines(apart=60 * config.minutes / _LINES)
    return [EmbeddingWatch(watched, every=every, seed=config.seed), lines]


def _write(run, result):
    run.save_model(result.model)
    if result.config.conditional:
        names = list(result.data.train.class_names)
        run.write_json("classes.json", {"class_names": names})
    run.write_history(result.history)
    run.write_json("metrics.json", result.metrics)
    write_report(run.path, result)


def _result(config, metrics):
    test = metrics.get("test", {})
    parts = []
    if "negative_elbo" in test:
        parts.append(f"Test negative ELBO {test['negative_elbo']:.2f} nats")
    if "mse" in test:
        parts.append(
            f"test mean squared error {test['mse']:.5f} (PCA with as many dimensions "
            f"{test['pca_mse']:.5f})"
        )
    if metrics["samples"]:
        samples = metrics["samples"]
        parts.append(
            f"Fréchet distance of samples {samples['frechet_distance']:.2f} (of held-out images "
            f"{samples['floor']['frechet_distance']:.2f})"
        )
    if metrics["episodes"]:
        parts.append(episodes_verdict(metrics["episodes"]).rstrip("."))
    if metrics["probes"]:
        parts.append(probe_verdict(metrics["probes"]).rstrip("."))
    text = "; ".join(parts) or "Trained"
    return f"{text[0].upper()}{text[1:]}. {metrics['seconds']['total']:.0f} s."
