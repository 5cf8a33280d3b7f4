"""`tl-keras export`: a trained classifier for use without Keras."""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError
from tl_keras.files import write_text
from tl_keras.jobs.finished.export_examples import example_program
from tl_keras.jobs.output_files import check_writable
from tl_keras.jobs.runs.reading.trained_run import load_run
from tl_keras.models.answers.answering_model import probabilities_model
from tl_keras.models.signature import gives_logits
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

    Outputs are named: probabilities, which are those of `tl-keras predict`, mirror images included,
    and of a run with `max_error` novelty and answer. An example program is written beside the
    export, as NAME_example.py.

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
    program = target.with_name(f"{target.name.replace('.', '_')}_example.py")
    for path in (target, program):
        if path.exists():
            raise InputError(
                f"Expected a path that does not exist yet; received {path}. Remove it or choose "
                "another --out."
            )
    trained = load_run(settings.run)
    check_writable(target)
    model = trained.answering or probabilities_model(
        trained.model, flips=trained.flips, logits=gives_logits(trained.model)
    )
    try:
        _write(model, settings.format, target)
        write_text(program, _program(trained, settings.format, target, program))
    except OSError as error:
        raise InputError(
            f"Expected to be able to write {target}; received {error.strerror or error}. Free "
            "some space or choose another --out."
        ) from error
    say(f"Exported to {target}; {program} shows how to use it.")
    return target


def _program(trained, format, target, program):  # noqa: A002
    return example_program(
        format,
        target.name,
        program.name,
        trained.class_names,
        trained.image_size,
        answers=trained.answering is not None,
    )


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
