"""A finished run for use without Keras."""

import importlib.util

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.small_models import coloured_images
from tl_keras.checks import InputError
from tl_keras.jobs.finished.export import FORMATS, export


@pytest.fixture
def images():
    return coloured_images(5, seed=9)[0].astype(np.float32)


def _expected(run, images):
    return keras.saving.load_model(run / "model.keras", compile=False)(images).numpy()


def test_saved_model_gives_what_the_keras_model_gives(copied_run, images):
    path = export(copied_run)
    assert path == copied_run / "export" / "saved_model"
    assert [entry.name for entry in path.parent.iterdir()] == ["saved_model"]
    loaded = tf.saved_model.load(str(path))  # held: its functions do not keep the variables
    np.testing.assert_allclose(loaded.serve(images), _expected(copied_run, images), atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_litert_file_gives_what_the_keras_model_gives(finished_run, images, tmp_path):
    path = export(finished_run, format="litert", out=tmp_path / "colours.tflite")
    run = tf.lite.Interpreter(model_path=str(path)).get_signature_runner()
    (name,) = run.get_input_details()
    (outputs,) = run(**{name: images}).values()
    np.testing.assert_allclose(outputs, _expected(finished_run, images), atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("tf2onnx") is None, reason="needs tl-keras[onnx]")
def test_onnx_file_gives_what_the_keras_model_gives(finished_run, images, tmp_path):
    reference = pytest.importorskip("onnx.reference")
    path = export(finished_run, format="onnx", out=tmp_path / "colours.onnx")
    session = reference.ReferenceEvaluator(str(path))
    (outputs,) = session.run(None, {session.input_names[0]: images})
    np.testing.assert_allclose(outputs, _expected(finished_run, images), atol=1e-5)


def test_loaded_model_is_called_once_as_onnx_wants_it(finished_run, tmp_path, monkeypatch):
    """Keras's ONNX exporter refuses others; checked here without its packages."""

    def write(model, path, **_):
        path.write_text(str(model._called))

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(keras.Model, "export", write)
    path = export(finished_run, format="onnx", out=tmp_path / "colours.onnx")
    assert path.read_text() == "True"


def test_packages_that_are_missing_are_told_with_the_line_to_type(finished_run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"Run: pip install 'tl-keras\[onnx\]'"):
        export(finished_run, format="onnx")


def test_every_extra_that_a_message_names_is_declared():
    from importlib import metadata

    declared = set(metadata.metadata("tl-keras").get_all("Provides-Extra"))
    assert {extra for _, _, extra in FORMATS.values() if extra} <= declared


def test_what_stands_at_the_target_is_refused_and_kept(finished_run, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InputError, match="does not exist yet; received .*mine. Remove it or"):
        export(finished_run, out=tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


def test_unknown_format_is_refused_with_the_nearest_first(finished_run):
    with pytest.raises(InputError, match="format to be one of onnx, .*received format='onx'"):
        export(finished_run, format="onx")


def test_folder_that_is_no_run_is_refused_and_gets_nothing(tmp_path):
    with pytest.raises(InputError, match="Expected a finished run folder"):
        export(tmp_path)
    assert not list(tmp_path.iterdir())


def test_target_that_cannot_be_written_is_named(finished_run):
    with pytest.raises(InputError, match="able to write /proc/out/saved; received"):
        export(finished_run, out="/proc/out/saved")


def test_export_that_fails_leaves_nothing(finished_run, tmp_path, monkeypatch):
    def full(model, path, **_):
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "export", full)
    with pytest.raises(InputError, match="received No space left on device. Free some space"):
        export(finished_run, out=tmp_path / "saved")
    assert not list(tmp_path.iterdir())
