"""Example programs that are written beside an export: its use without tl_keras and Keras."""

import json

_PROGRAM = '''"""Predicts images with {file}, without Keras: python {name} IMAGE...

Needs {needs}. An image is a file, or a .npy file of its pixels,
uint8 ({height}, {width}, 3), RGB 0-255. Prints a line of JSON for each.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
{imports}
CLASSES = {classes}
MODEL = Path(__file__).parent / {file!r}


def read(path):
    if path.endswith(".npy"):
        return np.load(path).astype("float32")
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith("I"):  # grey of 16 bits
        image = Image.fromarray(np.round(np.asarray(image) / 257).astype("uint8"))
    white = Image.new("RGBA", image.size, "white")  # behind transparent pixels
    image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return np.asarray(image.resize(({width}, {height}), Image.Resampling.BILINEAR), "float32")


{load}

for path in sys.argv[1:]:
    outputs = predict(read(path)[None])
    probabilities = outputs["probabilities"][0]
{decide}
'''
_SAVED_MODEL = """model = tf.saved_model.load(str(MODEL))


def predict(images):
    return {name: value.numpy() for name, value in model.serve(images).items()}
"""
_ONNX = """session = onnxruntime.InferenceSession(str(MODEL))
names = [output.name for output in session.get_outputs()]


def predict(images):
    inputs = {session.get_inputs()[0].name: images}
    return dict(zip(names, session.run(names, inputs), strict=True))
"""
_LITERT = """run = Interpreter(model_path=str(MODEL)).get_signature_runner("serving_default")
[image] = run.get_input_details()


def predict(images):
    return run(**{image: images})
"""
_CLASS = """    label = CLASSES[int(probabilities.argmax())]
    result = {"path": path, "label": label}"""
_ANSWER = """    answer, novelty = int(outputs["answer"][0]), float(outputs["novelty"][0])
    # -1: left to a person, as the image resembles no training image or the model is unsure.
    why = "" if answer >= 0 else "novel" if novelty > 0 else "unsure"
    label = CLASSES[answer] if answer >= 0 else None
    result = {"path": path, "answer": label, "why": why, "novelty": novelty}"""
_PRINT = """
    print(json.dumps({**result, "probabilities": [float(p) for p in probabilities]}))"""
# format -> (packages, their import, lines that load the model)
_RUNTIMES = {
    "saved_model": ("tensorflow, numpy and pillow", "import tensorflow as tf\n", _SAVED_MODEL),
    "onnx": ("onnxruntime, numpy and pillow", "import onnxruntime\n", _ONNX),
    "litert": (
        "ai-edge-litert, numpy and pillow",
        "from ai_edge_litert.interpreter import Interpreter\n",
        _LITERT,
    ),
}


def example_program(
    format: str,  # noqa: A002
    file: str,
    name: str,
    class_names: tuple[str, ...],
    image_size: tuple[int, int],
    *,
    answers: bool,
) -> str:
    """Returns a Python program that predicts with an exported model.

    Args:
        format: one of `FORMATS` of the export.
        file: name of the exported file or folder, in the folder of the program.
        name: file name of the program.
        class_names: in the order of the probabilities.
        image_size: (height, width) of the model's images.
        answers: whether the model has novelty and answer beside probabilities.
    """
    needs, imports, load = _RUNTIMES[format]
    height, width = image_size
    return _PROGRAM.format(
        file=file,
        name=name,
        needs=needs,
        imports=imports,
        load=load,
        height=height,
        width=width,
        # JSON escapes whatever is not ASCII, so a name is no more than a text.
        classes=json.dumps(list(class_names)),
        decide=(_ANSWER if answers else _CLASS) + _PRINT,
    )
