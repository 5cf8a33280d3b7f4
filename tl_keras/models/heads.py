"""Heads: layers between the features of a backbone and the last Dense layer.

Heads consist of Keras layers only, so a saved classifier loads without this package.
"""

import keras
from keras import layers

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.settings.train import DROPOUT, HEADS, HIDDEN_UNITS, NO_HIDDEN_LAYER

_GATE_REDUCTION = 16
_ADAPTER_REDUCTION = 8


def apply_head(
    features: keras.KerasTensor,
    head: str = "linear",
    *,
    hidden_units: int | None = None,
    dropout: float | None = DROPOUT,
) -> keras.KerasTensor:
    """Turns features into one vector per image.

    Args:
        features: Keras tensor, a feature map (b, h, w, c) or a vector (b, c). Only "gap" and
            "linear" accept a vector, without pooling.
        head: str, one of `HEADS`. Defaults to "linear".
            "gap": global average pooling, Dense ReLU, dropout.
            "linear": global average pooling, dropout; no weights before the classes.
            "attention": average weighted by a learned softmax over positions.
            "gated": squeeze-and-excitation scaling of the channels before pooling.
            "residual": a bottleneck adapter before pooling, initially the identity.
        hidden_units: int, width of the Dense ReLU layer. Defaults to 1024; "linear" has none.
        dropout: float in [0, 1), the rate before the classes. Defaults to 0.3.

    Returns:
        Keras tensor (b, hidden_units), or (b, c) for "linear".

    Raises:
        InputError: the head is unknown, a spatial head gets vectors, or a number is out of range.

    Reference:
        Average pooling: Lin, Chen & Yan (2013), arXiv:1312.4400. Attention pooling: Ilse, Tomczak
        & Welling (2018), arXiv:1802.04712; this one scores linearly. Gate: Hu, Shen & Sun (2017),
        arXiv:1709.01507. Adapter: Rebuffi, Bilen & Vedaldi (2017), arXiv:1705.08045; this one
        follows the last block only, with a bottleneck as in Houlsby et al. (2019),
        arXiv:1902.00751.
    """
    check_head(head, hidden_units=hidden_units, dropout=dropout)
    vector = _POOLINGS[head](features) if _is_map(features, head) else features
    if head != NO_HIDDEN_LAYER:
        vector = layers.Dense(hidden_units or HIDDEN_UNITS, activation="relu", name="head_dense")(
            vector
        )
    return layers.Dropout(dropout, name="head_dropout")(vector)


def check_head(head: str, *, hidden_units: int | None, dropout: float | None) -> None:
    """Raises InputError unless `apply_head` takes these arguments."""
    check_choice("head", head, HEADS)
    if hidden_units is not None:
        check_number("hidden_units", hidden_units, minimum=1, integer=True)
    if hidden_units is not None and head == NO_HIDDEN_LAYER:
        raise InputError(
            f"Expected no hidden_units with head={head!r}, which has no hidden layer; received "
            f"hidden_units={hidden_units}. Leave it out or choose another head."
        )
    check_number("dropout", dropout, minimum=0, below=1)


def _is_map(features, head):
    """Returns whether the features have positions to pool; refuses invalid features."""
    rank = len(features.shape)
    if rank == 4 or (rank == 2 and head in ("gap", "linear")):
        return rank == 4
    wanted = "(b, h, w, c) or (b, c)" if head in ("gap", "linear") else "(b, h, w, c)"
    raise InputError(
        f"Expected features of shape {wanted} for head={head!r}; received {tuple(features.shape)}. "
        "Choose head='gap' or 'linear' for a backbone that returns vectors."
    )


def _average(features):
    return layers.GlobalAveragePooling2D(name="head_pool")(features)


def _attention(features):
    # A bias would cancel in the softmax and never get a gradient. Zero scores weigh all
    # positions equally, so training starts from the plain average.
    channels = features.shape[-1]
    scores = layers.Conv2D(
        1, 1, use_bias=False, kernel_initializer="zeros", name="head_attention_scores"
    )(features)
    scores = layers.Reshape((-1, 1), name="head_attention_flat_scores")(scores)
    weights = layers.Softmax(axis=1, name="head_attention_weights")(scores)
    values = layers.Reshape((-1, channels), name="head_attention_values")(features)
    pooled = layers.Dot(axes=1, name="head_attention_sum")([weights, values])
    return layers.Reshape((channels,), name="head_pool")(pooled)


def _gated(features):
    channels = features.shape[-1]
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name="head_gate_squeeze")(features)
    reduced = layers.Dense(
        max(channels // _GATE_REDUCTION, 1), activation="relu", name="head_gate_reduce"
    )(squeezed)
    gate = layers.Dense(channels, activation="sigmoid", name="head_gate")(reduced)
    return _average(layers.Multiply(name="head_gate_scale")([features, gate]))


def _residual(features):
    channels = features.shape[-1]
    down = layers.Conv2D(
        max(channels // _ADAPTER_REDUCTION, 1), 1, activation="relu", name="head_adapter_down"
    )(features)
    up = layers.Conv2D(channels, 1, kernel_initializer="zeros", name="head_adapter_up")(down)
    return _average(layers.Add(name="head_adapter_add")([features, up]))


_POOLINGS = {
    "gap": _average,
    "linear": _average,
    "attention": _attention,
    "gated": _gated,
    "residual": _residual,
}
