"""`tl-keras shard`, and the other commands on what it wrote."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tl_keras.data.fixes.fixes_file import Fix, write_fixes
from tl_keras.data.inspection.fingerprints import content_hash


@pytest.fixture(scope="module")
def shards(colours, tmp_path_factory):
    from tl_keras.jobs.shard import shard
    from tl_keras.settings.image_source import ShardSettings

    out = tmp_path_factory.mktemp("packed") / "shards"
    shard(ShardSettings(data=str(colours), out=str(out)))
    return out


def test_check_finds_in_the_shards_the_classes_of_the_folder(shards, colours, run_cli, tmp_path):
    status, packed, error = run_cli("check", shards, "--out", tmp_path / "a")
    assert status == 0, error
    assert (
        packed.splitlines()[:3]
        == run_cli("check", colours, "--out", tmp_path / "b")[1].splitlines()[:3]
    )


def test_check_names_a_damaged_shard(shards, run_cli, tmp_path):
    folder = shutil.copytree(shards, tmp_path / "copy")
    [path] = folder.glob("*.tfrecord")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    status, _, error = run_cli("check", folder)
    assert status == 2
    assert "shard-00000.tfrecord as its manifest says; received damaged bytes" in error


def test_explore_reads_shards(shards, run_cli, tmp_path):
    words = ("--backbone", "pixels", "--out", tmp_path / "run")
    status, _, error = run_cli("explore", shards, *words)
    assert status == 0, error
    with open(tmp_path / "run" / "clusters.csv", encoding="utf-8") as file:
        assert all(row["path"].startswith(str(shards)) for row in csv.DictReader(file))


def test_a_source_without_readable_images_leaves_no_manifest(run_cli, tmp_path):
    source = tmp_path / "source" / "class"
    source.mkdir(parents=True)
    (source / "a.png").write_bytes(b"no image")
    (tmp_path / "source" / "other").mkdir()
    (tmp_path / "source" / "other" / "b.png").write_bytes(b"no image")
    status, _, error = run_cli("shard", tmp_path / "source", "--out", tmp_path / "out")
    assert status == 2 and "received 2 that cannot be read" in error
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_groups_of_fixes_are_not_in_shards_and_it_is_said(tmp_path, capsys):
    from tl_keras.jobs.shard import shard
    from tl_keras.settings.image_source import ShardSettings

    random = np.random.default_rng(0)
    for number in range(4):
        path = tmp_path / "data" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
    names = ("a/0.png", "b/1.png")
    pixels = [np.asarray(Image.open(tmp_path / "data" / name)) for name in names]
    digests = [content_hash(each).hex() for each in pixels]
    fixes = [Fix(n, d, "group", "", "film") for n, d in zip(names, digests, strict=True)]
    write_fixes(tmp_path / "fixes.csv", fixes, "data")
    options = {"data": str(tmp_path / "data"), "fixes": str(tmp_path / "fixes.csv")}
    shard(ShardSettings(out=str(tmp_path / "shards"), **options))
    assert "Give --fixes to the command that cuts them" in " ".join(capsys.readouterr().err.split())


def test_few_shot_knows_the_images_of_its_support_again(shards, colours, run_cli, tmp_path):
    """They are counted by no accuracy, in whichever form they come."""
    for number, (support, query) in enumerate(
        [(shards, shards), (shards, colours), (colours, shards)]
    ):
        run = tmp_path / str(number)
        words = ("--encoder", "pixels", "--copies", 0, "--run", run, "--out", f"{run}.csv")
        status, _, error = run_cli("few-shot", "--support", support, "--query", query, *words)
        assert status == 0, error
        metrics = json.loads((run / "metrics.json").read_text())
        assert metrics["queries_in_support"] == 36 and not metrics.get("query"), number
