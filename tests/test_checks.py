"""Argument checks: what passes, and the words when it does not."""

import json
import math

import numpy as np
import pytest

import tl_keras
from tl_keras.checks import InputError, check_backend, check_choice, check_number, ran_out_of_memory


def test_a_choice_comes_back():
    assert check_choice("head", "gap", ("gap", "linear")) == "gap"


def test_nearest_names_come_first():
    with pytest.raises(
        InputError, match=r"^Expected head to be one of linear, gap, gated; received head='linaer'"
    ):
        check_choice("head", "linaer", ("gap", "gated", "linear"))


def test_every_name_is_listed_once_where_none_is_near():
    with pytest.raises(InputError, match="one of gap, linear; received head='zzz'"):
        check_choice("head", "zzz", ("gap", "linear"))


@pytest.mark.parametrize("value", [None, 3, ""])
def test_value_of_another_kind_is_no_choice(value):
    with pytest.raises(InputError, match=f"received head={value!r}"):
        check_choice("head", value, ("gap", "linear"))


@pytest.mark.parametrize("value", [0, 1, np.int64(1), 1.0, np.float32(0.5)])
def test_numbers_within_the_limits_come_back(value):
    assert check_number("x", value, minimum=0, maximum=1) is value


@pytest.mark.parametrize(
    ("value", "limits", "wanted"),
    [
        (-1, {"minimum": 0}, "a number >= 0"),
        (2, {"maximum": 1}, "a number <= 1"),
        (2, {"minimum": 0, "maximum": 1}, "a number >= 0 and <= 1"),
        (0, {"above": 0}, "a number > 0"),
        (1.5, {"integer": True}, "an integer"),
        (0, {"minimum": 1, "integer": True}, "an integer >= 1"),
        (math.nan, {}, "a number"),
        (math.inf, {"minimum": 0}, "a number >= 0"),
        (True, {}, "a number"),
        ("3", {}, "a number"),
        (None, {"minimum": 0}, "a number >= 0"),
    ],
)
def test_other_values_are_refused_with_the_limits(value, limits, wanted):
    with pytest.raises(InputError) as refused:
        check_number("x", value, **limits)
    assert str(refused.value) == f"Expected x to be {wanted}; received x={value!r}."


def test_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize("name", ["torch", "jax", "nonsense"])
def test_other_backend_of_keras_is_refused(name, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(InputError, match=f"received '{name}' as the environment .*=tensorflow"):
        check_backend()
    (tmp_path / "keras.json").write_text(json.dumps({"backend": name}))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check_backend()
    monkeypatch.delenv("KERAS_BACKEND")
    with pytest.raises(InputError, match=f"received '{name}' as backend in .*keras.json"):
        check_backend()
    for content in ("", "[]", "{}", '{"backend": "tensorflow"}'):
        (tmp_path / "keras.json").write_text(content)
        check_backend()


def test_other_backend_is_refused_wherever_the_package_is_used(run_cli, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    status, _, error = run_cli("backbones")
    assert (status, error.count("\n")) == (2, 1) and error.startswith("Error: Expected Keras on")
    with pytest.raises(InputError, match="Expected Keras on TensorFlow"):
        tl_keras.load_dataset  # noqa: B018


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (np._core._exceptions._ArrayMemoryError((2**40,), np.dtype("u1")), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("std::bad_alloc"), True),
        (
            # TensorFlow's AbortedError under `ulimit -v`
            RuntimeError(
                "Graph execution error:\nOperation received an exception:Status: 1, message: could "
                "not create a primitive, in file tensorflow/core/kernels/mkl/mkl_conv_ops.cc:1112"
            ),
            True,
        ),
        (RuntimeError("Operation received an exception:Status: 3, message: could not"), False),
        (InputError("Expected memory; received out of memory."), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_memory_that_ran_out_is_told_from_other_errors(error, expected):
    assert ran_out_of_memory(error) is expected
