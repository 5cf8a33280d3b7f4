"""Freezing and unfreezing the layers of a backbone."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.keras_private import all_layers, users_of
from tl_keras.settings.fine_tune import parse_unfreeze
from tl_keras.training.step_memory import output_size


def freeze(model: keras.Model) -> keras.Model:
    """Freezes the whole backbone of `model`; the head keeps training.

    Compile again before `fit`: Keras reads `trainable` when it compiles.

    Returns:
        `model`.
    """
    get_backbone(model).trainable = False
    return model


def unfreeze(
    model: keras.Model,
    *,
    last: int | None = None,
    from_layer: str | None = None,
    all: bool = False,  # noqa: A002
    batch_norm: Literal["frozen", "train"] = "frozen",
) -> keras.Model:
    """Lets the upper part of the backbone of `model` train; what lies below is frozen.

    BatchNormalization layers stay frozen, their statistics too, unless `batch_norm="train"`:
    batches of a small data set would overwrite the statistics of the source. (`training=False` in
    the call, the widely copied way, does not hold them still in Keras 3.)

    Args:
        last: number of layers of the backbone, counted from its output, that train.
        from_layer: name of the first backbone layer that trains.
        all: whether the whole backbone trains.

    Returns:
        `model`. Compile it again before `fit`.

    Raises:
        InputError: not exactly one of the three is given, or there is no such layer.
    """
    check_choice("batch_norm", batch_norm, ("frozen", "train"))
    if sum((last is not None, from_layer is not None, bool(all))) != 1:
        raise InputError(
            "Expected exactly one of last=, from_layer= or all=True; "
            f"received last={last!r}, from_layer={from_layer!r}, all={all!r}."
        )
    backbone = get_backbone(model)
    layers = backbone.layers
    first = 0 if all else _first_trainable(layers, last, from_layer)
    backbone.trainable = True
    for index, layer in enumerate(layers):
        layer.trainable = index >= first
        if batch_norm == "frozen":
            freeze_batch_norm(layer)
    return model


def freeze_batch_norm(layer: keras.Layer) -> None:
    """Freezes every BatchNormalization in `layer`, statistics included."""
    for leaf in batch_norms(layer):
        leaf.trainable = False


def batch_norms(layer: keras.Layer) -> list[keras.layers.BatchNormalization]:
    """Returns the BatchNormalization layers of a layer or model, nested ones too."""
    kind = keras.layers.BatchNormalization
    return [leaf for leaf in all_layers(layer) if isinstance(leaf, kind)]


@contextlib.contextmanager
def restoring_trainable(model: keras.Model) -> Iterator[None]:
    """Puts `trainable` of every layer back after the block."""
    before = [(layer, layer.trainable) for layer in all_layers(model)]
    try:
        yield
    finally:
        for layer, trainable in before:  # a model stands before its layers
            layer.trainable = trainable


@contextlib.contextmanager
def everything_trains(model: keras.Model) -> Iterator[None]:
    """Inside the block all layers of `model` train, but BatchNormalization that is frozen."""
    frozen = {id(layer) for layer in batch_norms(model) if not layer.trainable}
    with restoring_trainable(model):
        for layer in all_layers(model):  # a model stands before its layers
            layer.trainable = id(layer) not in frozen
        yield


def _first_trainable(layers, last, from_layer):
    if from_layer is not None:
        names = [layer.name for layer in layers]
        return names.index(check_choice("from_layer", from_layer, names))
    check_number("last", last, minimum=0, maximum=len(layers), integer=True)
    return len(layers) - last


def apply_unfreeze(
    model: keras.Model,
    unfreeze_setting: str,
    batch_norm: Literal["frozen", "train"] = "frozen",
) -> keras.Model:
    """Applies the setting of `fine_tune` and the command line to `model`.

    Args:
        unfreeze_setting: "none", "all", "half" (the upper half of the backbone, cut where the
            least data crosses), "last:N" or "from:LAYER".
    """
    kind, value = parse_unfreeze(unfreeze_setting)
    if kind == "none":
        return freeze(model)
    if kind == "all":
        return unfreeze(model, all=True, batch_norm=batch_norm)
    if kind == "last":
        return unfreeze(model, last=value, batch_norm=batch_norm)
    layer = value if kind == "from" else half_way_layer(get_backbone(model))
    return unfreeze(model, from_layer=layer, batch_norm=batch_norm)


def half_way_layer(backbone: keras.Model, window: tuple[float, float] = (0.4, 0.6)) -> str:
    """Names the layer from which the upper half of `backbone` trains.

    Between 40 and 60 % of the weighted layers are above the cut. Among such cuts it is the one that
    the least data crosses, because the feature cache holds them.

    Args:
        window: lowest and highest share of weighted layers below the cut.

    Returns:
        The name of the first layer above the cut; the first layer of all where there is no graph
        to cut.
    """
    layers = backbone.layers
    position = {id(layer): index for index, layer in enumerate(layers)}
    weighted = [bool(layer.weights) for layer in layers]
    total = max(1, sum(weighted))
    best, smallest = 0, None
    for cut in range(1, len(layers)):
        if not window[0] <= sum(weighted[:cut]) / total <= window[1]:
            continue
        size = sum(
            output_size(layer)
            for index, layer in enumerate(layers[:cut])
            if _last_use(layer, position, default=index) >= cut
        )
        if smallest is None or size <= smallest:
            best, smallest = cut, size
    return layers[best].name


def _last_use(layer, position, default):
    uses = [position.get(id(operation), default) for operation in users_of(layer)]
    return max(uses, default=default)
