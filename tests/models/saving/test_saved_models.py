"""Loading a .keras file: hand-made hostile and damaged files are refused, honest ones load."""

import ast
import io
import json
import math
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.models.baselines.mlp import MLP
from tl_keras.models.saving import saved_models
from tl_keras.models.saving.hdf5_safety import check_hdf5
from tl_keras.models.saving.saved_models import load_model


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    return path


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _change_config(path, change):
    members = _members(path)
    config = json.loads(members["config.json"])
    change(config)
    _write(path, {**members, "config.json": json.dumps(config)})


def _change_weights(path, change):
    members = _members(path)
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(file)
    _write(path, {**members, "model.weights.h5": buffer.getvalue()})


def _refuses(path, message):
    files = set(path.parent.rglob("*"))
    with pytest.raises(InputError, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert set(path.parent.rglob("*")) == files


def test_an_honest_file_loads_with_equal_outputs(model, saved):
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(load_model(saved)(x), model(x))
    assert not load_model(str(saved)).compiled


def test_large_weights_are_checked_outside_memory(model, saved, monkeypatch):
    sizes = []

    def check(file, name):
        sizes.append(file._rolled)
        return check_hdf5(file, name)

    monkeypatch.setattr(saved_models, "check_hdf5", check)
    load_model(saved)
    monkeypatch.setattr(saved_models, "_IN_MEMORY", 100)
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(load_model(saved)(x), model(x))
    assert sizes == [False, True]


def test_keras_loads_in_safe_mode_alone():
    """Whatever `enable_unsafe_deserialization` says, and nowhere in the package without it."""
    package = Path(saved_models.__file__).parents[2]
    calls = [
        node
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("saving.load_model")
    ]
    assert len(calls) == 1
    assert {k.arg: ast.unparse(k.value) for k in calls[0].keywords}["safe_mode"] == "True"


def test_compile_restores_the_optimizer(model, saved):
    model.compile("adam", "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
    model.save(saved)
    assert int(load_model(saved, compile=True).optimizer.iterations) == 1


@pytest.mark.fault(28)
def test_a_lambda_layer_is_refused_and_not_executed(tmp_path):
    path, witness = tmp_path / "model.keras", tmp_path / "executed"
    code = eval(f"lambda x: (open({str(witness)!r}, 'w').close(), x)[1]")
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(code)]).save(path)
    witness.unlink(missing_ok=True)
    _refuses(path, "'Lambda' from 'keras.layers'. Nothing was executed")
    assert not witness.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "function"),
        ("keras.utils", "get_file"),
        ("keras.src.saving.saving_api", "load_model"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "TorchModuleWrapper"),
        ("keras.layers", "MelSpectrogram"),
        (None, "Dense"),
        (["keras.layers"], "Dense"),
        ("keras.layers", "__init__"),
    ],
)
@pytest.mark.fault(28)
def test_a_class_from_elsewhere_is_refused(saved, module, name):
    def change(config):
        config["config"]["layers"][1] |= {"module": module, "class_name": name}

    _change_config(saved, change)
    _refuses(saved, "own layers or of tl_keras; received .*Nothing was executed")


@pytest.mark.parametrize(
    ("module", "name", "registered"),
    [
        ("evil.models.mlp", "MLP", "tl_keras>MLP"),
        ("tl_keras.models.baselines.mlp", "MLP", "evil>MLP"),
        ("tl_keras.models.baselines.mlp", "MLP", None),
        ("tl_keras.models.baselines.cnn", "MLP", "tl_keras>MLP"),
        ("tl_keras.models.baselines.mlp", "MLP2", "tl_keras>MLP2"),
        ("tl_keras.models.baselines.baseline", "Baseline", "tl_keras>Baseline"),
        ("tl_keras.models.baselines.mlp", "layers", None),
        ("keras.layers", "Dense", "tl_keras>MLP"),
        ("keras.layers", "Dense", "evil>Dense"),
    ],
)
def test_a_class_that_looks_like_one_of_ours_is_refused(tmp_path, module, name, registered):
    path = tmp_path / "net.keras"
    network = MLP(2, hidden_units=(4,))
    network.build((None, 4, 4))
    network.save(path)
    load_model(path)
    look_alike = {"module": module, "class_name": name, "registered_name": registered}
    _change_config(path, lambda config: config.update(look_alike))
    _refuses(path, f"'{name}' from '{module}'.*Nothing was executed")


@pytest.mark.parametrize("change", [{"hidden_units": [2**30]}, {"hidden_units": "tuple"}])
def test_absurd_sizes_of_our_own_models_are_refused(tmp_path, change):
    path = tmp_path / "net.keras"
    network = MLP(2, hidden_units=(4,))
    network.build((None, 4, 4))
    network.save(path)
    if change["hidden_units"] == "tuple":
        change = {"hidden_units": {"class_name": "__tuple__", "items": [2**30]}}
    _change_config(path, lambda config: config["config"].update(change))
    _refuses(path, "sizes of at most .*1073741824")


@pytest.mark.fault(28)
def test_foreign_code_hidden_in_an_argument_is_refused(saved):
    def change(config):
        code = {"class_name": "__lambda__", "config": {"value": "AAAA"}}
        config["config"]["layers"][1]["config"]["activation"] = code

    _change_config(saved, change)
    _refuses(saved, "'__lambda__'")


def test_foreign_losses_are_refused_when_compiling_and_ignored_otherwise(model, saved):
    model.compile("sgd", "mse")
    model.save(saved)

    def change(config):
        config["compile_config"]["loss"] = {
            "module": "evil",
            "class_name": "Loss",
            "config": {},
            "registered_name": "Loss",
        }

    _change_config(saved, change)
    load_model(saved)
    with pytest.raises(InputError, match="'Loss' from 'evil'"):
        load_model(saved, compile=True)


def test_absurd_sizes_in_the_configuration_are_refused(saved):
    def change(config):
        config["config"]["layers"][1]["config"]["units"] = 10**12

    _change_config(saved, change)
    _refuses(saved, "sizes of at most .*units=1000000000000")


@pytest.mark.parametrize("name", ["/etc/evil", "../evil", "assets/vocabulary.txt", "evil.py"])
@pytest.mark.fault(30)
def test_unexpected_absolute_and_climbing_members_are_refused(saved, name):
    _write(saved, {**_members(saved), name: b"evil"})
    _refuses(saved, f"holds the unexpected member '{name}'")


def test_a_member_given_twice_or_lacking_is_refused(saved):
    members = _members(saved)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("config.json", "{}")
    _refuses(saved, "holds metadata.json, config.json, model.weights.h5, config.json")
    _write(saved, {"config.json": members["config.json"]})
    _refuses(saved, "holds config.json")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
@pytest.mark.fault(30)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(saved, name):
    _write(saved, {**_members(saved), name: bytes(2**24)}, zipfile.ZIP_DEFLATED)
    _refuses(saved, f"declares 16,777,216 bytes for {name} and stores")


@pytest.mark.fault(30)
def test_links_and_external_storage_in_the_weights_are_refused(saved, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(64))
    group = "layers/dense/vars"
    original = saved.read_bytes()

    def replace(link):
        def change(file):
            del file[group]["0"]
            file[group]["0"] = link

        return change

    def external(file):
        del file[group]["0"]
        storage = [(str(tmp_path / "secret"), 0, 24)]
        file[group].create_dataset("0", (3, 2), "f4", external=storage)

    for change, message in (
        (replace(h5py.ExternalLink("secret", "/")), "ExternalLink at /layers/dense/vars/0"),
        (replace(h5py.SoftLink("/layers/dense/vars/1")), "SoftLink at"),
        (external, "in another file"),
        (lambda file: file["layers"].__setitem__("loop", file["layers"]), "'/layers.*twice"),
        (lambda file: file.create_dataset("big", (2**40,), "f4", chunks=(1024,)), "stores 0"),
    ):
        saved.write_bytes(original)
        _change_weights(saved, change)
        _refuses(saved, message)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
def test_a_truncated_file_is_refused(saved, kept):
    content = saved.read_bytes()
    saved.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    _refuses(saved, "damaged or in another format")


@pytest.mark.fault(31)
def test_weights_that_do_not_fit_the_configuration_are_refused_in_one_line(saved):
    def change(config):
        config["config"]["layers"][1]["config"]["units"] = 5

    _change_config(saved, change)
    message = r"has weights of shape \(3, 2\) for layer 'dense' of shape \(3, 5\); nothing was"
    _refuses(saved, message)


@pytest.mark.fault(31)
def test_weights_that_are_missing_name_their_layer(saved):
    def remove(file):
        del file["layers/dense/vars/0"], file["layers/dense/vars/1"]

    _change_weights(saved, remove)
    _refuses(saved, "cannot be read: .*dense.*expected 2 variables.*received 0")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(model, saved, value):
    model.layers[0].bias.assign([value, 0])
    model.save(saved)
    _refuses(saved, "Expected finite weights; received NaN or infinity in 'dense/bias' of")


def _watch(monkeypatch):
    """A list that gets the bytes of each variable that is really made."""
    made, make = [], keras.Variable._initialize_with_initializer

    def note(variable, initializer):
        made.append(4 * math.prod(variable.shape))
        make(variable, initializer)

    monkeypatch.setattr(keras.Variable, "_initialize_with_initializer", note)
    return made


LARGE = 2**20
DECLARED = {
    "dense": [keras.Input((1000,)), keras.layers.Dense(4)],
    "nested": [
        keras.Input((1000,)),
        keras.Sequential([keras.Input((1000,)), keras.layers.Dense(4, name="dense")]),
    ],
    "embedding": [keras.Input((3,)), keras.layers.Embedding(4, 4)],
    "convolution": [keras.Input((8, 8, 300)), keras.layers.Conv2D(4, 3)],
    "recurrent": [keras.Input((3, 300)), keras.layers.LSTM(4)],
    "wrapped": [keras.Input((3, 300)), keras.layers.Bidirectional(keras.layers.GRU(4))],
    "many small": [keras.Input((200,)), *(keras.layers.Dense(4) for _ in range(30))],
}
SIZES = {"units", "filters", "input_dim"}


def _enlarge(item, size):
    """Sets the sizes of all layers below `item`."""
    for key, value in list(item.items() if isinstance(item, dict) else enumerate(item)):
        if key in SIZES:
            item[key] = size
        elif key == "input_shape" and value == [None, 4]:  # that a layer is built for
            item[key] = [None, size]
        elif isinstance(value, dict | list):
            _enlarge(value, size)


@pytest.mark.parametrize("kind", DECLARED)
@pytest.mark.parametrize("compile", [False, True])
def test_weights_that_are_not_there_are_refused_before_memory_is_taken(
    tmp_path, monkeypatch, kind, compile
):
    path = tmp_path / "model.keras"
    keras.Sequential(DECLARED[kind]).save(path)
    size = 200 if kind == "many small" else LARGE
    _change_config(path, lambda config: _enlarge(config["config"], size))
    made = _watch(monkeypatch)
    message = r"declares layers of [\d,]{9,} bytes of weights or more and stores [\d,]+ bytes"
    with pytest.raises(InputError, match=message) as caught:
        load_model(path, compile=compile)
    assert "\n" not in str(caught.value)
    assert sum(made) < 2**24


def test_a_network_of_ours_and_a_metric_that_declare_too_much_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "net.keras"
    network = MLP(2, hidden_units=(4,))
    network.build((None, 4, 4))
    network.compile("adam", "mse", metrics=[keras.metrics.MeanIoU(2)])
    network.save(path)
    honest = path.read_bytes()
    _change_config(path, lambda config: config["config"].update(hidden_units=[LARGE, LARGE]))
    made = _watch(monkeypatch)
    _refuses(path, "declares layers of .* or more and stores")
    path.write_bytes(honest)
    _change_config(path, lambda config: _enlarge_metric(config["compile_config"]["metrics"][0]))
    with pytest.raises(InputError, match="declares layers of .* or more and stores"):
        load_model(path, compile=True)
    assert sum(made) < 2**24
    load_model(path)


def _enlarge_metric(metric):
    metric["config"]["num_classes"] = 2**19


@pytest.mark.parametrize("compile", [False, True])
def test_weights_that_are_made_twice_or_not_yet_there_load(tmp_path, compile):
    model = keras.Sequential(
        [keras.Input((5, 80)), keras.layers.Bidirectional(keras.layers.GRU(300))]
    )
    model.compile(keras.optimizers.Adam(amsgrad=True), "mse")
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras", compile=compile)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_variables_are_made_as_before_after_a_refusal(saved):
    make = keras.Variable._initialize_with_initializer
    _change_config(saved, lambda config: _enlarge(config["config"], LARGE))
    _refuses(saved, "declares layers of")
    assert keras.Variable._initialize_with_initializer is make


def test_configuration_that_is_no_json_or_no_model_is_refused(saved):
    members = _members(saved)
    for content in (b"{", b"[]", b"5", b"{}", b"[" * 100_000, b"\xff"):
        _write(saved, {**members, "config.json": content})
        _refuses(saved, "cannot be read: ")


@pytest.mark.fault(29)
def test_other_formats_and_missing_files_are_refused(model, tmp_path):
    model.save(tmp_path / "model.h5")
    _refuses(tmp_path / "model.h5", "ending in .keras; received .*model.h5")
    _refuses(tmp_path / "none.keras", "there is no such file")
    (tmp_path / "folder.keras").mkdir()
    _refuses(tmp_path / "folder.keras", "there is no such file")
    (tmp_path / "renamed.keras").write_bytes((tmp_path / "model.h5").read_bytes())
    _refuses(tmp_path / "renamed.keras", "damaged or in another format")
