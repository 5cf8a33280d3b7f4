"""Answers of a run about one image: classes, a heatmap, and the most similar training images."""

import base64
import binascii
import threading

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import StoredImage, printable, read_image, read_resized
from tl_keras.evaluation.classifiers.grad_cam import GradCAM
from tl_keras.evaluation.classifiers.prediction import probability_function
from tl_keras.evaluation.encoders.probes import feature_function, unit_rows
from tl_keras.jobs.finished.predict import answer_cells
from tl_keras.jobs.runs.reading.trained_run import TrainedRun
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.models.inference import traced
from tl_keras.reports.figures.heatmap_overlay import draw_overlay
from tl_keras.reports.page_parts.thumbnails import data_uri, thumbnail

LARGEST_IMAGE = 32 * 2**20  # bytes of an encoded image
_SHOWN = 448  # pixels of the longer side
_CLASSES = 12  # most probable classes that are listed
_NEAREST = 3
_LONGEST_NAME = 200


class ImageAnswers:
    """Looks at one image after another.

    Args:
        trained: the run.
        train: its training images, or None if they are not at hand.
        features: float (n, d) of these, from the encoder of the run.
    """

    def __init__(
        self,
        trained: TrainedRun,
        train: ImageDataset | None = None,
        features: np.ndarray | None = None,
    ) -> None:
        self.trained, self.train = trained, train
        self.unit = None if features is None else unit_rows(features)
        self._encode = None if features is None else feature_function(build_backbone(trained.model))
        self._probabilities = probability_function(trained.model, flips=trained.flips)
        answering = trained.answering
        self._answer = answering and traced(
            lambda images: answering(images, training=False), [answering.input_shape[1:]]
        )
        self._lock = threading.Lock()
        try:
            self._explain, self.no_heatmap = GradCAM(trained.model), ""
        except InputError as error:  # a network without feature maps
            self._explain, self.no_heatmap = None, str(error)
        self._seen(np.zeros((1, *trained.image_size, 3), np.float32))  # the first one takes seconds

    def look(self, content: dict) -> dict:
        """Returns what the page shows of an image.

        Args:
            content: "image", the bytes of an image file as base64; "name" of the file; and the
                number of the "class" whose heatmap is wanted, by default the most probable.

        Raises:
            InputError: the image is too large or cannot be decoded, or there is no such class.
        """
        image = _stored(content)
        pixels = read_resized(image, self.trained.image_size)[None].astype(np.float32)
        with self._lock:
            probabilities, cells, shown, heat, near = self._seen(pixels, content.get("class"))
        original = thumbnail(read_image(image), _SHOWN)
        names = self.trained.class_names
        order = np.argsort(-probabilities, kind="stable")
        rows = [*order[:_CLASSES], *([shown] if shown not in order[:_CLASSES] else [])]
        return {
            "name": str(image),
            "label": names[order[0]],
            **dict(zip(("answer", "why", "novelty"), cells, strict=False)),
            "classes": [
                {"number": int(row), "name": names[row], "probability": float(probabilities[row])}
                for row in rows
            ],
            "others": len(names) - len(rows),
            "shown": int(shown),
            "image": data_uri(original),
            "heatmap": "" if heat is None else data_uri(draw_overlay(original, heat, _SHOWN)),
            "near": near,
        }

    def _seen(self, pixels, number=None):
        probabilities, cells = self._predict(pixels)
        shown = self._class(number, probabilities)
        heat = None if self._explain is None else self._explain(pixels, shown)[0]
        return probabilities, cells, shown, heat, self._nearest(pixels)

    def _predict(self, pixels):
        if self._answer is None:
            return self._probabilities(tf.constant(pixels)).numpy().mean(axis=0)[0], []
        found = {name: value.numpy()[0] for name, value in self._answer(pixels).items()}
        cells = answer_cells(found["answer"], found["novelty"], self.trained.class_names)
        return found["probabilities"], cells

    def _class(self, number, probabilities):
        if number is None:
            return int(probabilities.argmax())
        if type(number) is not int or not 0 <= number < len(probabilities):
            raise InputError(
                f"Expected the number of a class, 0 to {len(probabilities) - 1}; received "
                f"{number!r:.40}."
            )
        return number

    def _nearest(self, pixels):
        """Returns the most similar training images by the cosine of their features."""
        if self._encode is None:
            return []
        query = unit_rows(self._encode(pixels).numpy())[0]
        similarity = self.unit @ query
        rows = np.argsort(-similarity, kind="stable")[:_NEAREST]
        train = self.train
        return [
            {
                "row": int(row),
                "name": printable(train.ids[row]),
                "label": train.class_names[train.labels[row]],
                "similarity": float(similarity[row]),
            }
            for row in rows
        ]


def _stored(content):
    """Returns the image that was sent, which is in memory only, as a `StoredImage`."""
    sent, name = content.get("image"), content.get("name")
    if not isinstance(sent, str) or not isinstance(name, str | None):
        raise InputError("Expected an image and its name; received other values.")
    if len(sent) > LARGEST_IMAGE * 4 / 3 + 4:
        raise InputError(
            f"Expected an image of at most {LARGEST_IMAGE >> 20} MB; received one of "
            f"{len(sent) * 3 / 4 / 2**20:.0f} MB. Make it smaller."
        )
    try:
        data = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"Expected an image as base64; received other text ({error}).") from error
    return StoredImage(printable((name or "the image")[:_LONGEST_NAME]), lambda: data)
