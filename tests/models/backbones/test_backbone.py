"""Backbones: preprocessing, layout, sizes, files as backbones, and what is refused."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import tl_keras
from tests.check_model import check_model
from tl_keras import MLP
from tl_keras.checks import InputError
from tl_keras.models.backbones.applications import APPLICATIONS, preprocess
from tl_keras.models.backbones.backbone import (
    build_backbone,
    get_backbone,
    imagenet_weights_cached,
    list_backbones,
)
from tl_keras.models.classifier import build_classifier
from tl_keras.training.frozen.freezing import unfreeze

_MODULES = {
    "caffe": keras.applications.vgg16,
    "tf": keras.applications.mobilenet_v2,
    "torch": keras.applications.densenet,
    "none": keras.applications.efficientnet_v2,
}


# Tracing a deep model takes a minute, and the saved file holds the configuration anyway.
_COMPILE = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "run_eagerly": True}

# So deep that at random weights the gradient is finite only with BatchNormalization at work, and
# that needs several positions.
_SIZES = {"efficientnet_v2_l": 64}


def _images(size, n=2):
    return np.random.default_rng(0).uniform(0, 255, (n, size, size, 3)).astype("float32")


def test_the_table_holds_every_base_of_keras_applications():
    in_keras = {name for name in dir(keras.applications) if name[0].isupper()}
    assert {row.constructor for row in APPLICATIONS.values()} == in_keras
    assert len(list_backbones()) == len(in_keras)


@pytest.mark.parametrize("backbone", list_backbones())
def test_preprocessing_kind_is_that_of_the_familys_own_function(backbone):
    row = APPLICATIONS[backbone]
    families = [getattr(keras.applications, name) for name in dir(keras.applications)]
    module = (
        next(
            family
            for family in families
            if hasattr(family, row.constructor) and hasattr(family, "preprocess_input")
        )
        if row.constructor not in ("MobileNetV3Small", "MobileNetV3Large")
        else (keras.applications.mobilenet_v3)
    )
    images = _images(4)
    image = keras.Input((4, 4, 3))
    ours = keras.Model(image, preprocess(image, row.preprocessing))(images)
    np.testing.assert_allclose(ours, module.preprocess_input(images.copy()), atol=1e-4)


@pytest.mark.parametrize("kind", _MODULES)
def test_preprocessing_equals_keras_on_the_corners_of_the_pixel_range(kind):
    corners = np.array(np.meshgrid(*[[0, 255, 77]] * 3), "float32").T.reshape(1, 3, 9, 3)
    image = keras.Input((3, 9, 3))
    ours = keras.Model(image, preprocess(image, kind))(corners)
    np.testing.assert_allclose(ours, _MODULES[kind].preprocess_input(corners.copy()), atol=1e-4)


@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param("vgg16", marks=pytest.mark.slow),
        "mobilenet_v2",
        pytest.param("densenet121", marks=pytest.mark.slow),
        pytest.param("efficientnet_v2_b0", marks=pytest.mark.slow),
    ],
)
def test_one_family_of_each_kind_trains_saves_and_reloads(backbone):
    model = check_model(
        lambda: build_classifier(
            backbone, 3, image_size=32, weights="random", head="gap", hidden_units=4, dropout=0.1
        ),
        _images(32),
        np.array([0, 2]),
        compile_args=_COMPILE,
        probabilities=True,
        config=False,
        atol=1e-4,
    )
    assert get_backbone(model).name == backbone
    keras.backend.clear_session()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", list_backbones())
def test_every_backbone_trains_saves_and_reloads(backbone):
    size = _SIZES.get(backbone, APPLICATIONS[backbone].minimum_size)
    # Enough units that some are alive, and a class without an image: else no weight need move.
    head = {"head": "gap", "hidden_units": 16, "dropout": 0.0}

    def build():
        model = build_classifier(backbone, 3, image_size=size, weights="random", **head)
        # BatchNormalization frozen, as `fine_tune` trains: over two images of one position each
        # its statistics are next to zero wide, and a hundred layers of them overflow the gradient.
        return model if backbone in _SIZES else unfreeze(model, all=True)

    check_model(
        build,
        _images(size),
        np.array([0, 2]),
        compile_args=_COMPILE,
        probabilities=True,
        config=False,
        atol=1e-4,
    )
    keras.backend.clear_session()


def test_a_backbone_is_flat_and_can_be_cut_anywhere():
    backbone = build_backbone("mobilenet_v2", image_size=32, weights=None)
    assert backbone.name == "mobilenet_v2"
    assert backbone.input_shape == (None, 32, 32, 3)
    assert [layer.name for layer in backbone.layers[:3]] == ["image", "preprocess_tf", "Conv1"]
    cut = backbone.get_layer("block_14_add").output
    first, second = keras.Model(backbone.input, cut), keras.Model(cut, backbone.output)
    images = _images(32)
    np.testing.assert_array_equal(second(first(images)), backbone(images))


def test_vgg_features_equal_plain_keras_on_preprocessed_images():
    ours = build_backbone("vgg16", image_size=32, weights="random")
    plain = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.set_weights(ours.get_weights())
    images = _images(32)
    expected = plain(keras.applications.vgg16.preprocess_input(images.copy()))
    np.testing.assert_allclose(ours(images), expected, rtol=1e-4, atol=1e-4)


def test_efficientnet_equals_the_graph_keras_builds_for_its_published_weights(monkeypatch):
    from keras.src.utils import file_utils

    monkeypatch.setattr(file_utils, "get_file", lambda *args, **kwargs: "none.weights.h5")
    monkeypatch.setattr(keras.Model, "load_weights", lambda *args, **kwargs: None)
    plain = keras.applications.EfficientNetB0(include_top=False, input_shape=(32, 32, 3))
    monkeypatch.undo()
    ours = build_backbone("efficientnet_b0", image_size=32, weights=None)
    ours.set_weights(plain.get_weights())
    images = _images(32)
    np.testing.assert_allclose(ours(images), plain(images), atol=1e-5)


def test_random_vgg_kernels_are_he_normal():
    keras.utils.set_random_seed(0)
    backbone = build_backbone("vgg16", image_size=32, weights="random")
    kernel = backbone.get_layer("block3_conv2").kernel.numpy()
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 256)), rel=0.01)
    glorot = build_backbone("mobilenet_v2", image_size=32, weights="random")
    initializer = glorot.get_layer("Conv1").kernel_initializer
    assert isinstance(initializer, keras.initializers.GlorotUniform)


def test_another_process_loads_saved_files_in_safe_mode(tmp_path):
    """Backbones without this package; then with it a class of its own that was never imported."""
    image = keras.Input((32, 32, 3))
    models = {kind: keras.Model(image, preprocess(image, kind)) for kind in ("tf", "torch")}
    models["caffe"] = build_backbone("vgg16", image_size=32, weights="random")
    for kind, model in models.items():
        model.save(tmp_path / f"{kind}.keras")
        np.save(tmp_path / f"{kind}.npy", model(_images(32)))
    np.save(tmp_path / "images.npy", _images(32))
    network = MLP(3, (8,))
    network.build((None, 32, 32, 3))
    network.save(tmp_path / "net.keras")
    package = str(Path(tl_keras.__file__).parents[1])
    code = (
        "import sys, keras, numpy as np\n"
        "for kind in ('tf', 'torch', 'caffe'):\n"
        "    model = keras.saving.load_model(f'{kind}.keras', safe_mode=True)\n"
        "    outputs = model(np.load('images.npy'))\n"
        "    np.testing.assert_allclose(outputs, np.load(f'{kind}.npy'), rtol=1e-4, atol=1e-4)\n"
        "assert 'tl_keras' not in sys.modules\n"
        f"sys.path.append({package!r})\n"
        "import tl_keras\n"
        "assert type(tl_keras.load_model('net.keras')).__name__ == 'MLP'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "resnet5"}, "backbone to be one of resnet50, .*received backbone='resnet5'"),
        ({"backbone": 3}, "backbone to be one of .*received backbone=3"),
        ({"image_size": 31}, r"at least 32 for vgg16; received \(31, 31\)"),
        ({"image_size": (64, 20)}, r"at least 32 for vgg16; received \(64, 20\)"),
        ({"backbone": "xception", "image_size": 70}, r"at least 71 for xception"),
        ({"image_size": 64.0}, "an integer or .*received image_size=64.0"),
        ({"image_size": (64, 64, 3)}, "an integer or .height, width"),
        ({"weights": "auto"}, "received 'auto', which is for the command line"),
        ({"weights": "no/such.h5"}, "received weights='no/such.h5', and there is no such file"),
        ({"weights": 5}, "received weights='5'"),
        ({"backbone": "no/such.keras"}, "received no/such.keras, and there is no such file"),
    ],
)
def test_bad_arguments_are_named_before_anything_is_built(arguments, message):
    with pytest.raises(InputError, match=message):
        build_backbone(**{"backbone": "vgg16", "weights": None, **arguments})


def _encoder(path, inputs=(16, 16, 3), vectors=False):
    layers = [keras.Input(inputs), keras.layers.Conv2D(4, 3)]
    layers += [keras.layers.GlobalAveragePooling2D()] if vectors else []
    model = keras.Sequential(layers, name="encoder")
    model.save(path)
    return model


@pytest.mark.parametrize("vectors", [False, True])
def test_an_encoder_file_or_its_run_folder_is_a_backbone(vectors, tmp_path):
    encoder = _encoder(tmp_path / "encoder.keras", vectors=vectors)
    for place in (tmp_path, tmp_path / "encoder.keras", str(tmp_path / "encoder.keras")):
        backbone = build_backbone(place)
        np.testing.assert_array_equal(backbone(_images(16)), encoder(_images(16)))
    model = build_classifier(tmp_path, 2, head="gap", hidden_units=4)
    assert get_backbone(model).name == "encoder"
    assert imagenet_weights_cached(str(tmp_path)) is True


def test_from_a_classifiers_file_or_model_the_backbone_is_taken(tmp_path):
    encoder = _encoder(tmp_path / "encoder.keras")
    classifier = build_classifier(encoder, 2, head="gap", hidden_units=4)
    (tmp_path / "run").mkdir()
    classifier.save(tmp_path / "run" / "model.keras")
    for source in (classifier, tmp_path / "run"):
        backbone = build_backbone(source)
        np.testing.assert_array_equal(backbone(_images(16)), encoder(_images(16)))


def test_an_encoder_of_another_size_shape_or_with_weights_is_refused(tmp_path):
    path = tmp_path / "encoder.keras"
    _encoder(path)
    assert build_backbone(path, image_size=(16, 16)).input_shape == (None, 16, 16, 3)
    with pytest.raises(InputError, match=r"image_size=\(16, 16\).*received \(32, 32\)"):
        build_backbone(path, image_size=32)
    with pytest.raises(InputError, match="which brings its own; received weights='random'"):
        build_backbone(path, weights="random")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(InputError, match=r"from images \(b, h, w, 3\) to features"):
        build_backbone(path)
    path.unlink()
    with pytest.raises(InputError, match="run folder with encoder.keras or model.keras"):
        build_backbone(tmp_path)


def test_limit_of_the_image_size_is_named():
    with pytest.raises(InputError, match="from 1 to 30,000 pixels; received image_size=100000"):
        build_backbone("vgg16", weights=None, image_size=100_000)


def test_get_backbone_refuses_a_model_without_one(tmp_path):
    with pytest.raises(InputError, match="one nested backbone; received 'encoder' with 0"):
        get_backbone(_encoder(tmp_path / "encoder.keras"))
