"""A folder of images of several kinds, and its shards."""

import numpy as np
import pytest
from PIL import Image

from tl_keras.data.loading import load_unchecked
from tl_keras.data.shards.writing import write_shards


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory):
    """Two classes of 20 JPEG and PNG files of several sizes, one name with a newline."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for label, name in enumerate(("cats", "dögs")):
        (folder / name).mkdir()
        for number in range(20):
            pixels = generator.integers(0, 256, (8 + label, 10, 3), np.uint8)
            ending = ("\n.png", ".jpg", ".jpeg", ".png")[number % 4]
            Image.fromarray(pixels).save(folder / name / f"image {number}{ending}")
    return folder


@pytest.fixture(scope="session")
def packed(photo_folder, tmp_path_factory):
    """(its shards as files, as pixels of 8 x 8), in several small shards."""
    folders = []
    for size in (None, (8, 8)):
        out = tmp_path_factory.mktemp("packed") / "shards"
        parts = load_unchecked(str(photo_folder)).parts
        write_shards(parts, out, image_size=size, shard_mb=0.004)
        folders.append(out)
    return folders
