"""Loading of `.keras` files from any source, without running foreign code."""

import contextlib
import importlib
import json
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.models.saving.finite_weights import check_finite_weights
from tl_keras.models.saving.hdf5_safety import check_hdf5
from tl_keras.models.saving.safe_config import OWN_MODELS, check_config
from tl_keras.models.saving.variable_limit import limit_variables

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_MEMBERS = frozenset({_CONFIG, _WEIGHTS, "metadata.json"})
_MOST_BYTES = {_CONFIG: 16 * 2**20, "metadata.json": 2**20, _WEIGHTS: 16 * 2**30}
_MOST_EXPANSION = 100
# In Keras's message on weights that do not fit.
_LAYER = re.compile(r"for object <\w+ name=([^,>]+)")
_SHAPES = re.compile(r"variable\.shape=\(([^)]*)\).*?value\.shape=\(([^)]*)\)")
_SMALL_BYTES = 2**20
_IN_MEMORY = 2**28  # bytes of weights beyond which they are checked in a temporary file
# Relative to the stored size: Bidirectional creates its layers anew, and the state of an
# optimizer that was saved before its first step is not in the file.
_MADE_TWICE, _WITH_OPTIMIZER = 2, 8


def load_model(path: str | Path, *, compile: bool = False) -> keras.Model:
    """Loads a model saved with `model.save("….keras")`, from a source that need not be trusted.

    The members, sizes, class names and HDF5 links of the file are checked before Keras reads it.
    Keras's safe mode stays on. Nothing is unpacked to disk outside a temporary folder, and at most
    256 MiB of the weights are in memory while they are checked. Layers that
    ask for more than twice the weights in the file are refused before memory is allocated. With
    `compile` the limit is eight times, for the optimizer.

    Args:
        path: str or Path of a `.keras` file.
        compile: bool, whether to restore loss, metrics and optimizer, which must be Keras's own.
            Defaults to False.

    Returns:
        keras.Model.

    Raises:
        InputError: the file is missing, damaged, of another format, or declares over 16 GiB or 100
            times its data. Or it holds a Lambda layer, a foreign class, an unexpected member, a
            link, or layers with more weights than it stores, or a weight is NaN or infinite.
    """
    path = Path(path)
    _check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            config = json.loads(archive.read(_CONFIG))
            check_config(config if compile else {**config, "compile_config": None}, path)
            with archive.open(_WEIGHTS) as weights, _seekable(weights) as file:
                stored = check_hdf5(file, f"{path}:{_WEIGHTS}")
        for module in OWN_MODELS.values():
            importlib.import_module(module)  # Keras finds a class once it is registered
        most = stored * (_WITH_OPTIMIZER if compile else _MADE_TWICE) + _SMALL_BYTES
        with limit_variables(most, lambda asked: _too_large(path, asked, stored)):
            model = keras.saving.load_model(path, compile=compile, safe_mode=True)
        check_finite_weights(model, path)
        return model
    except InputError:
        raise
    except Exception as error:  # Keras and its readers raise a dozen kinds of error
        raise _refusal(path, _reason(error)) from error


def _check_file(path):
    if path.suffix != ".keras":
        raise InputError(
            f"Expected a model file ending in .keras; received {path}. "
            "Load older formats where they were made and save them again as .keras."
        )
    if not path.is_file():
        raise InputError(f"Expected a .keras file; received {path}, and there is no such file.")
    if not zipfile.is_zipfile(path):
        raise _refusal(path, "is damaged or in another format")


def _check_members(archive, path):
    """Refuses members that Keras did not write, and false sizes."""
    members = archive.infolist()
    names = [member.filename for member in members]
    for name in names:
        if name not in _MEMBERS:
            raise _refusal(path, f"holds the unexpected member {name!r}")
    if len(set(names)) < len(names) or not {_CONFIG, _WEIGHTS} <= set(names):
        raise _refusal(path, f"holds {', '.join(names) or 'nothing'}")
    for member in members:
        declared, stored = member.file_size, member.compress_size
        too_dense = declared > _SMALL_BYTES and declared > _MOST_EXPANSION * stored
        if declared > _MOST_BYTES[member.filename] or too_dense:
            raise _refusal(
                path, f"declares {declared:,} bytes for {member.filename} and stores {stored:,}"
            )


@contextlib.contextmanager
def _seekable(member):
    """Yields a copy of a member of the archive, in bounded memory."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        shutil.copyfileobj(member, file, 2**20)
        yield file


def _too_large(path, asked, stored):
    return _refusal(
        path, f"declares layers of {asked:,} bytes of weights or more and stores {stored:,} bytes"
    )


def _refusal(path, reason):
    return InputError(
        f"Expected a whole .keras file of Keras's own layers; received {path}, which {reason}. "
        "Nothing was executed."
    )


def _reason(error):
    """Returns the layer and both shapes if weights do not fit, else the error in one line."""
    text = " ".join((str(error) or type(error).__name__).split())
    layer, shapes = _LAYER.search(text), _SHAPES.search(text)
    if layer and shapes:
        return (
            f"has weights of shape ({shapes[2]}) for layer {layer[1]!r} of shape ({shapes[1]}); "
            "nothing was loaded"
        )
    return f"cannot be read: {text[:300]}"
