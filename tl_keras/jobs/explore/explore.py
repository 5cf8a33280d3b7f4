"""`tl-keras explore`: a look into images without labels."""

import time

import keras

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.loading import load_unsplit
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.evaluation.encoders.approximate_neighbours import check_index_library
from tl_keras.evaluation.encoders.findings import find
from tl_keras.files import write_csv
from tl_keras.jobs.features.encoder_features import encoder_features, need_encoder_weights
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.explore_page import explore_page
from tl_keras.reports.pages.results import ExploreResults
from tl_keras.settings.features import PIXELS

_FEWEST = 3


def explore(config):
    """Clusters images by similarity and writes a page with a map, clusters, repeats and outliers.

    Nothing is trained. Labels, or folders, are only compared with the clusters afterwards.

    Args:
        config: `ExploreSettings`.

    Returns:
        Path of the run folder: report.html, clusters.csv, pairs.csv, metrics.json, figures/map.png.

    Raises:
        InputError: the images or the backbone cannot be used; nothing is left half-written.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(config.seed)
    check_backbone(config.backbone, PIXELS)
    with RunFolder(config.out or default_run_path("explore", config.data)) as run:
        need_encoder_weights(config.backbone, config.weights, config.data, config.image_size)
        images, inspection = load_unsplit(
            config.data,
            on_bad_image=config.on_bad_image,
            sounds=Sounds.asked(config),
            fixes=config.fixes,
        )
        _check_enough(images, config)
        check_index_library(len(images))
        features, source, size = encoder_features(
            config.backbone, images, weights=config.weights, image_size=config.image_size
        )
        say("Looking for clusters, repeats and outliers.")
        findings = find(
            features,
            images,
            inspection.fingerprints,
            clusters=config.clusters,
            seed=config.seed,
        )
        metrics = {
            "pictures": len(images),
            "features": features.shape[1],
            "image_size": list(size),
            "cluster_sizes": findings.clusters.sizes.tolist(),
            "large_groups": findings.groups.large,
            "merge_costs": findings.groups.costs,
            "agreement": findings.agreement,
            "pairs": sum(findings.pair_counts.values()),
            "neighbours_found": findings.neighbours_found,
            "seconds": time.monotonic() - started,
        }
        run.write_json("config.json", config.to_json())
        run.write_environment()
        run.write_json("metrics.json", metrics)
        _write_tables(run.path, images.ids, findings)
        results = ExploreResults(
            config=config,
            images=images,
            findings=findings,
            source=source,
            metrics=metrics,
            inspection=inspection,
        )
        write_page(run.path / "report.html", explore_page(results))
    say(_result(metrics))
    say(f"Report: {run.path / 'report.html'}")
    return run.path


def _write_tables(folder, paths, findings):
    """Writes clusters.csv (path, cluster, distance, outlier_score, part) and pairs.csv."""
    found, parts = findings.clusters, findings.groups.parts
    columns = (paths, found.numbers + 1, found.distances, findings.loneliness, parts + 1)
    rows = (
        (path, number, f"{distance:.6g}", f"{lonely:.6g}", part)
        for path, number, distance, lonely, part in zip(*columns, strict=True)
    )
    header = ("path", "cluster", "distance", "outlier_score", "part")
    write_csv(folder / "clusters.csv", header, rows)
    pairs = [(paths[pair.first], paths[pair.second], pair.kind) for pair in findings.pairs]
    write_csv(folder / "pairs.csv", ("first", "second", "kind"), pairs)


def _check_enough(images, config):
    if len(images) < max(_FEWEST, config.clusters or 0):
        asked = config.clusters or "auto"
        raise InputError(
            f"Expected at least {_FEWEST} images, and as many as clusters; received "
            f"{len(images)} in {printable(config.data)} and clusters={asked}. Add images or "
            "ask for fewer clusters."
        )


def _result(metrics):
    sizes = metrics["cluster_sizes"]
    text = (
        f"{metrics['pictures']} images in {len(sizes)} clusters of {', '.join(map(str, sizes))}; "
        f"{metrics['pairs']} pairs of repeats."
    )
    if metrics["agreement"]:
        agreement = metrics["agreement"]
        text += (
            f" Compared with the folders or labels: purity {agreement['purity']:.1%}, adjusted "
            f"mutual information {agreement['ami']:.2f}."
        )
    return f"{text} {metrics['seconds']:.0f} s."
