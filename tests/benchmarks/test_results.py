"""Results of a benchmark are kept for the next call, and its data are found."""

import numpy as np
import pytest

from docs.benchmarks.shared.data_folder import data_file, load_mnist, unpacked
from docs.benchmarks.shared.results import add_result, computed_once, read_results


def test_added_results_are_read_by_their_cells(tmp_path):
    path = tmp_path / "out" / "results.jsonl"
    assert read_results(path) == {}
    add_result(path, ("flowers", "5", 0, "fast"), {"accuracy": 0.5})
    add_result(path, ("flowers", "5", 1, "fast"), {"accuracy": 0.25})
    assert read_results(path)["flowers", "5", 1, "fast"] == {"accuracy": 0.25}
    first = path.read_text().splitlines()[0]
    assert first == '["flowers", "5", 0, "fast", {"accuracy": 0.5}]'


def test_arrays_are_computed_once(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"features": np.arange(3), "names": np.array(["a", "b"])}

    for _ in range(2):
        kept = computed_once(tmp_path / "kept" / "task.npz", compute)
        assert kept["features"].tolist() == [0, 1, 2] and kept["names"].tolist() == ["a", "b"]
    assert len(calls) == 1


def test_a_missing_data_folder_is_named(monkeypatch):
    monkeypatch.delenv("TL_KERAS_DATA", raising=False)
    with pytest.raises(SystemExit, match="Expected TL_KERAS_DATA .* has mnist.npz"):
        data_file("mnist.npz")


def test_a_task_is_unpacked_from_either_place(monkeypatch, tmp_path):
    import tarfile

    data, images = tmp_path / "data", tmp_path / "images" / "trash" / "paper"
    images.mkdir(parents=True)
    (images / "1.txt").write_text("1")
    for place in (data / "suite", data):
        place.mkdir(exist_ok=True, parents=True)
        with tarfile.open(place / "trash.tar.gz", "w:gz") as archive:
            archive.add(images.parent, "trash")
        monkeypatch.setenv("TL_KERAS_DATA", str(data))
        folder = unpacked("trash", tmp_path / f"out-{place.name}")
        assert (folder / "paper" / "1.txt").read_text() == "1"
        (place / "trash.tar.gz").unlink()


def test_trials_are_measured_on_the_last_training_images(monkeypatch, tmp_path):
    x = np.zeros((10_003, 1, 1), np.uint8)
    rows = {"y_train": np.arange(10_003), "x_test": x[:2], "y_test": np.array([7, 8])}
    np.savez(tmp_path / "mnist.npz", x_train=x, **rows)
    monkeypatch.setenv("TL_KERAS_DATA", str(tmp_path))
    (_, train), (_, test) = load_mnist()
    assert len(train) == 10_003 and test.tolist() == [7, 8]
    (_, train), (_, held_out) = load_mnist(validate=True)
    assert train.tolist() == [0, 1, 2] and held_out[0] == 3 and len(held_out) == 10_000
