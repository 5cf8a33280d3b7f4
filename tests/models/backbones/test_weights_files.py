"""Weights files: every format loads, and one that does not fit changes nothing."""

import h5py
import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.models.backbones.weights_files import load_weights
from tl_keras.models.classifier import build_classifier


def _base(filters=4, top=False, seed=0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Normalization(name="normalize")(image)
    x = keras.layers.Conv2D(filters, 3, name="first")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(6, 3, name="second")(x)
    if top:
        x = keras.layers.Dense(5, name="top")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x, name="base")
    random = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(np.abs(random.normal(size=weight.shape)) + 0.1)
    model.get_layer("normalize").finalize_state()
    return model


def _save(model, path):
    model.save(path) if path.suffix == ".keras" else model.save_weights(path)


_FILES = ["base.weights.h5", "base.h5", "base.keras"]


def _write(model, path):
    """Saves in the format of the name; plain .h5 is the format of earlier Keras."""
    if path.name == "base.h5":
        model.save(path)  # whole model, its weights under model_weights
    else:
        _save(model, path)


def _same(first, second):
    images = np.random.default_rng(5).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(first(images), second(images), rtol=1e-5)


@pytest.mark.parametrize("name", _FILES)
def test_each_format_loads(name, tmp_path):
    source, model = _base(seed=1), _base(seed=2)
    _write(source, tmp_path / name)
    load_weights(model, tmp_path / name)
    _same(model, source)


@pytest.mark.parametrize("name", _FILES)
def test_the_top_of_a_file_is_left_out(name, tmp_path):
    source, model = _base(seed=1, top=True), _base(seed=2)
    _write(source, tmp_path / name)
    load_weights(model, tmp_path / name)
    _same(model, keras.Model(source.input, source.get_layer("second").output))


@pytest.mark.parametrize("name", _FILES)
@pytest.mark.fault(31)
def test_a_mismatch_names_layer_and_both_shapes_and_loads_nothing(name, tmp_path):
    model, before = _base(seed=2), _base(seed=2)
    _write(_base(filters=7, seed=1), tmp_path / name)
    message = r"\(3, 3, 3, 4\) for layer 'first'; received \(3, 3, 3, 7\).*Nothing was loaded"
    with pytest.raises(InputError, match=message):
        load_weights(model, tmp_path / name)
    _same(model, before)


@pytest.mark.parametrize("name", _FILES)
def test_a_file_with_fewer_layers_is_refused(name, tmp_path):
    model, before = _base(seed=2, top=True), _base(seed=2, top=True)
    _write(_base(seed=1), tmp_path / name)
    with pytest.raises(InputError, match="layer 'top'"):
        load_weights(model, tmp_path / name)
    _same(model, before)


def test_a_classifiers_file_gives_its_backbone(tmp_path):
    source, model = _base(seed=1), _base(seed=2)
    build_classifier(source, 3, head="gap", hidden_units=4).save(tmp_path / "model.keras")
    load_weights(model, tmp_path / "model.keras")
    _same(model, source)


@pytest.mark.parametrize("name", _FILES)
def test_a_truncated_file_is_refused_and_loads_nothing(name, tmp_path):
    model, before, path = _base(seed=2), _base(seed=2), tmp_path / name
    _write(_base(seed=1), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="Expected a whole"):
        load_weights(model, path)
    _same(model, before)


@pytest.mark.parametrize("name", _FILES[:2])
@pytest.mark.fault(29, 30)
def test_links_in_weights_files_are_refused(name, tmp_path):
    path = tmp_path / name
    for link in (h5py.ExternalLink("elsewhere.h5", "/"), h5py.SoftLink("/")):
        _write(_base(), path)
        with h5py.File(path, "r+") as file:
            file["link"] = link
        with pytest.raises(InputError, match=f"{type(link).__name__} at /"):
            load_weights(_base(), path)


@pytest.mark.fault(30)
def test_absurd_declared_sizes_are_refused(tmp_path):
    path = tmp_path / "base.weights.h5"
    _write(_base(), path)
    with h5py.File(path, "r+") as file:
        file.create_dataset("bomb", (2**45,), "u1", chunks=(2**20,), compression="gzip")
    with pytest.raises(InputError, match="declares 35,184,372,088,832 bytes at /bomb"):
        load_weights(_base(), path)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InputError, match="ending in .weights.h5, .h5 or .keras; received"):
        load_weights(_base(), tmp_path / "weights.npz")


def test_a_legacy_index_that_points_nowhere_is_one_line(tmp_path):
    path = tmp_path / "base.h5"
    _write(_base(), path)
    with h5py.File(path, "r+") as file:
        del file["model_weights"]["first"]
    with pytest.raises(InputError, match="whole weights file; received .*Nothing was loaded"):
        load_weights(_base(), path)


@pytest.mark.parametrize("name", _FILES)
def test_weights_that_are_no_numbers_are_named_and_not_loaded(name, tmp_path):
    source, model, before = _base(seed=1), _base(seed=2), _base(seed=2)
    kernel = source.get_layer("second").kernel.numpy()
    kernel[0, 0, 0, 0] = np.nan
    source.get_layer("second").kernel.assign(kernel)
    _write(source, tmp_path / name)
    with pytest.raises(InputError, match="Expected finite weights; received NaN .*'second.*base"):
        load_weights(model, tmp_path / name)
    _same(model, before)
