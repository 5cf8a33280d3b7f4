"""Private names of Keras stand in one module, and the installed Keras has them."""

import ast
import inspect
import re
from pathlib import Path

import keras
import pytest

import tl_keras
from tl_keras.models import keras_private
from tl_keras.training.fused_adam import FusedAdam

PACKAGE = Path(tl_keras.__file__).parent
ADAPTER = Path(keras_private.__file__)
MODULES = sorted(PACKAGE.rglob("*.py"))
PUBLIC_PRIVATE = {"_replace", "_asdict", "_fields", "_exit"}  # of a named tuple, and of os


def small_model():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs))


@pytest.fixture(scope="module")
def owners():
    """The objects of Keras by the private name that they must have."""
    model, adam = small_model(), keras.optimizers.Adam()
    adam.build(model.trainable_variables)
    layer = model.layers[-1]
    return {
        "_flatten_layers": layer,
        "_run_through_graph": model,
        "_trainable_variables": layer,
        "_inbound_nodes": layer,
        "_outbound_nodes": layer,
        "_keras_history": model.outputs[0],
        "_get_variable_index": adam,
        "_use_weight_decay": adam,
        "_apply_weight_decay": adam,
        "_momentums": adam,
        "_velocities": adam,
        "_maybe_symbolic_build": model,
    }


def private_attributes(tree):
    """Yields the private attributes that a module reads, without those of Python."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
            yield node.attr


def own_names(tree):
    """Yields the private names that a module defines: functions, classes, variables, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield getattr(node, "id", getattr(node, "attr", None))


def internal_imports(tree):
    """Yields the modules inside Keras that a module imports from."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in names if name.startswith("keras.src"))


def missing(owners):
    """Returns a line for each private name that the installed Keras lacks."""
    return [
        f"Keras {keras.__version__} has no {name} in {type(owner).__name__}; "
        f"keras_private needs it and was written for Keras {keras_private.KERAS_VERSIONS}."
        for name, owner in owners.items()
        if not hasattr(owner, name)
    ]


def test_the_installed_keras_has_each_private_name(owners):
    used = set(private_attributes(ast.parse(ADAPTER.read_text())))
    assert used | {"_apply_weight_decay"} == set(owners)
    assert not missing(owners)


def test_a_missing_name_is_named():
    [line] = missing({"_flatten_layers": object()})
    assert f"Keras {keras.__version__} has no _flatten_layers in object" in line


def test_fit_calls_evaluate_with_the_private_keyword():
    assert f"{keras_private.EVALUATED_BY_FIT}=True" in inspect.getsource(keras.Model.fit)


def test_the_versions_are_those_that_are_installed_with_the_package():
    required = (PACKAGE.parent / "setup.cfg").read_text()
    assert f"\n    keras{keras_private.KERAS_VERSIONS}\n" in required


def test_no_other_module_uses_a_private_name(owners):
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
    own = PUBLIC_PRIVATE | {name for tree in trees.values() for name in own_names(tree)}
    own -= set(owners)
    for path, tree in trees.items():
        if path != ADAPTER:
            used = [*internal_imports(tree), *set(own_names(tree)) & set(owners)]
            used += [name for name in private_attributes(tree) if name not in own]
            assert not used, f"{path.name}: use what keras_private offers, not {used}"


def test_origin_users_and_parameters_of_a_small_graph():
    model = small_model()
    inputs, dense = model.layers
    assert keras_private.origin_of(model.outputs[0]) == (dense, [model.inputs[0]])
    assert keras_private.users_of(inputs) == [dense]
    dense.trainable = False
    assert keras_private.has_parameters(dense) and not keras_private.has_parameters(inputs)
    assert keras_private.is_functional(model) and not keras_private.is_functional(dense)


def test_moments_are_those_of_the_variable():
    model = small_model()
    adam = FusedAdam()
    adam.build(model.trainable_variables)
    kernel, bias = model.trainable_variables
    assert [keras_private.variable_index(adam, v) for v in (kernel, bias)] == [0, 1]
    assert [m.shape for m in keras_private.adam_moments(adam, bias)] == [(2,), (2,)]
