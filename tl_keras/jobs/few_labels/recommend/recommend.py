"""`tl-keras recommend`: descriptors, ranking and page."""

import dataclasses
import shlex
import time

import keras

from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.images import printable
from tl_keras.data.loading import load_dataset
from tl_keras.evaluation.policy.advice import advise
from tl_keras.evaluation.policy.descriptors import describe
from tl_keras.jobs.features.kept_features import kept_features
from tl_keras.jobs.few_labels.recommend.times import estimated_seconds, speed_of
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone, need_weights
from tl_keras.progress import say
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.recommend_page import recommend_page
from tl_keras.reports.pages.results import RecommendResults
from tl_keras.reports.wording.numbers import format_duration, format_percent
from tl_keras.reports.wording.recommendation import beyond_sentences, policy_sentences, title_of
from tl_keras.settings.few_labels.recommend import STRATEGIES


def recommend(config):
    """Ranks strategies for labelled images and writes a page with reasons and command lines.

    Nothing is trained but the logistic regression on frozen features. Only the images of the
    training split are looked at.

    Args:
        config: `RecommendSettings`.

    Returns:
        Path of the run folder: report.html, metrics.json, config.json.

    Raises:
        InputError: the images or the backbone cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    check_backbone(config.backbone)
    with RunFolder(config.out or default_run_path("recommend", config.data)) as run:
        need_weights(config.backbone, None, config.data, config.image_size)
        splits = _loaded(config)
        features = kept_features(
            config.backbone,
            splits.train,
            splits.inspection.contents,
            image_size=config.image_size,
        )
        advice = advise(describe(splits.train, features, seed=config.seed), _allowed(config))
        times = estimated_seconds(
            speed_of(config, splits),
            splits,
            features.shape[1],
            advice.rows,
            refit=config.labels_per_class is None,
        )
        metrics = _metrics(advice, times, time.monotonic() - started)
        run.write_json("config.json", config.to_json())
        run.write_environment()
        run.write_json("metrics.json", metrics)
        results = RecommendResults(
            config=config,
            advice=advice,
            seconds=times,
            commands={name: command_line(name, config, splits.train) for name in advice.ranking},
            metrics=metrics,
            inspection=splits.inspection,
        )
        write_page(run.path / "report.html", recommend_page(results))
    _say(results, run.path)
    return run.path


def command_line(name, config, train):
    """Returns the command line of a strategy for the data of `config`."""
    labels = config.labels_per_class
    values = {
        "backbone": config.backbone,
        "data": printable(config.data),
        "unlabelled": printable(config.unlabelled or ""),
        "labels": str(labels or min(train.class_counts().values())),
    }
    quoted = {key: shlex.quote(value) for key, value in values.items()}
    return "\n".join(
        line.format(**quoted) + "".join(_options(line, config))
        for line in STRATEGIES[name].command.splitlines()
    )


def _options(line, config):
    """Yields the options with which a command reads the images that were judged."""
    command, usual = line.split()[1], {f.name: f.default for f in dataclasses.fields(config)}
    names = ["fixes", "on_bad_image", "seed"]
    names += [] if command == "few-shot" else ["group_by", "split"]  # it takes all images
    names += ["labels_per_class"] if command == "train" else []
    names += ["image_size"] if "{backbone}" in line else []
    for name in names:
        value = getattr(config, name)
        if value != usual[name]:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            yield f" --{name.replace('_', '-')} {shlex.quote(printable(text))}"


def _loaded(config):
    """Returns `Splits` as `train` cuts them."""
    return load_dataset(
        config.data,
        seed=config.seed,
        split_fractions=config.split,
        labels_per_class=config.labels_per_class,
        on_bad_image=config.on_bad_image,
        fixes=config.fixes,
        group_by=config.group_by or DUPLICATES,
    )


def _allowed(config):
    return [
        name
        for name, strategy in STRATEGIES.items()
        if config.unlabelled or not strategy.needs_unlabelled
    ]


def _metrics(advice, times, seconds):
    ranking = [
        {
            "strategy": name,
            "expected": advice.expected[name] and dataclasses.asdict(advice.expected[name]),
            "seconds": times.get(name),
        }
        for name in advice.ranking
    ]
    return {"ranking": ranking, "descriptors": advice.descriptors, "seconds": seconds}


def _say(results, path):
    advice = results.advice
    for place, name in enumerate(advice.ranking, 1):
        expected = advice.expected[name]
        words = "accuracy unknown"
        if expected:
            low, high = (format_percent(value, 0) for value in (expected.low, expected.high))
            words = f"accuracy {format_percent(expected.mean, 0)} ({low} to {high})"
        seconds = results.seconds.get(name)
        took = "" if seconds is None else f", {format_duration(seconds)}"
        say(f"{place}. {title_of(name)}: {words}{took}")
    sentences = policy_sentences(advice.judgement)
    for sentence in [*sentences, *beyond_sentences(advice.descriptors, advice.rows)]:
        say(sentence)
    say(f"Run: {results.commands[advice.choice]}")
    say(f"Report: {path / 'report.html'}")
