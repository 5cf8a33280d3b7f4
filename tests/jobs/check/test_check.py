"""`tl-keras check`: findings on standard output, an error for images that cannot be read."""

import shutil

import pytest


def test_classes_warnings_and_images_in_two_splits_are_listed(colours, run_cli, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(colours, folder)
    first = next(folder.rglob("*.png"))
    for number in range(5):  # some of the copies fall into other splits
        shutil.copy(first, first.with_name(f"copy-{number}.png"))
    (first.parent / "notes.txt").write_text("no image")
    status, output, error = run_cli("check", folder)
    assert status == 0, error
    lines = output.splitlines()
    assert lines[0] == "class,train,val,test"
    rows = dict(line.split(",", 1) for line in lines[1:] if line.count(",") == 3)
    counts = {name: sum(map(int, row.split(","))) for name, row in rows.items()}
    assert counts == {
        path.name: len(list(path.glob("*.png"))) for path in folder.iterdir() if path.is_dir()
    }
    assert any(line.startswith("Warning: ") and "notes.txt" in line for line in lines)
    assert any(line.startswith("In two splits: ") for line in lines)


@pytest.mark.parametrize("broken", [1, 3])
def test_images_that_cannot_be_read_end_with_status_2(broken, colours, run_cli, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(colours, folder)
    for path in list(folder.rglob("*.png"))[:broken]:
        path.write_bytes(b"no image")
    status, output, error = run_cli("check", folder)
    assert status == 2
    assert output.startswith("class,train,val,test")
    assert f"received {broken} that cannot be read" in error
