"""Image files that the tests of the data room make."""

import numpy as np
from PIL import Image


def textured(seed, size=(20, 24)):
    """An image (h, w, 3) of coloured blocks, different for each seed, and kind to JPEG."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blocks).resize(size[::-1], Image.Resampling.BICUBIC))


def save(path, image):
    """Writes an array as an image file and returns its path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return str(path)


def fill_classes(folder, counts, *, suffix=".png", first_seed=0):
    """Makes a folder for each class with `counts[name]` different images."""
    seed = first_seed
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            save(folder / name / f"{number}{suffix}", textured(seed))
            seed += 1
    return folder


def fill_with_copies(folder, classes, originals, copies, *, seed=0):
    """Writes random images, each several times as NUMBER-COPY.png, into CLASS folders in turn.

    They say nothing of their class, but each has the same image beside it.
    """
    generator = np.random.default_rng(seed)
    for number in range(originals):
        pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        for copy in range(copies):
            path = folder / classes[number % len(classes)] / f"{number}-{copy}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder
