"""The zero-shot classifier of each method, on features of an encoder."""

import keras
import numpy as np

from tl_keras.jobs.few_labels.few_shot.encoder import load_encoder
from tl_keras.jobs.few_labels.zero_shot.described_images import DescribedImages
from tl_keras.models.attributes.attribute_classifier import AttributeClassifier
from tl_keras.models.attributes.class_scores import ClassScores
from tl_keras.models.attributes.eszsl import ESZSL
from tl_keras.progress import say
from tl_keras.settings.few_labels import zero_shot as names
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings
from tl_keras.settings.label_free import SMALL_RESNET
from tl_keras.training.whole.compatibility import fit_compatibility
from tl_keras.training.whole.described_encoder import train_described_encoder


def encoder_of(settings: ZeroShotSettings, images: DescribedImages) -> tuple[keras.Model, str]:
    """Returns the encoder and a sentence on where its features come from.

    Raises:
        InputError: the encoder or its weights are not available.
    """
    if settings.backbone != SMALL_RESNET:
        found = load_encoder(settings, images.train, "backbone")
        return found.model, found.source
    say(f"Training {SMALL_RESNET} on the seen classes and their descriptions.")
    encoder = train_described_encoder(
        images.train,
        images.descriptions,
        image_size=settings.image_size,
        epochs=settings.own_epochs,
        seed=settings.seed,
    )
    side = " x ".join(map(str, encoder.input_shape[1:3]))
    words = "on the seen classes and their descriptions"
    return encoder, f"Features are those of {SMALL_RESNET} on {side} pixels, trained here {words}."


def fit_classifier(
    settings: ZeroShotSettings, images: DescribedImages, features: np.ndarray
) -> ClassScores:
    """Returns the classifier of `settings.method`, fitted to features of the training images."""
    labels, seed = images.train.labels, settings.seed % 2**31
    if settings.method == names.COMPATIBILITY:
        units = settings.hidden_units or ()
        return fit_compatibility(
            features, labels, images.descriptions, hidden_units=units, seed=seed
        )
    kind = {names.ESZSL: ESZSL, names.DAP: AttributeClassifier}[settings.method]
    return kind(images.descriptions, seed=seed).fit(features, labels)


def on_images(encoder: keras.Model, classifier: ClassScores, classes: list[str]) -> keras.Model:
    """Builds a model from images to the probabilities of `classes`, of Keras's own layers.

    Args:
        encoder: images (b, h, w, c) -> features (b, d) or (b, h', w', d). It is shared.
        classifier: fitted classifier on its features.
        classes: names of the candidates.
    """
    image = keras.Input(encoder.input_shape[1:], name="image")
    x = encoder(image)
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D(name="head_pool", dtype="float32")(x)
    for layer in classifier.to_keras(classes).layers[1:]:
        x = layer(x)
    return keras.Model(image, x, name="classifier")
