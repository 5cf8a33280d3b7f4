"""A finished run for use without Keras."""

import ast
import importlib.util
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image, ImageOps

from tests.training.small_models import coloured_images
from tl_keras.checks import InputError
from tl_keras.data.images import read_resized
from tl_keras.jobs.finished.export import FORMATS, export
from tl_keras.jobs.finished.export_examples import example_program
from tl_keras.jobs.runs.reading.trained_run import load_run


@pytest.fixture
def images():
    """Images like those of the run, and noise, which it has never seen."""
    noise = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3))
    return np.concatenate([coloured_images(6, seed=9)[0], noise]).astype(np.float32)


def _expected(run, images):
    """Outputs of model.keras as `predict` uses it."""
    trained = load_run(run)
    if trained.answering is not None:
        return {name: value.numpy() for name, value in trained.answering(images).items()}
    views = [images, images[:, :, ::-1]] if trained.flips else [images]
    return {"probabilities": np.mean([trained.model(view) for view in views], axis=0)}


def _check_same(outputs, run, images):
    expected = _expected(run, images)
    assert set(outputs) == set(expected)
    np.testing.assert_allclose(outputs["probabilities"], expected["probabilities"], atol=1e-4)
    if "answer" in expected:
        np.testing.assert_array_equal(outputs["answer"], expected["answer"])
        np.testing.assert_allclose(outputs["novelty"], expected["novelty"], atol=1e-2)
        assert {-1} < set(expected["answer"].tolist()), "some are answered and some are not"


@pytest.fixture(params=["finished_run", "answering_run", "averaged_run"])
def run(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["answering_run", "averaged_run"])
def unusual_run(request):
    return request.getfixturevalue(request.param)


def _from_program(path, images, tmp_path):
    """Outputs that the example program beside an export prints for arrays of pixels."""
    files = [str(tmp_path / f"{number}.npy") for number in range(len(images))]
    for file, image in zip(files, images, strict=True):
        np.save(file, image.astype(np.uint8))
    program = path.with_name(f"{path.name.replace('.', '_')}_example.py")
    done = subprocess.run(
        [sys.executable, program, *files], capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _check_program(path, run, images, tmp_path):
    """The printed answers are those of the model, by the names of the classes."""
    trained, expected = load_run(run), _expected(run, images)
    rows = _from_program(path, images, tmp_path)
    shown = np.array([row["probabilities"] for row in rows])
    np.testing.assert_allclose(shown, expected["probabilities"], atol=1e-4)
    for at, row in enumerate(rows):
        if "answer" not in expected:
            assert row["label"] == trained.class_names[expected["probabilities"][at].argmax()]
        elif expected["answer"][at] >= 0:
            assert (row["answer"], row["why"]) == (trained.class_names[expected["answer"][at]], "")
        else:
            novel = expected["novelty"][at] > 0
            assert (row["answer"], row["why"]) == (None, "novel" if novel else "unsure")


def test_saved_model_gives_what_the_keras_model_gives(run, images, tmp_path):
    path = export(run, out=tmp_path / "saved")
    assert {entry.name for entry in tmp_path.iterdir()} == {"saved", "saved_example.py"}
    loaded = tf.saved_model.load(str(path))  # held: its functions do not keep the variables
    _check_same({name: value.numpy() for name, value in loaded.serve(images).items()}, run, images)


def test_export_goes_into_the_run_by_default(copied_run, monkeypatch):
    monkeypatch.setattr(keras.Model, "export", lambda model, path, **_: path.mkdir())
    path = export(copied_run)
    assert path == copied_run / "export" / "saved_model"
    assert {entry.name for entry in path.parent.iterdir()} == {
        *("saved_model", "saved_model_example.py"),
    }


@pytest.mark.slow
def test_program_beside_a_saved_model_prints_its_answers(answering_run, images, tmp_path):
    path = export(answering_run, out=tmp_path / "saved")
    _check_program(path, answering_run, images, tmp_path)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_litert_file_gives_what_the_keras_model_gives(unusual_run, images, tmp_path):
    path = export(unusual_run, format="litert", out=tmp_path / "colours.tflite")
    signature = tf.lite.Interpreter(model_path=str(path)).get_signature_runner()
    (name,) = signature.get_input_details()
    _check_same(signature(**{name: images}), unusual_run, images)


@pytest.mark.skipif(importlib.util.find_spec("ai_edge_litert") is None, reason="ai-edge-litert")
def test_program_beside_a_litert_file_prints_its_answers(answering_run, images, tmp_path):
    path = export(answering_run, format="litert", out=tmp_path / "colours.tflite")
    _check_program(path, answering_run, images, tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("tf2onnx") is None, reason="needs tl-keras[onnx]")
def test_onnx_file_gives_what_the_keras_model_gives(unusual_run, images, tmp_path):
    reference = pytest.importorskip("onnx.reference")
    path = export(unusual_run, format="onnx", out=tmp_path / "colours.onnx")
    session = reference.ReferenceEvaluator(str(path))
    found = session.run(None, {session.input_names[0]: images})
    _check_same(dict(zip(session.output_names, found, strict=True)), unusual_run, images)


@pytest.mark.skipif(importlib.util.find_spec("tf2onnx") is None, reason="needs tl-keras[onnx]")
def test_program_beside_an_onnx_file_prints_its_answers(answering_run, images, tmp_path):
    pytest.importorskip("onnxruntime")
    path = export(answering_run, format="onnx", out=tmp_path / "colours.onnx")
    _check_program(path, answering_run, images, tmp_path)


@pytest.mark.parametrize("format", FORMATS)
def test_program_is_valid_whatever_the_names(format):
    names = ('a"""\n', "\\ {x}", "猫", "'")
    text = example_program(format, "m.onnx", "m_onnx_example.py", names, (8, 9), answers=True)
    tree = ast.parse(text)
    assigned = {ast.unparse(n.targets[0]): n.value for n in tree.body if isinstance(n, ast.Assign)}
    assert tuple(ast.literal_eval(assigned["CLASSES"])) == names


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "I;16", "CMYK", "L", "turned"])
def test_program_reads_the_pixels_that_predict_reads(mode, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 4), dtype=np.uint8)
    image, how = Image.fromarray(pixels), {}
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif mode == "turned":
        how["exif"] = Image.Exif()
        how["exif"][ExifTags.Base.Orientation] = 6
        image = image.convert("RGB")
    elif mode in ("P", "PA"):
        image = image.quantize(16)  # with transparent colours
    else:
        image = image.convert(mode)
    path = str(tmp_path / ("x.tif" if mode == "CMYK" else "x.png"))
    image.save(path, **how)
    text = example_program("onnx", "m.onnx", "m.py", ("a", "b"), (8, 9), answers=False)
    reading = [n for n in ast.parse(text).body if getattr(n, "name", "") == "read"]
    found = {"np": np, "Image": Image, "ImageOps": ImageOps}
    exec(compile(ast.Module(reading, []), "program", "exec"), found)  # noqa: S102
    np.testing.assert_array_equal(found["read"](path), read_resized(path, (8, 9)))


def test_program_that_is_there_is_refused_and_kept(finished_run, tmp_path):
    (tmp_path / "m_tflite_example.py").write_text("mine")
    with pytest.raises(InputError, match="does not exist yet; received .*m_tflite_example.py"):
        export(finished_run, format="litert", out=tmp_path / "m.tflite")
    assert (tmp_path / "m_tflite_example.py").read_text() == "mine"


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
