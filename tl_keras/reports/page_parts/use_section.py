"""Last section of the page of a training run: use of its classifier."""

from tl_keras.reports.page_parts.sections import Code, Section, files_parts
from tl_keras.reports.pages.results import TrainingResults

_FILES = ("model.keras", "classes.json", "history.csv", "splits.csv.gz")
_PREDICT = """import json

import keras
import numpy as np
from PIL import Image, ImageOps

model = keras.saving.load_model("model.keras")
with open("classes.json", encoding="utf-8") as file:
    class_names = json.load(file)["class_names"]

image = ImageOps.exif_transpose(Image.open("my-image.jpg")).convert("RGBA")
image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
height, width = model.input_shape[1:3]
image = image.resize((width, height), Image.Resampling.BILINEAR)
batch = np.asarray(image, "float32")[None]
"""
_CLASS = """probabilities = model.predict(batch)[0]
print(class_names[probabilities.argmax()], probabilities.max())"""
_ANSWER = """outputs = model.predict(batch)
answer, novelty = outputs["answer"][0], outputs["novelty"][0]  # answer -1: left to a person
left = "none of these" if novelty > 0 else "unsure"
print(class_names[answer] if answer >= 0 else left, outputs["probabilities"][0])"""

_OF_IMAGES = (
    "In Python, with Keras alone. The model takes RGB pixels of 0-255, resized to its own size of "
    "{height} x {width} (height x width); it scales them itself. Transparent pixels are white; "
    "divide grey pixels of 16 bits by 257 first."
)
_OF_SOUNDS = "In Python, with tl_keras, which makes the spectrograms that the model takes:"
_PREDICT_SOUND = """import json

import keras
from tl_keras.data.images import read_resized
from tl_keras.data.sounds.sound_images import SoundImage, Sounds

model = keras.saving.load_model("model.keras")
with open("classes.json", encoding="utf-8") as file:
    class_names = json.load(file)["class_names"]

sound = SoundImage("my-sound.wav", Sounds(seconds={seconds}, sample_rate={sample_rate}))
image = read_resized(sound, model.input_shape[1:3])
batch = image[None].astype("float32")
"""


def use_section(results: TrainingResults) -> Section:
    """Returns the commands and the code with which the classifier predicts."""
    height, width = results.image_size
    sounds = results.splits.train.sounds
    end = _CLASS if results.answers is None else _ANSWER
    if sounds:
        in_python = [_OF_SOUNDS, Code(_PREDICT_SOUND.format(**vars(sounds)) + end, wrap=False)]
    else:
        words = _OF_IMAGES.format(height=height, width=width)
        in_python = [words, Code(_PREDICT + end, wrap=False)]
    source = ["source_model.keras"] if "source" in results.metrics else []
    return Section(
        "use",
        "Use the model",
        [
            "On the command line, in the folder of this page:",
            Code(f"tl-keras predict . {'my-sound.wav' if sounds else 'my-image.jpg'}"),
            *in_python,
            *files_parts(*_FILES, *source),
        ],
    )
