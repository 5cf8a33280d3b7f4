"""Backbones: RGB 0-255 images in, features out, preprocessing inside."""

import numbers
from pathlib import Path

import keras

from tl_keras.checks import InputError, check_choice
from tl_keras.files import read_json
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.backbones.applications import (
    APPLICATIONS,
    SMALL_IMAGE,
    build_base,
    image_size_for_files,
)
from tl_keras.models.backbones.imagenet_weights import cached_weights, fetch_weights
from tl_keras.models.backbones.small_resnet import build_small_resnet
from tl_keras.models.backbones.weights_files import load_weights
from tl_keras.models.precision import compute_in
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.image_source import SIDE, SMALL_RESNET
from tl_keras.settings.options.config_files import ASKED, CHECKPOINTS

_ENCODER_NAMES = ("encoder.keras", "model.keras")


def list_backbones() -> tuple[str, ...]:
    """Returns the names of all backbones, ordered by family."""
    return tuple(APPLICATIONS)


def build_backbone(
    backbone: str | Path,
    *,
    image_size: tuple[int, int] | int | None = None,
    weights: str | Path | None = "imagenet",
) -> keras.Model:
    """Builds a backbone: a flat Functional model that takes RGB images with pixels 0-255.

    The pixel preprocessing of the family is the first layer. `get_layer` reaches each layer of the
    base, so the graph can be cut anywhere.

    Args:
        backbone: str, a name from `list_backbones()`, or "small_resnet", which has random weights.
            Or the path of a `.keras` file, or of a run folder with `encoder.keras` or
            `model.keras`. Or a keras.Model from images (b, h, w, c) to features. A classifier (file
            or model) contributes its nested backbone, an `Autoencoder` or `VAE` its encoder. Files
            and models keep their own weights.
        image_size: int or (height, width) in pixels. Defaults to the size of the published weights,
            or of the file.
        weights: "imagenet" (from the Keras cache, else downloaded), None or "random", or the path
            of a weights file. Defaults to "imagenet". Random kernels follow Keras's defaults;
            those of VGG are He normal. For a seed call `keras.utils.set_random_seed` first.

    Returns:
        Functional model named after the backbone: (b, h, w, 3) RGB 0-255 float32 ->
        (b, h', w', c) features, or (b, c) from an encoder that returns vectors.

    Raises:
        InputError: the name is unknown, the size is below the family's minimum or differs from that
            of the file, or the weights are unavailable or do not fit.
    """
    if isinstance(backbone, keras.Model):
        return _encoder(backbone, backbone.name, image_size, weights)
    if is_backbone_path(backbone):
        model = load_model(encoder_file(Path(backbone)))
        encoder = _encoder(model, str(backbone), image_size, weights)
        compute_in(encoder, keras.config.dtype_policy(), output=True)
        return encoder
    if backbone == SMALL_RESNET:
        return _small_resnet(image_size, weights)
    check_choice("backbone", backbone, (*list_backbones(), SMALL_RESNET))
    size = _check_image_size(backbone, image_size)
    source = _check_weights(weights)
    file = fetch_weights(backbone, size) if source == "imagenet" else source
    model = build_base(backbone, size)
    if file is not None:
        load_weights(model, file)
    return model


def get_backbone(model: keras.Model) -> keras.Model:
    """Returns the nested backbone of a classifier, also after saving and loading.

    Args:
        model: keras.Model built by `build_classifier`.

    Returns:
        keras.Model, the one model among the layers of `model`.

    Raises:
        InputError: `model` contains no nested model, or several.
    """
    nested = _nested_models(classifier_of(model))
    if len(nested) == 1:
        return nested[0]
    raise InputError(
        f"Expected a classifier with one nested backbone; received {model.name!r} with "
        f"{len(nested)}. Build it with build_classifier."
    )


def imagenet_weights_cached(
    backbone: str | Path, image_size: tuple[int, int] | int | None = None
) -> bool:
    """Returns, without network access, whether `weights="imagenet"` needs no download.

    Args:
        backbone: str, a name from `list_backbones()`, or a path, which has its own weights.
        image_size: int or (height, width). Defaults to the size of the backbone.

    Returns:
        bool, True if the whole, undamaged file is in the Keras cache, or `backbone` is a path.

    Raises:
        InputError: the backbone is unknown or the size is impossible.
    """
    if is_backbone_path(backbone):
        return True
    check_choice("backbone", backbone, list_backbones())
    return cached_weights(backbone, _check_image_size(backbone, image_size)) is not None


def is_backbone_path(backbone: str | Path | None) -> bool:
    """Returns whether `backbone` is the path of a file or run folder rather than a name."""
    if isinstance(backbone, Path):
        return True
    if not isinstance(backbone, str) or backbone in APPLICATIONS:
        return False
    return "/" in backbone or backbone.endswith((".keras", ".h5")) or Path(backbone).exists()


def check_backbone(backbone: str | Path, *others: str, option: str = "backbone") -> None:
    """Refuses a string that is no name, file or run folder of a backbone, nor among `others`."""
    if not is_backbone_path(backbone):
        check_choice(option, backbone, (*list_backbones(), SMALL_RESNET, *others))
    elif not Path(backbone).exists():
        raise InputError(f"Expected a backbone file; received {backbone}: no such file.")


def need_weights(backbone: str, weights: str | None, data: str, image_size: int | None) -> None:
    """Downloads the ImageNet weights that will be asked for, before a folder of images is read.

    Args:
        backbone: name or path.
        weights: as in `build_backbone`; None for "imagenet". Others need no download.
        data: folder of images. Of other data the size is not known before they are read.
        image_size: side in pixels; None for that of the backbone.

    Raises:
        InputError: as `build_backbone`, which would say so only after the images.
    """
    if weights in (None, "imagenet") and backbone in list_backbones() and Path(data).is_dir():
        side = image_size_for_files(backbone, image_size)
        fetch_weights(backbone, (side, side))


def _small_resnet(image_size, weights):
    if weights not in (None, "random"):
        raise InputError(
            f"Expected weights='random' with {SMALL_RESNET}, which has no published ones; received "
            f"weights={str(weights)!r}. Give --weights random, or another backbone."
        )
    return build_small_resnet(_pair(SMALL_IMAGE if image_size is None else image_size))


def _check_image_size(backbone, image_size):
    row = APPLICATIONS[backbone]
    height, width = _pair(row.image_size if image_size is None else image_size)
    if min(height, width) < row.minimum_size:
        raise InputError(
            f"Expected image_size of at least {row.minimum_size} for {backbone}; received "
            f"({height}, {width}). Choose a larger image_size or another backbone."
        )
    return height, width


def _pair(image_size):
    sizes = (image_size, image_size) if isinstance(image_size, numbers.Integral) else image_size
    if (
        isinstance(sizes, (tuple, list))
        and len(sizes) == 2
        and all(isinstance(s, numbers.Integral) and not isinstance(s, bool) for s in sizes)
        and all(0 < s <= SIDE.maximum for s in sizes)
    ):
        return int(sizes[0]), int(sizes[1])
    raise InputError(
        f"Expected image_size to be an integer or (height, width), from 1 to {SIDE.maximum:,} "
        "pixels; "
        f"received image_size={image_size!r}."
    )


def _check_weights(weights):
    if weights is None or weights == "random":
        return None
    if weights == "auto":
        raise InputError(
            "Expected weights to be 'imagenet', 'random' or a weights file; received 'auto', "
            "which is for the command line and the train job only."
        )
    if weights == "imagenet":
        return weights
    if isinstance(weights, (str, Path)) and Path(weights).is_file():
        return Path(weights)
    raise InputError(
        "Expected weights to be 'imagenet', 'random' or the path of a weights file; "
        f"received weights={str(weights)!r}, and there is no such file."
    )


def encoder_file(path: Path) -> Path:
    """Returns the file of a backbone: a path as it is, or the file of the encoder in a run folder.

    Raises:
        InputError: the folder has none.
    """
    if not path.is_dir():
        return path
    for name in _ENCODER_NAMES:
        if (path / name).is_file():
            return path / name
    asked = path / CHECKPOINTS / ASKED
    if asked.is_file():
        raise InputError(
            f"Expected a finished run; received {path}, which was stopped before its end. Finish "
            f"it with `tl-keras {read_json(asked, 'command')['command']} --resume {path}`."
        )
    raise InputError(
        f"Expected a run folder with {' or '.join(_ENCODER_NAMES)}; received {path}, "
        "which holds neither."
    )


def _nested_models(model):
    return [layer for layer in model.layers if isinstance(layer, keras.Model)]


def _encoder(model, origin, image_size, weights):
    """Checks that a model, from a file or as an argument, can serve as a backbone."""
    if weights != "imagenet":
        raise InputError(
            f"Expected no weights beside {origin}, which brings its own; received "
            f"weights={str(weights)!r}. Leave weights out."
        )
    # Models of label-free methods have their encoder as an attribute.
    model = classifier_of(getattr(model, "encoder", model))
    nested = _nested_models(model)
    # The backbone of a classifier takes the classifier's images; a block of a base does not.
    if len(nested) == 1 and nested[0].input_shape == model.input_shape:
        model = nested[0]
    _check_shapes(model, origin)
    if image_size is not None and _pair(image_size) != model.input_shape[1:3]:
        raise InputError(
            f"Expected image_size={model.input_shape[1:3]}, which {origin} was built for; "
            f"received {_pair(image_size)}. Leave image_size out or train another encoder."
        )
    return model


def _check_shapes(model, origin):
    shapes = model.input_shape, model.output_shape
    if (
        all(isinstance(shape, tuple) for shape in shapes)
        and len(shapes[0]) == 4
        and shapes[0][-1] in (1, 3)
        and None not in shapes[0][1:]
        and len(shapes[1]) in (2, 4)
    ):
        return
    raise InputError(
        "Expected a model from images (b, h, w, 3) to features (b, h, w, c) or (b, c); "
        f"received {origin} from {shapes[0]} to {shapes[1]}."
    )
