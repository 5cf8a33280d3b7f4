"""Images that a run knows, as it was trained on them."""

import dataclasses
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.checking import Inspection
from tl_keras.data.split_records import REST, contents_of
from tl_keras.files import read_json
from tl_keras.jobs.runs.reading.trained_run import RunRecords
from tl_keras.jobs.runs.writing.unmeasured import read_unmeasured
from tl_keras.progress import say
from tl_keras.settings.image_source import SMALL_RESNET


def with_known(
    inspection: Inspection, datasets: Sequence[ImageDataset], backbones: Iterable[str], what: str
) -> Inspection:
    """Warns of images that backbones learned with their classes: figures on them are too good.

    Args:
        inspection: `Inspection` of the images, with their contents.
        datasets: those that figures are of.
        backbones: names, files and run folders; those that `seen_by` knows count.
        what: name of the images, such as "test images".

    Returns:
        The inspection with a warning for each such backbone, which is also printed.
    """
    own, lines = None, []
    for backbone in dict.fromkeys(backbones):
        seen = seen_by(backbone)
        if seen:
            own = own or [c for part in datasets for c in contents_of(part, inspection.contents)]
            known = sum(content in seen for content in own)
            if known:
                lines.append(
                    f"NOT ALL NEW: of {len(own)} {what}, {backbone} was trained on {known}. "
                    "Figures on them are too good."
                )
    for line in lines:
        say(line)
    return dataclasses.replace(inspection, warnings=(*inspection.warnings, *lines))


def seen_by(backbone: str) -> Set[bytes]:
    """Returns the hashes of the images that a backbone was trained on with their classes.

    Those of a run that trained it, or of a file in the run, and of the runs that it came from. Runs
    of `tl-keras pretrain` have no record of their images.
    """
    seen, asked, path = set(), set(), Path(backbone)
    while path not in asked:
        asked.add(path)
        folder = path.parent if path.is_file() else path
        if not (folder / "config.json").is_file():
            break
        run = RunRecords(folder, read_json(folder / "config.json"))
        if _trained_backbone(run.config):
            seen |= trained_on(run)
        path = Path(run.config.get("backbone") or run.config.get("encoder") or folder)
    return seen


def _trained_backbone(config):
    """Returns whether a run trained more than a classifier on features of its backbone."""
    if config.get("teacher") or config.get("pruned_from"):
        return True  # whatever their origin trained
    if "support" in config:
        return False
    if "attributes" in config:
        return config.get("backbone") == SMALL_RESNET
    tuning = config.get("fine_tune", {})
    still = tuning.get("unfreeze") == "none" or tuning.get("preset") == "fast"
    return not (still or tuning.get("epochs") == 0)


def trained_on(trained):
    """Returns the content hashes that a run was trained on, those without labels included."""
    splits = {"train"}
    if trained.config.get("unlabelled") == REST:
        splits.add(REST)
    if was_refitted(trained):
        splits.add("val")
    return set().union(*(trained.contents(split) for split in splits))


def was_refitted(trained):
    """Returns whether a run, or the one that it comes from, was trained on its validation images.

    The refit that config.json asks for is left out if time is over or the loss becomes NaN. What
    was done is in metrics.json, or in unmeasured.json; config.json counts where neither says it.
    """
    done = _metrics_so_far(Path(trained.path)).get("fine_tuning", {}).get("refit")
    asked = trained.config.get("fine_tune", {}).get("refit", False)
    return bool(asked if done is None else done)


def _metrics_so_far(path):
    unmeasured = read_unmeasured(path)
    if unmeasured is not None:
        return unmeasured[0]
    return read_json(path / "metrics.json") if (path / "metrics.json").is_file() else {}


def without_contents(dataset, contents, banned, why):
    """Returns the dataset without images whose content is in `banned`; prints their number."""
    kept = [i for i, c in enumerate(contents_of(dataset, contents)) if c not in banned]
    if len(kept) == len(dataset):
        return dataset
    say(f"{len(dataset) - len(kept)} of {len(dataset)} {dataset.split} images are left out: {why}.")
    return dataset.subset(kept)


def say_known(trained, datasets, contents):
    """Prints the number of images of other data that a run knows."""
    if trained.records is None:
        say(
            f"{trained.path} is older than records of splits: whether it was trained on some of "
            "these images is unknown."
        )
        return
    found = [content for part in datasets for content in contents_of(part, contents)]
    seen = trained_on(trained)
    train, val = (
        sum(content in known for content in found)
        for known in (seen, trained.contents("val") - seen)
    )
    if train or val:
        chose = f", and its weights were chosen on {val} more" if val else ""
        say(
            f"NOT ALL NEW: of {len(found)} images, {trained.path} was trained on {train}{chose}. "
            "The figures flatter it."
        )
