import io
import zipfile

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.sources import arrays
from tl_keras.data.sources.arrays import read_npy, read_npz

X = np.arange(6 * 2 * 2, dtype=np.uint8).reshape(6, 2, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


def header(shape, dtype="|u1"):
    """The bytes of a .npy header that declares a shape."""
    stream = io.BytesIO()
    description = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def npz(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def test_an_array_comes_back(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy"), X)


def test_splits_of_an_npz_come_back(tmp_path):
    np.savez(tmp_path / "s.npz", x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2], other=Y)
    parts = read_npz(tmp_path / "s.npz")
    assert {split: len(part) for split, part in parts.items()} == {"train": 6, "test": 2}
    # the test labels are 0 and 1 only
    assert parts["test"].class_names == parts["train"].class_names == ("0", "1", "2")
    assert parts["test"].ids[1] == f"{tmp_path / 's.npz'}[1]"


def test_one_set_of_an_npz_comes_back_with_or_without_labels(tmp_path):
    np.savez_compressed(tmp_path / "xy.npz", x=X, y=Y)
    assert read_npz(tmp_path / "xy.npz")["all"].class_counts() == {"0": 2, "1": 2, "2": 2}
    np.savez(tmp_path / "x.npz", x=X)
    assert read_npz(tmp_path / "x.npz")["all"].labels is None


def test_other_names_in_an_npz_are_refused_and_listed(tmp_path):
    np.savez(tmp_path / "odd.npz", images=X, classes=Y)
    with pytest.raises(InputError, match="x_train and y_train.*received images, classes"):
        read_npz(tmp_path / "odd.npz")


def test_labels_for_some_splits_only_are_refused(tmp_path):
    np.savez(tmp_path / "some.npz", x_train=X, y_train=Y, x_test=X)
    with pytest.raises(InputError, match="each of x_train, x_test .*received 1 label arrays"):
        read_npz(tmp_path / "some.npz")


def test_splits_of_different_image_shapes_are_refused(tmp_path):
    np.savez(tmp_path / "two.npz", x_train=X, x_test=np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(InputError, match=r"one shape .*received \(2, 2\) and \(3, 3\)"):
        read_npz(tmp_path / "two.npz")


@pytest.mark.fault(22)
def test_pickled_arrays_are_refused(tmp_path):
    objects = np.array([X, None], dtype=object)
    np.save(tmp_path / "p.npy", objects, allow_pickle=True)
    with pytest.raises(InputError, match=r"p\.npy to hold numbers; received pickled Python"):
        read_npy(tmp_path / "p.npy")
    np.savez(tmp_path / "p.npz", x=objects, allow_pickle=True)
    with pytest.raises(InputError, match=r"p\.npz \(x\) to hold numbers; received pickled"):
        read_npz(tmp_path / "p.npz")


@pytest.mark.fault(23)
def test_a_truncated_array_is_refused(tmp_path):
    np.save(tmp_path / "t.npy", X)
    whole = (tmp_path / "t.npy").read_bytes()
    (tmp_path / "t.npy").write_bytes(whole[:-1])
    with pytest.raises(InputError, match=r"whole; .*24 bytes, in a file with 23"):
        read_npy(tmp_path / "t.npy")
    for size in (0, 5, 20):
        (tmp_path / "t.npy").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"Expected a whole \.npy or \.npz file"):
            read_npy(tmp_path / "t.npy")


@pytest.mark.parametrize("shape", [(10**15, 28, 28), (10**30,), (-1, 2, 2)])
def test_a_shape_that_the_file_cannot_hold_is_refused_before_allocation(tmp_path, shape):  # 23
    (tmp_path / "h.npy").write_bytes(header(shape) + b"\0" * 100)
    with pytest.raises(InputError, match=r"h\.npy to be whole; received a header of shape"):
        read_npy(tmp_path / "h.npy")
    npz(tmp_path / "h.npz", {"x": header(shape) + b"\0" * 100})
    with pytest.raises(InputError, match=r"h\.npz \(x\) to be whole; received a header"):
        read_npz(tmp_path / "h.npz")


@pytest.mark.fault(23)
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAX_UNPACKED_BYTES", 1000)
    npz(tmp_path / "bomb.npz", {"x": header((2000,)) + b"\0" * 2000})
    with pytest.raises(InputError, match="unpack to at most .* GiB; received"):
        read_npz(tmp_path / "bomb.npz")


@pytest.mark.fault(23)
def test_a_damaged_archive_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "d.npz", x=np.random.default_rng(0).bytes(5000))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    (tmp_path / "cut.npz").write_bytes(content[:-30])
    content[2000] ^= 0xFF
    (tmp_path / "flip.npz").write_bytes(content)
    for name in ("cut.npz", "flip.npz"):
        with pytest.raises(InputError, match=rf"Expected a whole .npy or .npz file; .*{name}: "):
            read_npz(tmp_path / name)
