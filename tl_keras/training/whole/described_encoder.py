"""Training of a small encoder on images of described classes."""

from dataclasses import replace

import keras
import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.sources.class_descriptions import ClassDescriptions
from tl_keras.models.backbones.small_resnet import build_small_resnet
from tl_keras.training.whole.from_scratch import fit_from_scratch

_SIDE, _WIDTH = 32, 16
_SETTINGS = {"lr": 4e-3, "batch_size": 128, "weight_decay": 1e-3}


def train_described_encoder(
    images: ImageDataset,
    descriptions: ClassDescriptions,
    *,
    image_size: int | None = None,
    epochs: int = 20,
    seed: int = 0,
) -> keras.Model:
    """Trains `small_resnet` to recognise classes by their descriptions, from random weights.

    A Dense layer predicts the columns of the descriptions from the features. The logit of a class
    is its product with the description of the class, which is not trained. So the features learn
    the attributes, not the classes: that is what unseen classes need.

    Args:
        images: `ImageDataset` of seen classes; labels are rows of the descriptions.
        descriptions: of the classes.
        image_size: side in pixels. Defaults to 32.
        epochs: int. Defaults to 20.
        seed: int, of weights and order. Defaults to 0.

    Returns:
        The encoder: images (b, h, w, 3) 0-255 -> features (b, 128).
    """
    keras.utils.set_random_seed(seed % 2**31)
    seen, labels = np.unique(images.labels, return_inverse=True)
    names = tuple(images.class_names[row] for row in seen)
    own = replace(images, labels=labels.astype(np.int32), class_names=names)
    encoder = build_small_resnet(image_size or _SIDE, width=_WIDTH)
    values = descriptions.values[seen]
    attributes = keras.layers.Dense(values.shape[1], name="attributes")(encoder.output)
    fixed = keras.layers.Dense(
        len(seen), activation="softmax", use_bias=False, trainable=False, dtype="float32",
        name="predictions",
    )  # fmt: skip
    model = keras.Model(encoder.input, fixed(attributes))
    fixed.set_weights([values.T.astype(np.float32)])
    fit_from_scratch(model, own, epochs=epochs, seed=seed, **_SETTINGS)
    return encoder
