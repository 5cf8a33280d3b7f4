"""Features of a killed run: used again where they are complete and of the same images."""

import numpy as np
import pytest

from tests.training.small_models import coloured_images, small_classifier
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.shards.reading import ShardStore, read_shards
from tl_keras.data.shards.writing import write_shards
from tl_keras.models.cutting import cut_at_frozen
from tl_keras.training.checkpoints.run_checkpoints import RunCheckpoints, checkpointing
from tl_keras.training.frozen import kept_features
from tl_keras.training.frozen.feature_cache import Images
from tl_keras.training.frozen.freezing import freeze
from tl_keras.training.frozen.kept_features import compute_or_read


@pytest.fixture(scope="module")
def prefix():
    return cut_at_frozen(freeze(small_classifier())).prefix


@pytest.fixture
def computed(monkeypatch):
    """A list that grows by one with each computation."""
    calls, compute = [], kept_features.compute_features

    def counted(*arguments, **how):
        calls.append(1)
        return compute(*arguments, **how)

    monkeypatch.setattr(kept_features, "compute_features", counted)
    return calls


def images(seed=0, **changes):
    x, y = coloured_images(6, seed)
    return Images(ImageDataset.from_arrays(x, y), (16, 16), "flip", **changes)


def features_in(folder, prefix, source, minutes=0, **how):
    with checkpointing(RunCheckpoints(folder, minutes)):
        return compute_or_read(prefix, source, batch_size=4, **how).arrays[0]


def test_features_of_the_same_images_and_network_are_used_again(prefix, computed, tmp_path):
    first = features_in(tmp_path, prefix, images(), views=2)
    again = features_in(tmp_path, prefix, images(), views=2, store="disk")
    assert len(computed) == 1
    assert isinstance(again, np.memmap) and not isinstance(first, np.memmap)
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize(
    "other", [{"seed": 3}, {"views": 2}, {"dtype": "float16"}, {"mirrored": True}]
)
def test_features_of_anything_else_are_computed(other, prefix, computed, tmp_path):
    features_in(tmp_path, prefix, images())
    how = {name: other.pop(name) for name in ("views", "dtype") if name in other}
    features_in(tmp_path, prefix, images(**other), **how)
    assert len(computed) == 2


def test_images_in_shards_are_known_by_their_content_without_reading_them(
    prefix, tmp_path, monkeypatch
):
    digests = []
    monkeypatch.setattr(ShardStore, "read", lambda *_: 1 / 0)
    for number, changed in enumerate((0, 0, 1)):
        x, y = coloured_images(6, 0)
        x[0] += changed
        folder = str(tmp_path / str(number))
        write_shards({"all": ImageDataset.from_arrays(x, y)}, folder)
        source = Images(read_shards(folder)["all"], (16, 16))
        digests.append(kept_features._digest(prefix, source, 1, "float32"))
    assert digests[0] == digests[1] != digests[2]


def test_damaged_or_incomplete_features_are_computed_again(prefix, computed, tmp_path, capsys):
    """Fault 42."""
    first = features_in(tmp_path, prefix, images())
    [file] = (tmp_path / "features").glob("*.npy")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    np.testing.assert_array_equal(features_in(tmp_path, prefix, images()), first)
    assert "DAMAGED FEATURES" in capsys.readouterr().err
    [listing] = (tmp_path / "features").glob("*.json")
    listing.unlink()  # as if it was killed before that was written
    features_in(tmp_path, prefix, images())
    assert len(computed) == 3


def test_features_that_are_computed_in_no_time_are_not_kept(prefix, computed, tmp_path):
    features_in(tmp_path, prefix, images(), minutes=5)
    features_in(tmp_path, prefix, images(), minutes=5)
    assert len(computed) == 2
    assert not (tmp_path / "features").exists()
