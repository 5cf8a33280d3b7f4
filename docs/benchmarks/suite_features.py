"""Features of the small real tasks, of MobileNetV2 with ImageNet weights at 224 pixels."""

import os
import tarfile
from pathlib import Path

import numpy as np

TASKS = (
    *("bloodcells", "brainmri", "cat_breeds", "cats_vs_dogs", "expressions", "flowers", "grocery"),
    *("signdigits", "sketch", "solarcells", "textures", "trash"),
)


def features_of(task, folder):
    """(features (2, n, 1280) of each image and its mirror image, labels (n,)), computed once.

    Args:
        task: name of an archive in TL_KERAS_DATA or its suite/.
        folder: where the features are kept, as TASK.npz.
    """
    path = Path(folder) / f"{task}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **computed(unpacked(task, path.parent)))
    with np.load(path, allow_pickle=False) as kept:
        features = kept["features"]
        mirror = kept.get("mirror", features)
        return np.stack([features, mirror]).astype(np.float32), kept["labels"]


def computed(folder):
    import keras

    from tl_keras import build_backbone, extract_features
    from tl_keras.data.loading import load_unsplit

    images, _ = load_unsplit(str(folder))
    encoder = build_backbone("mobilenet_v2")
    image = keras.Input(encoder.input_shape[1:])
    mirrored = keras.Model(image, encoder(keras.ops.flip(image, axis=2)))
    return {
        "features": extract_features(encoder, images),
        "mirror": extract_features(mirrored, images),
        "labels": images.labels,
    }


def unpacked(task, folder):
    """The folder of the images of a task."""
    place = folder / "data" / task
    if not place.is_dir():
        data = Path(os.environ["TL_KERAS_DATA"])
        names = (data / f"{task}.tar.gz", data / "suite" / f"{task}.tar.gz")
        with tarfile.open(next(path for path in names if path.exists())) as file:
            file.extractall(place.parent, filter="data")
    return place
