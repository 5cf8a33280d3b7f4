"""Images of the tasks, and their features: sources of few images a class, drawn from larger ones.

A task such as flowers~4 has the first four classes of flowers. A cell is (task, labels per class,
seed, pixels).
"""

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from docs.benchmarks.shared.data_folder import data_file, unpacked
from docs.benchmarks.shared.results import computed_once

ALPHABETS = ("Greek", "Korean", "Balinese")
CHARACTERS, PER_CLASS = 10, 150
SPLIT = (0.6, 0.1, 0.3)


def parts(cell, out):
    """(train, val, test) of a cell; files are not opened."""
    from tl_keras.data.loading import load_unchecked
    from tl_keras.data.splits import keep_per_class, make_splits

    task, labels, seed, _ = cell
    contents = load_unchecked(str(folder(task, out)))
    splits, _ = make_splits(contents.parts, split_fractions=SPLIT, seed=seed)
    return keep_per_class(splits.train, labels, seed), splits.val, splits.test


def folder(task, out):
    """The folder of a task's images, one sub-folder for each class."""
    base, _, classes = task.partition("~")
    path = out / "data" / task
    if path.exists():
        return path
    if classes:
        whole = folder(base, out)
        path.mkdir(parents=True)
        names = sorted(each.name for each in whole.iterdir())[: int(classes)]
        for name in names:
            (path / name).symlink_to((whole / name).resolve(), target_is_directory=True)
        return path
    part = out / "data" / f".part-{task}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    draw = {"cifar10": draw_cifar, "mnist": draw_mnist, "omniglot": draw_omniglot}.get(base)
    draw(part) if draw else unpack(base, part)
    part.rename(path)
    return path


def unpack(task, to):
    """Images of all splits, below one folder for each class."""
    from tl_keras.data.loading import load_unchecked

    whole = to.with_name(f"{to.name}-unpacked")
    for part, dataset in load_unchecked(str(unpacked(task, whole))).parts.items():
        for path, label in zip(dataset.images, dataset.labels, strict=True):
            target = to / dataset.class_names[label] / f"{part}-{Path(path).name}"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
    shutil.rmtree(whole)


def draw_cifar(to):
    kept = {}
    with tarfile.open(data_file("cifar10.tar.gz")) as tar:
        for member in tar:
            name = Path(member.name)
            if not member.isfile() or name.parts[-3] != "test":
                continue
            if kept.setdefault(name.parts[-2], 0) < PER_CLASS:
                kept[name.parts[-2]] += 1
                put(to / name.parts[-2] / name.name, tar.extractfile(member).read())


def draw_mnist(to):
    from PIL import Image

    with np.load(data_file("mnist.npz")) as file:
        x, y = file["x_test"], file["y_test"]
    for digit in range(10):
        for row in np.flatnonzero(y == digit)[:PER_CLASS]:
            stream = io.BytesIO()
            Image.fromarray(x[row]).save(stream, "PNG")
            put(to / str(digit) / f"{row}.png", stream.getvalue())


def draw_omniglot(to):
    with zipfile.ZipFile(data_file("omniglot_background_small1.zip")) as file:
        for name in file.namelist():
            _, *words = name.split("/")
            if len(words) != 3 or words[0] not in ALPHABETS or not words[2].endswith(".png"):
                continue
            if int(words[1].removeprefix("character")) <= CHARACTERS:
                put(to / f"{words[0]}-{words[1]}" / words[2], file.read(name))


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def features_of(task, pixels, out):
    """({name below the folder: row}, features) of all images of a task, computed once."""
    from tl_keras.data.loading import load_unsplit
    from tl_keras.jobs.features.encoder_features import encoder_features

    base = task.partition("~")[0]

    def compute():
        images, _ = load_unsplit(str(folder(base, out)))
        features = encoder_features("mobilenet_v2", images, image_size=pixels)[0]
        names = [os.path.relpath(name, folder(base, out)) for name in images.ids]
        return {"features": features, "names": np.array(names)}

    kept = computed_once(out / "features" / f"{base}-{pixels}.npz", compute)
    return {name: row for row, name in enumerate(kept["names"])}, kept["features"]


def rows_of(part, cell, out):
    """Features of the images of one split."""
    rows, features = features_of(cell[0], cell[3], out)
    root = folder(cell[0], out)
    return features[[rows[os.path.relpath(name, root)] for name in part.ids]]
