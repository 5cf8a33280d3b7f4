"""ImageNet weights that cannot be had, of commands that can do without a network."""

import pytest


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("explore --backbone vgg16 images", "backbone"),
        ("enough --backbone vgg16 images", "backbone"),
        ("recommend images", None),
        ("few-shot --encoder vgg16 --support images --query images", "encoder"),
        (
            "zero-shot --backbone vgg16 --data images --attributes table.csv --unseen b,c",
            "backbone",
        ),
    ],
)
def test_they_are_missed_before_the_images_are_read(
    line, option, offline, run_cli, monkeypatch, tmp_path
):
    """Checking 60,000 images takes minutes. Here none can be read, which is not even noticed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "1.png").write_bytes(b"no image")
    (tmp_path / "table.csv").write_text("no table")
    status, _, said = run_cli(*line.split())
    assert status == 2 and "no network" in said
    assert (f"--{option} RUN of `tl-keras pretrain`, or --{option} pixels." in said) == bool(option)
    assert len(offline) == 1
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())
