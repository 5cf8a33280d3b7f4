"""`tl-keras explore`: what is in pictures that nobody has labelled."""

import time

import keras

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.loading import load_unsplit
from tl_keras.evaluation.encoders.approximate_neighbours import check_index_library
from tl_keras.jobs.explore.features import picture_features
from tl_keras.jobs.explore.findings import find
from tl_keras.jobs.explore.report import write_report, write_tables
from tl_keras.jobs.runs.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.settings.label_free import PIXELS

_FEWEST = 3


def explore(config):
    """Groups pictures by likeness and writes a page with a map, groups, repeats and odd ones.

    Nothing is trained. Labels, or folders, are compared with the clusters afterwards, no more.

    Args:
        config: `ExploreSettings`.

    Returns:
        Path of the run folder: report.html, clusters.csv, pairs.csv, metrics.json, figures/map.png.

    Raises:
        InputError: the pictures or the backbone cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    check_backbone(config.backbone, PIXELS)
    with RunFolder(config.out or default_run_path("explore", config.data)) as run:
        pictures, inspection = load_unsplit(config.data, on_bad_image=config.on_bad_image)
        _check_enough(pictures, config)
        check_index_library(len(pictures))
        features, note, size = picture_features(config, pictures)
        say("Looking for groups, repeats and odd ones.")
        findings = find(
            features,
            pictures,
            inspection.fingerprints,
            clusters=config.clusters,
            seed=config.seed,
        )
        metrics = {
            "pictures": len(pictures),
            "features": features.shape[1],
            "image_size": list(size),
            "cluster_sizes": findings.clusters.sizes.tolist(),
            "silhouettes": findings.silhouettes,
            "agreement": findings.agreement,
            "pairs": sum(findings.pair_counts.values()),
            "neighbours_found": findings.neighbours_found,
            "seconds": time.monotonic() - started,
        }
        run.write_json("config.json", config.to_json())
        run.write_environment()
        run.write_json("metrics.json", metrics)
        write_tables(run.path, pictures, findings)
        write_report(run.path, config, pictures, findings, note, metrics, inspection)
    say(_result(metrics))
    say(f"Report: {run.path / 'report.html'}")
    return run.path


def _check_enough(pictures, config):
    if len(pictures) < max(_FEWEST, config.clusters or 0):
        asked = config.clusters or "auto"
        raise InputError(
            f"Expected at least {_FEWEST} pictures, and as many as clusters; received "
            f"{len(pictures)} in {printable(config.data)} and clusters={asked}. Add pictures or "
            "ask for fewer clusters."
        )


def _result(metrics):
    sizes = metrics["cluster_sizes"]
    text = (
        f"{metrics['pictures']} pictures in {len(sizes)} clusters of {', '.join(map(str, sizes))}; "
        f"{metrics['pairs']} pairs of repeats."
    )
    if metrics["agreement"]:
        agreement = metrics["agreement"]
        text += (
            f" Compared with the folders or labels: purity {agreement['purity']:.1%}, adjusted "
            f"mutual information {agreement['ami']:.2f}."
        )
    return f"{text} {metrics['seconds']:.0f} s."
