"""Classifiers: a backbone, a head and one softmax layer."""

from pathlib import Path

import keras

from tl_keras.checks import check_number
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.backbones.backbone import build_backbone, get_backbone
from tl_keras.models.heads import apply_head, check_head
from tl_keras.settings.train import (
    NO_HIDDEN_LAYER,
    TrainSettings,
    usual_dropout,
)


def build_classifier(
    backbone: keras.Model | str | Path,
    num_classes: int,
    *,
    image_size: tuple[int, int] | int | None = None,
    weights: str | Path | None = "imagenet",
    head: str = TrainSettings.head,
    hidden_units: int | None = None,
    dropout: float | None = None,
    classifier_activation: str | None = "softmax",
) -> keras.Model:
    """Builds an image classifier on a backbone.

    The backbone is nested as one layer. `get_backbone` finds it again, also after saving and
    loading. All layers are trainable; `tl_keras.freeze` freezes the backbone.

    Example:
        model = build_classifier("resnet50", 5, weights="random", image_size=96)

    Args:
        backbone: str, path or keras.Model; see `build_backbone`.
        num_classes: int, at least 2.
        image_size: int or (height, width). Defaults to the size of the backbone.
        weights: "imagenet", None or "random", or a weights file. Defaults to "imagenet".
        head: str, one of `HEADS`. Defaults to "linear".
        hidden_units: int, width of the head's Dense ReLU layer. Defaults to 1024; "linear" has
            none.
        dropout: float in [0, 1). Defaults to None: 0 for head="linear", which can start from
            a logistic regression, else 0.3.
        classifier_activation: str or None; None returns logits. Defaults to "softmax".

    Returns:
        Functional model: "image" (b, h, w, 3) RGB 0-255 -> "predictions" (b, num_classes) float32.

    Raises:
        InputError: an argument is invalid or the weights are unavailable. Nothing is downloaded
            before the other arguments are checked.
    """
    check_number("num_classes", num_classes, minimum=2, integer=True)
    if dropout is None:
        dropout = usual_dropout(head == NO_HIDDEN_LAYER)
    check_head(head, hidden_units=hidden_units, dropout=dropout)
    backbone = build_backbone(backbone, image_size=image_size, weights=weights)
    image = keras.Input(backbone.input_shape[1:], name="image")
    features = apply_head(backbone(image), head, hidden_units=hidden_units, dropout=dropout)
    predictions = keras.layers.Dense(
        num_classes, activation=classifier_activation, dtype="float32", name="predictions"
    )(features)
    return keras.Model(image, predictions, name="classifier")


def replace_head(model: keras.Model, num_classes: int) -> keras.Model:
    """Builds a classifier for other classes on the same backbone, with a new head of the same kind.

    The backbone is shared, not copied: training one classifier changes the other. To continue from
    a trained classifier with other labels, call `fine_tune(replace_head(load_model("source.keras"),
    5), train, val)`.

    Args:
        model: classifier from `build_classifier`; it stays unchanged.
        num_classes: int, at least 2.

    Returns:
        Functional model like that of `build_classifier`. Its head has random weights. For a seed
        call `keras.utils.set_random_seed` first.

    Raises:
        InputError: `model` has no nested backbone, or num_classes is below 2.
    """
    check_number("num_classes", num_classes, minimum=2, integer=True)
    model = classifier_of(model)
    backbone, last = get_backbone(model), model.layers[-1]

    def renew(layer):
        if layer is backbone:
            return layer
        config = layer.get_config() | ({"units": num_classes} if layer is last else {})
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=renew)
