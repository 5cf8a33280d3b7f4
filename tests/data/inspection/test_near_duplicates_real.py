"""Copies of real photographs are found among thousands, see docs/benchmarks/data/duplicates.py."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.changed_copies import kinds
from tests.real_data import needs
from tl_keras.data.inspection.fingerprints import looks_of
from tl_keras.data.inspection.near_duplicates import near_pairs

pytestmark = needs("cifar10.tar.gz")


@pytest.fixture(scope="module")
def images():
    found = []
    with tarfile.open(Path(os.environ["TL_KERAS_DATA"]) / "cifar10.tar.gz") as archive:
        for member in archive:
            if member.isfile() and "/test/" in member.name and member.name[-5] in "13579":
                image = Image.open(io.BytesIO(archive.extractfile(member).read()))
                found.append(np.asarray(image.convert("RGB")))
    return np.stack(found)


def looks(images):
    """Thumbnails and colours of images."""
    return [np.stack(parts) for parts in zip(*map(looks_of, images), strict=True)]


def test_copies_are_found_and_little_else(images):
    (known, colours), random = looks(images), np.random.default_rng(0)
    alike = {tuple(pair) for pair in near_pairs(known, colours=(colours,))[0].tolist()}
    assert len(alike) < 0.03 * len(known)  # the set has such pairs
    rows = random.permutation(len(images))[:100]
    found, wrong = 0, 0
    for change in kinds(random).values():
        copies, tinted = looks([change(images[row]) for row in rows])
        pairs, _ = near_pairs(known, copies, colours=(colours, tinted))
        right = pairs[:, 0] == rows[pairs[:, 1]]
        found += right.sum()
        wrong += sum(tuple(sorted((a, rows[b]))) not in alike for a, b in pairs[~right])
    assert found >= 0.97 * len(rows) * len(kinds(random))
    assert wrong <= 5
