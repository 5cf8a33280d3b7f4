"""ImageNet weights: the table, the cache, and downloads from a folder instead of the internet."""

import fcntl
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.models.backbones import imagenet_weights
from tl_keras.models.backbones.applications import APPLICATIONS
from tl_keras.models.backbones.backbone import (
    build_backbone,
    imagenet_weights_cached,
    list_backbones,
)
from tl_keras.models.backbones.imagenet_files import WeightsFile, imagenet_file


class _AskedError(Exception):
    pass


def _asked(backbone, size, monkeypatch):
    """Returns the arguments that Keras passes to `get_file`."""
    from keras.src.utils import file_utils

    def get_file(name, url, cache_subdir, file_hash=None):
        raise _AskedError(name, url, file_hash)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    constructor = getattr(keras.applications, APPLICATIONS[backbone].constructor)
    with pytest.raises(_AskedError) as caught:
        constructor(include_top=False, input_shape=(size, size, 3))
    keras.backend.clear_session()
    return WeightsFile(*caught.value.args)


# `test_every_table_row_is_what_keras_asks_for` has all their sizes.
@pytest.mark.parametrize(("backbone", "size"), [("mobilenet", 128), ("mobilenet_v2", 64)])
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_mobilenet_files_follow_the_size_as_in_keras(backbone, size, monkeypatch):
    assert imagenet_file(backbone, (size, size)) == _asked(backbone, size, monkeypatch)


def test_images_that_are_not_square_get_the_224_file():
    assert imagenet_file("mobilenet_v2", (96, 128)) == imagenet_file("mobilenet_v2", (224, 224))


@pytest.mark.parametrize("backbone", ["vgg16", "mobilenet_v3_small"])
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_table_row_is_what_keras_asks_for(backbone, monkeypatch):
    assert imagenet_file(backbone, (96, 96)) == _asked(backbone, 96, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", list_backbones())
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_every_table_row_is_what_keras_asks_for(backbone, monkeypatch):
    sizes = (96, 128, 160, 192, 224, 240) if backbone.startswith("mobilenet") else (96,)
    for size in sizes:
        assert imagenet_file(backbone, (size, size)) == _asked(backbone, size, monkeypatch)


@pytest.mark.parametrize("backbone", list_backbones())
def test_published_hashes_are_those_in_keras(backbone):
    file_hash = imagenet_file(backbone, (224, 224)).file_hash
    constructor = getattr(keras.applications, APPLICATIONS[backbone].constructor)
    source = Path(importlib.import_module(constructor.__module__).__file__)
    folder = source.parent
    assert file_hash is None or any(file_hash in f.read_text() for f in folder.glob("*.py"))


@pytest.mark.fault(32)
def test_without_a_network_the_message_says_so_and_names_the_ways_on(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def no_network(name, url, **kwargs):
        raise Exception(f"URL fetch failure on {url}: None -- [Errno -2] Name not known")

    monkeypatch.setattr(keras.utils, "get_file", no_network)
    with pytest.raises(InputError) as caught:
        build_backbone("vgg16", image_size=32)
    message = str(caught.value)
    for part in (
        "no network",
        "URL fetch failure: None -- [Errno -2] Name not known",
        "weights file",
        "weights='random'",
        "--weights auto",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 into",
    ):
        assert part in message
    assert "\n" not in message
    assert not list((tmp_path / "models").iterdir())


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder that stands for the server: one published file with a hash, one without."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    folder = tmp_path / "server"
    folder.mkdir()
    with h5py.File(folder / "weights.h5", "w") as file:
        file["array"] = np.arange(1000.0)
    content = (folder / "weights.h5").read_bytes()
    published = {"file_hash": hashlib.md5(content).hexdigest()}

    def file(backbone, image_size):
        return WeightsFile("weights.h5", (folder / "weights.h5").as_uri(), published["file_hash"])

    monkeypatch.setattr(imagenet_weights, "imagenet_file", file)
    return folder / "weights.h5", tmp_path / "home" / "models" / "weights.h5", published


@pytest.mark.parametrize("hashed", [True, False])
def test_a_download_arrives_whole_and_is_then_cached(server, hashed):
    source, cached, published = server
    published["file_hash"] = published["file_hash"] if hashed else None
    assert not imagenet_weights_cached("vgg16")
    assert imagenet_weights.fetch_weights("vgg16", (224, 224)) == cached
    assert cached.read_bytes() == source.read_bytes()
    assert imagenet_weights_cached("vgg16")
    source.unlink()  # from now on there is no network
    assert imagenet_weights.fetch_weights("vgg16", (224, 224)) == cached
    assert list(cached.parent.iterdir()) == [cached]


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.fault(33)
def test_a_download_cut_short_is_refused_and_leaves_nothing(server, hashed):
    source, cached, published = server
    published["file_hash"] = published["file_hash"] if hashed else None
    source.write_bytes(source.read_bytes()[:-1000])
    with pytest.raises(InputError, match="truncated or not the published one"):
        imagenet_weights.fetch_weights("vgg16", (224, 224))
    assert not list(cached.parent.iterdir())


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.fault(33)
def test_a_truncated_file_in_the_cache_is_never_mistaken_for_a_whole_one(server, hashed):
    source, cached, published = server
    published["file_hash"] = published["file_hash"] if hashed else None
    cached.parent.mkdir(parents=True)
    cached.write_bytes(source.read_bytes()[:-1000])
    assert not imagenet_weights_cached("vgg16")
    imagenet_weights.fetch_weights("vgg16", (224, 224))
    assert cached.read_bytes() == source.read_bytes()


@pytest.mark.fault(33)
def test_parts_of_killed_downloads_are_removed_and_those_of_running_ones_are_not(server):
    _, cached, _ = server
    cached.parent.mkdir(parents=True)
    names = ("killed", "running", "just begun", "of another file")
    killed, running, begun, other = parts = [
        cached.with_name(f".part-{name}{'weights.h5' if name != names[3] else 'other.h5'}")
        for name in names
    ]
    for part in parts:
        part.write_bytes(b"half")
        os.utime(part, (1, 1))
    begun.touch()
    with open(running) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        imagenet_weights.fetch_weights("vgg16", (224, 224))
    assert set(cached.parent.iterdir()) == {cached, running, begun, other}


@pytest.mark.fault(34)
def test_part_is_held_while_it_is_downloaded(server, monkeypatch):
    _, cached, _ = server
    download = imagenet_weights._download

    def look(file, part):
        with open(part) as again, pytest.raises(BlockingIOError):
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        download(file, part)

    monkeypatch.setattr(imagenet_weights, "_download", look)
    assert imagenet_weights.fetch_weights("vgg16", (224, 224)) == cached


@pytest.mark.slow
@pytest.mark.fault(34)
def test_two_processes_that_download_at_once_both_succeed(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["array"] = np.arange(200_000.0)
    code = (
        "import sys\n"
        "from tl_keras.models.backbones import imagenet_weights as module\n"
        "from tl_keras.models.backbones.imagenet_files import WeightsFile\n"
        "module.imagenet_file = lambda *_: WeightsFile('weights.h5', sys.argv[1], None)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "module.fetch_weights('vgg16', (224, 224))\n"
    )
    url = (tmp_path / "weights.h5").as_uri()
    root = str(Path(imagenet_weights.__file__).parents[3])
    environment = {**os.environ, "KERAS_HOME": str(tmp_path / "home"), "PYTHONPATH": root}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [
        subprocess.Popen([sys.executable, "-c", code, url], env=environment, **pipes)
        for _ in range(2)
    ]
    for process in both:
        process.stdout.readline()
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        process.communicate(timeout=120)
        assert process.returncode == 0
    cached = tmp_path / "home" / "models" / "weights.h5"
    assert cached.read_bytes() == (tmp_path / "weights.h5").read_bytes()
    assert list(cached.parent.iterdir()) == [cached]


@pytest.fixture
def real_weights(tmp_path, monkeypatch):
    if "TL_KERAS_DATA" not in os.environ:
        pytest.skip("TL_KERAS_DATA is not set; it names the folder beside keras/models")
    name = imagenet_file("mobilenet_v2", (224, 224)).name
    source = Path(os.environ["TL_KERAS_DATA"]).parent / "keras" / "models" / name
    if not source.is_file():
        pytest.skip(f"there is no {source}")
    (tmp_path / "models").mkdir()
    shutil.copy(source, tmp_path / "models")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "models" / name


@pytest.mark.real_data
def test_real_features_equal_plain_keras_on_preprocessed_images(real_weights):
    assert imagenet_weights_cached("mobilenet_v2", 224)
    assert not imagenet_weights_cached("mobilenet_v2", 96)
    ours = build_backbone("mobilenet_v2")
    plain = keras.applications.MobileNetV2(
        include_top=False, input_shape=(224, 224, 3), weights=str(real_weights)
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype("float32")
    expected = plain(keras.applications.mobilenet_v2.preprocess_input(images.copy()))
    np.testing.assert_allclose(ours(images), expected, atol=1e-3)


@pytest.mark.real_data
def test_a_real_file_cut_short_is_not_cached(real_weights):
    real_weights.write_bytes(real_weights.read_bytes()[:-10])
    assert not imagenet_weights_cached("mobilenet_v2", 224)
