"""Finished runs that the tests of the jobs share, in whichever process they are run."""

import contextlib
import fcntl
import json
import os
import shutil

import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.jobs.pretrained_runs import OPTIONS, pretrain_config, save_bars
from tests.jobs.small_runs import (
    BEST,
    answering_config,
    save_encoder,
    save_images,
    small_config,
    use_one_rate,
)

_DRAW = Figure.savefig


@contextlib.contextmanager
def optimised_graphs():
    """Lets TensorFlow optimise graphs within the block, as it does for users."""
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options(before)


@pytest.fixture(autouse=True, scope="module")
def figures_of_one_pixel():
    """Drawing takes half as long as training: only the figures of `made_once` are drawn."""
    pixel = Image.new("L", (1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda _, stream, **how: pixel.save(stream, "png"))
        yield


@pytest.fixture
def drawn(figures_of_one_pixel, monkeypatch):
    """Figures are drawn all the same."""
    monkeypatch.setattr(Figure, "savefig", _DRAW)


@pytest.fixture
def one_rate(monkeypatch):
    """Comparisons try one learning rate where they try three."""
    use_one_rate(monkeypatch)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A function (name, make) -> path: what `make(path)` leaves there, made by one process."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all processes
    (folder / "shared").mkdir(exist_ok=True)

    def path_of(name, make):
        path = folder / "shared" / name
        made = path.with_name(f"{name}.made")
        with open(path.with_name(f"{name}.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                with pytest.MonkeyPatch.context() as patch, optimised_graphs():
                    patch.setattr(Figure, "savefig", _DRAW)
                    make(path)
                made.touch()
        return path

    return path_of


@pytest.fixture(scope="session")
def colours(made_once):
    """A folder of three colour classes with twelve images each."""
    return made_once("colours", lambda path: save_images(path, 12))


@pytest.fixture(scope="session")
def encoder(made_once):
    """File of a tiny encoder."""
    return made_once("tiny.keras", save_encoder)


@pytest.fixture(scope="session")
def finished_run(made_once, encoder, colours):
    """A finished run folder; tests read it and change nothing in it."""
    from tl_keras.jobs.train.train import train

    return made_once("run", lambda path: train(small_config(encoder, colours, path)))


@pytest.fixture(scope="session")
def answering_run(made_once, encoder):
    """A run that promises at most 30 % of errors; tests read it and change nothing in it."""
    from tl_keras.jobs.train.train import train

    def make(path):
        data = save_images(path.with_name("answering data"), 20)
        train(answering_config(encoder, data, path))

    return made_once("answering run", make)


@pytest.fixture(scope="session")
def averaged_run(made_once, encoder, colours):
    """A run whose model averages four networks; tests read it and change nothing in it."""
    from tl_keras.jobs.train.train import train

    return made_once(
        "averaged run", lambda path: train(small_config(encoder, colours, path, **BEST))
    )


@pytest.fixture
def copied_run(finished_run, tmp_path):
    """A copy of the finished run that a test may change."""
    return shutil.copytree(finished_run, tmp_path / "copied run")


@pytest.fixture
def mirrored_run(copied_run):
    """Such a copy whose predictions are means over each image and its mirror image."""
    classes = json.loads((copied_run / "classes.json").read_text(encoding="utf-8"))
    (copied_run / "classes.json").write_text(json.dumps(classes | {"test_time_flips": True}))
    return copied_run


@pytest.fixture(scope="session")
def bar_images(made_once):
    """A .npz file of tiny grey images of two classes."""
    return made_once("bars.npz", save_bars)


@pytest.fixture(scope="session")
def pretrained_run(made_once, bar_images):
    """A function from a method to its finished run folder; tests change nothing in it."""
    from tl_keras.jobs.pretrain.pretrain import pretrain

    def run_of(method):
        options = OPTIONS[method]
        return made_once(
            method,
            lambda path: pretrain(pretrain_config(method, bar_images, path, **options)),
        )

    return run_of


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty Keras cache and no network; returns the list of downloads that were tried."""
    asked = []

    def get_file(name, url, **_):
        asked.append(url)
        raise Exception(f"URL fetch failure on {url}: None -- no route to host")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("keras.utils.get_file", get_file)
    return asked
