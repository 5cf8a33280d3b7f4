"""Small real tasks, and their features of MobileNetV2 with ImageNet weights at 224 pixels."""

import numpy as np

from docs.benchmarks.shared.data_folder import unpacked
from docs.benchmarks.shared.results import computed_once

SUITE = (
    *("bloodcells", "brainmri", "expressions", "flowers", "grocery", "signdigits", "sketch"),
    *("solarcells", "textures", "trash"),
)
TASKS = (*SUITE, "cat_breeds", "cats_vs_dogs")


def listed(text):
    """Type of an option that takes names with commas between them."""
    return tuple(text.split(","))


def mirrored_features(task, folder):
    """(features (2, n, 1280) of each image and its mirror image, labels (n,)), computed once.

    Args:
        task: name of an archive in TL_KERAS_DATA or its suite/.
        folder: where the features are kept, as TASK.npz.
    """
    path = folder / f"{task}.npz"
    kept = computed_once(path, lambda: _computed(unpacked(task, folder), mirrored=True))
    mirror = kept.get("mirror", kept["features"])
    return np.stack([kept["features"], mirror]).astype(np.float32), kept["labels"]


def plain_features(folder, path):
    """(features (n, 1280), labels (n,)) of the images of a folder, kept in the file `path`."""
    kept = computed_once(path, lambda: _computed(folder, mirrored=False))
    return kept["features"], kept["labels"]


def _computed(folder, mirrored):
    import keras

    from tl_keras import build_backbone, extract_features
    from tl_keras.data.loading import load_unsplit

    images, _ = load_unsplit(str(folder))
    encoder = build_backbone("mobilenet_v2")
    found = {"features": extract_features(encoder, images), "labels": images.labels}
    if mirrored:
        image = keras.Input(encoder.input_shape[1:])
        turned = keras.Model(image, encoder(keras.ops.flip(image, axis=2)))
        found["mirror"] = extract_features(turned, images)
    return found
