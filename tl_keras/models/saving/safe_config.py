"""Limits on the classes and sizes that a saved model's configuration may name."""

from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.settings.methods import MODEL_MODULES

# Modules of data-only classes. keras.utils, keras.saving and the rest can touch files.
_MODULES = (
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.quantizers",
    "keras.random",
    "keras.regularizers",
)
_INTERNAL_MODULES = ("keras.src.ops.", "keras.src.layers.", "keras.src.optimizers.")
_INTERNAL_CLASSES = {
    ("keras", "DTypePolicy"),
    ("keras", "DTypePolicyMap"),
    ("keras", "Functional"),
    ("keras", "Model"),
    ("keras", "Sequential"),
    ("keras", "Variable"),
    ("keras.models", "Functional"),
    ("keras.models", "Model"),
    ("keras.models", "Sequential"),
    ("keras.src.models.functional", "Functional"),
    ("keras.src.models.model", "Model"),
    ("keras.src.models.sequential", "Sequential"),
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.convnext", "StochasticDepth"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
}
# The models of tl_keras by class name; a file may name nothing else of tl_keras.
OWN_MODELS = {
    "CNN": "tl_keras.models.baselines.cnn",
    "MLP": "tl_keras.models.baselines.mlp",
    "RNN": "tl_keras.models.baselines.rnn",
    "CompatibilityModel": "tl_keras.models.attributes.compatibility",
    **MODEL_MODULES,
}
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__slice__", "__ellipsis__"}
# Layers that run code, read files from outside the model or make constants of any size.
_FOREIGN = {
    "FlaxLayer",
    "HashedCrossing",
    "IntegerLookup",
    "JaxLayer",
    "Lambda",
    "MelSpectrogram",
    "STFTSpectrogram",
    "StringLookup",
    "TFSMLayer",
    "TextVectorization",
    "TorchModuleWrapper",
}
_SIZES = {
    "batch_shape",
    "depth_multiplier",
    "discriminator_width",
    "feature_dim",
    "filters",
    "hidden_units",
    "input_dim",
    "input_shape",
    "key_dim",
    "k",
    "kernel_size",
    "latent_dim",
    "num_classes",
    "num_heads",
    "output_dim",
    "padding",
    "pool_size",
    "predictor_units",
    "projection_units",
    "shape",
    "size",
    "target_shape",
    "units",
    "width",
}
_MOST = 2**20


def check_config(config: dict, path: str | Path) -> None:
    """Refuses a configuration that names anything but Keras's building blocks and `OWN_MODELS`.

    Args:
        config: dict, the parsed JSON.
        path: name of the file in messages.

    Raises:
        InputError: the configuration has a Lambda layer, a foreign class or function, or a size
            over 2**20.
    """
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if "class_name" in item:
                _check_class(item, path)
            for key in _SIZES & item.keys():
                _check_size(key, item[key], path)
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _check_class(item, path):
    name, module = item["class_name"], item.get("module")
    if name in _VALUES and module is None:
        return
    registered = item.get("registered_name")
    if isinstance(name, str) and isinstance(module, str) and name not in _FOREIGN:
        # Keras looks up the registered name first, so it must not lead elsewhere.
        if name in OWN_MODELS and _is_same_file(module, OWN_MODELS[name]):
            if registered == f"tl_keras>{name}":
                return
        elif registered in (None, name) and _is_of_keras(module, name):
            return
    alias = "" if registered in (None, name) else f", registered as {registered!r}"
    raise InputError(
        f"Expected a model of Keras's own layers or of tl_keras; received {path} with {name!r} "
        f"from {module!r}{alias}. Nothing was executed. Save the weights "
        "alone (.weights.h5) where it was made and load them into a backbone."
    )


def _is_same_file(module, own):
    """Returns whether a module is one of tl_keras, possibly in the folder of an earlier version."""
    return module.startswith("tl_keras.models.") and module.split(".")[-1] == own.split(".")[-1]


def _is_of_keras(module, name):
    known = module in _MODULES or module.startswith(_INTERNAL_MODULES)
    return (known and "__" not in name) or (module, name) in _INTERNAL_CLASSES


def _check_size(key, value, path):
    if isinstance(value, dict):  # a tuple, as Keras writes it
        value = value.get("config", {}).get("value", value.get("items", []))
    numbers = value if isinstance(value, list) else [value]
    flat = [n for part in numbers for n in (part if isinstance(part, list) else [part])]
    if any(isinstance(n, (int, float)) and abs(n) > _MOST for n in flat):
        raise InputError(
            f"Expected sizes of at most {_MOST:,} in a model; received {key}={value} in {path}."
        )
