"""`tl-keras export`: a trained classifier for use without Keras."""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.jobs.output_files import check_writable
from tl_keras.jobs.runs.trained_run import load_run
from tl_keras.progress import say
from tl_keras.settings.finished_runs import ExportSettings
from tl_keras.settings.options.signatures import takes_settings

# format -> (what it writes below the run's export/, module it needs beside TensorFlow, its extra)
FORMATS = {
    "saved_model": ("saved_model", None, None),
    "onnx": ("model.onnx", "tf2onnx", "onnx"),
    "litert": ("model.tflite", None, None),
}


@takes_settings(ExportSettings)
def export(settings):
    """Exports the classifier of a run folder; inputs stay RGB 0-255 in the model's size.

    Args:
        settings: `ExportSettings`, or its fields one by one.

    Returns:
        The path that was written.

    Raises:
        InputError: unknown format, packages not installed, `out` exists or cannot be written, or
            no usable run.
    """
    name, module, extra = FORMATS[settings.format]
    if module and importlib.util.find_spec(module) is None:
        raise InputError(
            f"Expected {module} to be installed for format={settings.format!r}; received none. "
            f"Run: pip install 'tl-keras[{extra}]'"
        )
    target = Path(settings.out) if settings.out else Path(settings.run) / "export" / name
    if target.exists():
        raise InputError(
            f"Expected a path that does not exist yet; received {target}. Remove it or choose "
            "another --out."
        )
    trained = load_run(settings.run)
    check_writable(target)
    try:
        _write(trained.answering or trained.model, settings.format, target)
    except OSError as error:
        raise InputError(
            f"Expected to be able to write {target}; received {error.strerror or error}. Free "
            "some space or choose another --out."
        ) from error
    say(f"Exported to {target}")
    return target


def _write(model, format, target):  # noqa: A002
    """Writes beside the target, then renames: an export is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Keras refuses to export to ONNX a model that was loaded and never called.
    model(np.zeros((1, *model.input_shape[1:]), np.float32))
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as folder:
        part = Path(folder) / target.name
        model.export(
            part, format={"saved_model": "tf_saved_model"}.get(format, format), verbose=False
        )
        part.replace(target)
