"""`tl-keras check`: findings in the output, on a page and in tables; accepted ones are fixes."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.fixes.fixes_file import read_fixes
from tl_keras.data.loading import load_dataset
from tl_keras.jobs.check.check import check
from tl_keras.settings.check import CheckSettings, accepted


def scene(random, shade):
    """A photograph-like image of a class: its own mean colour, and detail of its own."""
    coarse = Image.fromarray(random.integers(0, 90, (5, 5, 3), np.uint8))
    image = np.asarray(coarse.resize((40, 40), Image.Resampling.BICUBIC)).astype(int)
    image[..., shade] += 120
    return Image.fromarray(
        np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty red and thirty green images with one fault of each kind; see the tests."""
    folder, random = tmp_path_factory.mktemp("images") / "data", np.random.default_rng(0)
    for shade, name in enumerate(("red", "green")):
        (folder / name).mkdir(parents=True)
        for number in range(30):
            scene(random, shade).save(folder / name / f"{number:02}.png")
    scene(random, 0).save(folder / "green" / "wrong.png")  # a red one
    shutil.copy(folder / "red" / "00.png", folder / "red" / "same.png")
    Image.open(folder / "green" / "00.png").save(folder / "green" / "near.jpg", quality=70)
    (folder / "red" / "bad.png").write_bytes(b"no image")
    scene(random, 1).save(folder / "green" / "name.jpg", format="PNG")
    scene(random, 0).resize((6, 6)).save(folder / "red" / "small.png")
    noise = random.integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(255 - noise // 8).save(folder / "red" / "odd.png")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def checked(folder):
    """Path of a run folder of `check` with every finding but the odd sizes accepted."""
    out = folder.parent / "run"
    accept = ("unreadable", "same", "near", "suspect", "odd")
    settings = CheckSettings(data=str(folder), backbone="pixels", accept=accept, out=str(out))
    with pytest.raises(InputError, match="1 that cannot be read"):
        check(settings)
    return out


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.fault(1, 2, 3, 4, 16)
def test_each_fault_is_a_finding_of_its_kind(checked):
    found = rows_of(checked / "findings.csv")
    kinds = {}
    for row in found:
        kinds.setdefault(row["kind"], set()).add(row["path"])
    assert kinds["unreadable"] == {"red/bad.png"}
    assert kinds["same"] == {"red/00.png", "red/same.png"}
    assert kinds["near"] == {"green/00.png", "green/near.jpg"}
    assert kinds["suspect"] == {"green/wrong.png"}
    assert "red/odd.png" in kinds["odd"]
    assert kinds["size"] == {"red/small.png"}
    assert kinds["suffix"] == {"green/name.jpg"}
    assert [row["new"] for row in found if row["kind"] == "suspect"] == ["red"]
    assert all(row["finding"].startswith(f"{row['kind']}-") for row in found)


def test_pairs_of_copies_are_a_table(checked):
    pairs = rows_of(checked / "pairs.csv")
    assert [tuple(row.values()) for row in pairs][0] == ("red/00.png", "red/same.png", "same", "0")
    assert [(row["first"], row["second"], row["kind"]) for row in pairs[1:]] == [
        ("green/00.png", "green/near.jpg", "near")
    ]


def test_every_label_has_a_score_the_most_suspect_first(checked):
    scores = rows_of(checked / "label_scores.csv")
    assert len(scores) == 66 and scores[0]["path"] == "green/wrong.png"
    assert float(scores[0]["wrong"]) > 0.5 > float(scores[-1]["wrong"])
    metrics = json.loads((checked / "metrics.json").read_text())
    assert 0 < metrics["share_of_wrong_labels"] < 0.1 and metrics["pictures"] == 66


def test_the_page_shows_every_kind_and_escapes_names(checked):
    page = (checked / "report.html").read_text()
    for name in ("unreadable", "same", "near", "suspect", "odd", "size", "suffix", "classes"):
        assert f'id="{name}"' in page
    assert "<script" not in page and "green/wrong.png" in page and "The least sure" in page


def test_accepted_findings_are_applied_by_training_and_rejected_ones_are_not(checked, folder):
    fixes = str(checked / "fixes.csv")
    assert {fix.action for fix in read_fixes(fixes).fixes} == {"drop", "relabel", "group"}
    splits = load_dataset(str(folder), fixes=fixes, group_by="duplicates")
    homes = {
        path[len(str(folder)) + 1 :]: (part.split, part.class_names[label])
        for part in splits[:3]
        for path, label in zip(part.ids, part.labels, strict=True)
    }
    assert not {"red/bad.png", "red/same.png", "red/odd.png"} & set(homes)
    assert homes["green/wrong.png"][1] == "red" and "red/small.png" in homes
    assert homes["green/00.png"][0] == homes["green/near.jpg"][0]


def test_a_second_check_with_fixes_finds_less_and_hands_them_on(checked, folder, run_cli):
    again = folder.parent / "again"
    status, output, error = run_cli(
        "check", folder, "--backbone", "pixels", "--fixes", checked / "fixes.csv", "--accept",
        "size", "--out", again,
    )  # fmt: skip
    assert status == 0, error
    kinds = {row["kind"] for row in rows_of(again / "findings.csv")}
    assert "size" in kinds and not {"unreadable", "same", "near", "suspect"} & kinds
    first, second = (read_fixes(run / "fixes.csv").fixes for run in (checked, again))
    assert set(first) < set(second)
    assert "Suspect labels" not in output


def test_classes_warnings_and_copies_are_listed(colours, run_cli, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(colours, folder)
    first = next(folder.rglob("*.png"))
    for number in range(5):
        shutil.copy(first, first.with_name(f"copy-{number}.png"))
    (first.parent / "notes.txt").write_text("no image")
    status, output, error = run_cli("check", folder, "--out", tmp_path / "run")
    assert status == 0, error
    assert "NO IMAGENET WEIGHTS" in error  # said loudly
    lines = output.splitlines()
    assert lines[0] == "class,train,val,test"
    rows = dict(line.split(",", 1) for line in lines[1:] if line.count(",") == 3)
    counts = {name: sum(map(int, row.split(","))) for name, row in rows.items()}
    assert counts == {
        path.name: len(list(path.glob("*.png"))) for path in folder.iterdir() if path.is_dir()
    }
    assert any(line.startswith("Warning: ") and "notes.txt" in line for line in lines)
    assert not any(line.startswith("In two splits: ") for line in lines)  # training groups them
    assert any(line.startswith("The same image several times") for line in lines)
    status, output, _ = run_cli(
        "check", folder, "--backbone", "pixels", "--group-by", "none", "--out", tmp_path / "other"
    )
    assert any(line.startswith("In two splits: ") for line in output.splitlines())


@pytest.mark.parametrize("broken", [1, 3])
def test_images_that_cannot_be_read_end_with_status_2(broken, colours, run_cli, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(colours, folder)
    for path in list(folder.rglob("*.png"))[:broken]:
        path.write_bytes(b"no image")
    out = tmp_path / "run"
    status, output, error = run_cli("check", folder, "--backbone", "pixels", "--out", out)
    assert status == 2
    assert output.startswith("class,train,val,test")
    assert f"received {broken} that cannot be read" in error
    assert (out / "report.html").is_file()


@pytest.mark.fault(18, 21)
def test_classes_too_small_to_be_split_are_reported_and_the_others_checked(tmp_path, capsys):
    random, folder = np.random.default_rng(0), tmp_path / "data"
    for name, count in (("many", 8), ("two", 2), ("one", 1), ("bad", 1)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            scene(random, 0).save(folder / name / f"{number}.png")
    (folder / "bad" / "0.png").write_bytes(b"no image")
    settings = CheckSettings(data=str(folder), backbone="pixels", out=str(tmp_path / "run"))
    with pytest.raises(InputError, match="1 that cannot be read"):
        check(settings)
    output = capsys.readouterr().out
    assert "Warning: Training would refuse these images" in output and "many,8,0,0" in output
    assert len(rows_of(tmp_path / "run" / "label_scores.csv")) == 11
    assert "refuse these images" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.fault(52)
def test_images_that_are_all_the_same_are_no_reason_to_stop(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8), "red").save(tmp_path / "data" / name / f"{number}.png")
    out = tmp_path / "run"
    check(CheckSettings(data=str(tmp_path / "data"), backbone="pixels", out=str(out)))
    assert "NO LABEL IS JUDGED" in capsys.readouterr().err
    same = [row["path"] for row in rows_of(out / "findings.csv") if row["kind"] == "same"]
    assert len(same) == 6


def test_without_features_files_and_copies_alone_are_looked_at(folder, tmp_path, capsys):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="1 that cannot be read"):
        check(CheckSettings(data=str(folder), backbone="none", out=str(out)))
    kinds = {row["kind"] for row in rows_of(out / "findings.csv")}
    assert kinds == {"unreadable", "same", "near", "suffix", "size"}
    assert "Labels were not judged." in capsys.readouterr().out
    assert "Labels were not judged." in (out / "report.html").read_text()
    for given in ({"weights": "random"}, {"image_size": 32}):
        with pytest.raises(InputError, match="no effect"):
            CheckSettings(data="x", backbone="none", **given)


@pytest.mark.fault(53)
def test_words_of_accept_are_kinds_and_names():
    assert accepted(("near", "odd-0123abcd")) == ({"near"}, {"odd-0123abcd"})
    for word in ("copies", "3", "12-20", "odd-", "odd-12", "-0123abcd", "odd-0123abcd\n"):
        with pytest.raises(InputError, match="kinds of findings"):
            CheckSettings(data="x", accept=(word,))


@pytest.mark.fault(53)
def test_a_finding_is_accepted_by_its_name_when_other_images_came_and_refused_once_it_is_gone(
    tmp_path,
):
    data, random = tmp_path / "data", np.random.default_rng(0)
    for shade, name in enumerate(("red", "green")):
        (data / name).mkdir(parents=True)
        for number in range(12):
            scene(random, shade).save(data / name / f"{number:02}.png")
    shutil.copy(data / "red" / "05.png", data / "red" / "copy-05.png")

    def run(out, *accept):
        options = {"backbone": "none", "accept": accept or None}
        check(CheckSettings(data=str(data), out=str(tmp_path / out), **options))
        return {row["path"]: row["finding"] for row in rows_of(tmp_path / out / "findings.csv")}

    name = run("first")["red/05.png"]
    shutil.copy(data / "green" / "00.png", data / "green" / "copy-00.png")  # a finding before it
    assert run("second", name)["green/00.png"] != name
    assert [fix.path for fix in read_fixes(tmp_path / "second" / "fixes.csv").fixes] == [
        "red/copy-05.png"
    ]
    (data / "red" / "copy-05.png").unlink()
    with pytest.raises(InputError, match=f"received {name}.*changed since"):
        run("third", name)


def test_a_near_copy_of_a_training_image_that_is_in_test_too_is_left_out_of_train(tmp_path):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for shade, name in enumerate(("red", "green")):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(12):
                scene(random, shade).save(tmp_path / split / name / f"{number:02}.png")
    first = tmp_path / "train" / "red" / "00.png"
    shutil.copy(first, tmp_path / "test" / "red" / "copy.png")
    Image.open(first).save(tmp_path / "train" / "red" / "near.jpg", quality=70)
    out = tmp_path / "run"
    check(
        CheckSettings(data=str(tmp_path), backbone="pixels", accept=("same", "near"), out=str(out))
    )
    left_out = {fix.path for fix in read_fixes(out / "fixes.csv").fixes if fix.action == "drop"}
    assert left_out == {"train/red/00.png", "train/red/near.jpg"}
