"""`tl-keras predict`: classes of images, one row per file."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.images import ImageReadError, printable, read_resized
from tl_keras.data.sources.folders import find_image_files
from tl_keras.evaluation.classifiers.prediction import predict_probabilities
from tl_keras.files import write_csv
from tl_keras.jobs.output_files import check_output, table_of
from tl_keras.jobs.runs.trained_run import load_run
from tl_keras.progress import say
from tl_keras.settings.finished_runs import PredictSettings
from tl_keras.settings.signatures import takes_settings

TABLE = table_of("predict", "path", "label", "probability", "error")


@takes_settings(PredictSettings)
def predict(settings):
    """Predicts the class of every image and writes a CSV with one row per file.

    The columns are path, label, probability, error, and one "p(CLASS)" for every class. A file
    that cannot be read has its reason in the column error and nothing in the others. Control
    characters and backslashes of file names are escaped, see `files.escape_controls`.

    Args:
        settings: `PredictSettings`, or its fields one by one.

    Returns:
        The rows as a list of dicts.

    Raises:
        InputError: no such path or no image, no usable run, or `out` cannot be written.
    """
    batch_size = settings.batch_size
    check_output(settings.out, TABLE)
    files = _files(settings.paths)
    trained = load_run(settings.run)
    errors = {}
    probabilities = predict_probabilities(
        trained.model,
        _batches(files, trained.image_size, batch_size, errors),
        total=-(-len(files) // batch_size),
        flips=trained.flips,
    )
    rows = [
        _row(path, errors.get(path), values, trained.class_names)
        for path, values in zip(files, probabilities, strict=True)
    ]
    write_csv(settings.out, rows[0], [row.values() for row in rows])
    say(f"{len(files)} files, {len(errors)} of them unreadable: {settings.out}")
    return rows


def _files(paths):
    files = []
    for path in paths:
        if os.path.isdir(path):
            files.extend(find_image_files(path, [], visited=[path]))
        elif os.path.exists(path):
            files.append(path)
        else:
            raise InputError(
                f"Expected an image or a folder of images; received {printable(path)}, "
                "which does not exist."
            )
    if not files:
        raise InputError(f"Expected images in {', '.join(map(printable, paths))}; received none.")
    return list(dict.fromkeys(files))


def _batches(files, image_size, batch_size, errors):
    def load(path):
        try:
            return read_resized(path, image_size)
        except ImageReadError as error:
            errors[path] = error.reason
            return np.zeros((*image_size, 3), np.uint8)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(files), batch_size):
            images = pool.map(load, files[start : start + batch_size])
            yield np.stack(list(images)).astype(np.float32)


def _row(path, error, values, class_names):
    best = int(values.argmax())
    readable = error is None
    row = {
        "path": path,
        "label": class_names[best] if readable else "",
        "probability": f"{values[best]:.6f}" if readable else "",
        "error": error or "",
    }
    for name, value in zip(class_names, values, strict=True):
        row[f"p({name})"] = f"{value:.6f}" if readable else ""
    return row
