"""Commands that come back to a run use exactly its splits, or say why they cannot."""

import dataclasses
import json
import os
import shutil
import types

import numpy as np
import pytest
from PIL import Image

from tests.jobs.small_runs import CLASSES, save_images, untrained_history
from tl_keras.checks import InputError
from tl_keras.data.loading import load_parts
from tl_keras.data.split_records import write_records
from tl_keras.jobs.finished import distill as distill_job
from tl_keras.jobs.finished import prune as prune_job
from tl_keras.jobs.finished.distill import distill
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.prune import prune
from tl_keras.jobs.runs.derived_run import load_origin
from tl_keras.jobs.runs.reading.known_images import seen_by, trained_on, with_known
from tl_keras.jobs.runs.reading.run_splits import (
    other_images,
    other_splits,
    own_splits,
    say_if_refitted,
)
from tl_keras.jobs.runs.reading.trained_run import load_run


@pytest.fixture
def data(colours, tmp_path):
    """A copy of the run's data that a test may change."""
    return shutil.copytree(colours, tmp_path / "colours")


@pytest.fixture
def run(copied_run, data):
    """A finished run whose data are that copy."""
    point_to(copied_run, data)
    return copied_run


def point_to(run, data):
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    (run / "config.json").write_text(json.dumps(config | {"data": str(data)}))


def images_of(run, split):
    """Paths of a split's images below the data."""
    return [record.name for record in load_run(run).records if record.split == split]


def add_one_to_each_class(data):
    more = save_images(data.parent / "more", 1, seed=99)
    for name in CLASSES:
        shutil.copy(more / name / "0.png", data / name / "00.png")  # sorted among the others


def below(data, part):
    return [os.path.relpath(path, data) for path in part.ids]


def move_to_splits(data, run, target):
    """Lays the images out as TARGET/SPLIT/CLASS/IMAGE, in the splits of the run."""
    for record in load_run(run).records:
        place = target / record.split / record.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / record.name, place)
    return target


def test_a_file_added_to_each_class_changes_neither_the_splits_nor_the_figures(run, data, capsys):
    metrics = json.loads((run / "metrics.json").read_text())
    add_one_to_each_class(data)
    _, splits, rest = load_origin(run)
    for split in ("train", "val", "test"):
        assert below(data, getattr(splits, split)) == images_of(run, split)
    assert rest is None
    for split in ("val", "test"):
        figures = evaluate(run, split=split)
        assert figures["num_examples"] == 9
        assert figures["loss"] == pytest.approx(metrics[split]["loss"], abs=1e-5)
    error = capsys.readouterr().err
    assert f"New images in {data} are left out: 3 (blue sky/00.png, green/00.png, " in error


def test_a_pruned_run_trains_on_the_images_of_its_origin(run, data, tmp_path, monkeypatch):
    def prune_model(model, sparsity, train, val, **settings):
        assert below(data, train) == images_of(run, "train")
        assert below(data, val) == images_of(run, "val")
        return untrained_history()

    monkeypatch.setattr(prune_job, "prune_model", prune_model)
    add_one_to_each_class(data)
    pruned = prune(run, sparsity=0.5, out=tmp_path / "pruned")
    assert load_run(pruned).records == load_run(run).records
    counts = json.loads((pruned / "metrics.json").read_text())["pictures"]
    assert counts == {"train": 18, "val": 9, "test": 9}


def test_missing_and_changed_images_are_named_and_left_out(run, data, capsys):
    gone, changed = images_of(run, "test")[:2]
    os.remove(data / gone)
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(data / changed)
    assert evaluate(run)["num_examples"] == 7
    error = capsys.readouterr().err
    assert f"1 of the run's images missing in {data}, left out: {gone} (test)." in error
    assert f"1 of the run's images changed in {data}, left out: {changed} (test)." in error


def test_a_split_that_lost_a_class_is_refused_in_one_line(run, data):
    for name in images_of(run, "test"):
        if name.startswith("green/"):
            os.remove(data / name)
    with pytest.raises(InputError, match="received none of class 'green' .3 missing") as refused:
        evaluate(run)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="received none of class 'green'"):
        prune(run, sparsity=0.5)
    assert evaluate(run, split="val")["num_examples"] == 9


def test_an_older_run_is_refused_where_its_splits_would_be_drawn_anew(run):
    (run / "splits.csv.gz").unlink()
    for command in (evaluate, load_origin):
        with pytest.raises(InputError, match="an older one, .* without a .* split of its own"):
            command(run)


def test_an_older_run_is_measured_on_a_test_folder_of_its_own(run, data, tmp_path, capsys):
    metrics = json.loads((run / "metrics.json").read_text())
    point_to(run, move_to_splits(data, run, tmp_path / "split"))
    (run / "splits.csv.gz").unlink()
    figures = evaluate(run)
    assert figures["loss"] == pytest.approx(metrics["test"]["loss"], abs=1e-5)
    assert "NOT KEPT:" in capsys.readouterr().err


def test_named_data_of_an_older_run_are_split_as_they_were(capsys):
    config = {"data": "digits", "on_bad_image": "refuse", "split": (0.8, 0.1, 0.1)}
    config |= {"fine_tune": {"seed": 0}, "labels_per_class": 5}
    older = types.SimpleNamespace(
        path="run", records=None, config=config, class_names=tuple("0123456789"), sounds=None
    )
    splits, rest = own_splits(older)
    assert len(splits.train) == 50 and len(splits.train) + len(rest) + len(splits.val) > 1500
    assert "NOT KEPT:" in capsys.readouterr().err


def test_other_data_are_measured_whole(run, tmp_path, capsys):
    other = save_images(tmp_path / "other", 5, seed=9)
    assert evaluate(run, data=str(other))["num_examples"] == 15
    assert evaluate(run, data=str(other), split="test")["num_examples"] == 3
    assert "NOT ALL NEW" not in capsys.readouterr().err


def test_other_data_with_images_of_the_run_say_how_many(run, data, tmp_path, capsys):
    other = save_images(tmp_path / "other", 20, seed=9)
    for place, name in enumerate([*images_of(run, "train")[:4], images_of(run, "val")[0]]):
        shutil.copy(data / name, other / name.split("/")[0] / f"again{place}.png")
    assert evaluate(run, data=str(other))["num_examples"] == 65
    error = capsys.readouterr().err
    assert "NOT ALL NEW: of 65 images, " in error
    assert "was trained on 4, and its weights were chosen on 1 more." in error
    trained = load_run(run)
    config = trained.config | {"fine_tune": {**trained.config["fine_tune"], "refit": True}}
    other_images(dataclasses.replace(trained, config=config), str(other), "all")
    assert "was trained on 5. The figures" in capsys.readouterr().err  # each is counted once


def test_data_of_the_run_that_were_moved_keep_their_splits(run, data, tmp_path, capsys):
    metrics = json.loads((run / "metrics.json").read_text())["test"]
    add_one_to_each_class(data)
    shutil.move(data, tmp_path / "moved")
    figures = evaluate(run, data=str(tmp_path / "moved"), split="test")
    assert (figures["num_examples"], figures["loss"]) == (9, pytest.approx(metrics["loss"]))
    _, splits, _ = load_origin(run, str(tmp_path / "moved"))
    assert below(tmp_path / "moved", splits.train) == images_of(run, "train")


def test_test_images_of_the_run_are_no_training_images_of_other_data(run, data, tmp_path, capsys):
    other = tmp_path / "other"
    for seed, (split, per_class) in enumerate({"train": 4, "val": 2, "test": 2}.items(), 20):
        save_images(other / split, per_class, seed=seed)
    shutil.copy(data / images_of(run, "test")[0], other / "train" / "green" / "again.png")
    shutil.copy(data / images_of(run, "train")[0], other / "test" / "green" / "again.png")
    _, splits, _ = load_origin(run, str(other))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (12, 6, 6)
    error = capsys.readouterr().err
    assert "1 of 13 train images are left out" in error and "was tested on them" in error
    assert "1 of 7 test images are left out" in error and "was trained on them" in error


def test_unlabelled_images_are_never_those_of_val_or_test(run, data, tmp_path, monkeypatch, capsys):
    def distill_into(student, teacher, train, val, *, unlabelled, **settings):
        assert len(unlabelled) == 6
        assert all(os.path.dirname(path) != str(more) for path in unlabelled.ids)
        return untrained_history()

    monkeypatch.setattr(distill_job, "distill_into", distill_into)
    more = save_images(tmp_path / "more", 2, seed=9)
    held_out = [*images_of(run, "test"), *images_of(run, "val")[:1]]
    for place, name in enumerate(held_out):
        shutil.copy(data / name, more / f"{place}.png")
    quick = {"unlabelled": str(more), "student": "mlp", "image_size": 8}
    out = distill(run, out=tmp_path / "student", **quick)
    assert json.loads((out / "metrics.json").read_text())["unlabelled_pictures"] == 6
    error = capsys.readouterr().err
    assert "10 of 16 all images are left out: they are validation or test images" in error
    for name in CLASSES:
        shutil.rmtree(more / name)
    with pytest.raises(InputError, match="received 10 that all are. Give other images"):
        distill(run, out=tmp_path / "none", **quick)


def ask_for_refit(run, *, metrics=None, unmeasured=None):
    """Lets config.json ask for a refit; the other files say whether it was done, or are absent."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    config["fine_tune"]["refit"] = True
    (run / "config.json").write_text(json.dumps(config))
    (run / "metrics.json").unlink()
    if metrics is not None:
        (run / "metrics.json").write_text(json.dumps({"fine_tuning": {"refit": metrics}}))
    if unmeasured is not None:
        known = {"metrics": {"fine_tuning": {"refit": unmeasured}}, "phases": None}
        (run / "unmeasured.json").write_text(json.dumps(known))


@pytest.mark.parametrize(
    ("files", "refitted"),
    [
        ({"metrics": False}, False),
        ({"metrics": True}, True),
        ({"unmeasured": False}, False),
        ({"unmeasured": True}, True),
        ({}, True),
    ],
)
def test_a_refit_counts_if_it_was_done_and_config_json_only_where_nothing_else_says_so(
    files, refitted, copied_run, capfd
):
    ask_for_refit(copied_run, **files)
    trained = load_run(copied_run)
    say_if_refitted(trained)
    assert ("NOT NEW" in capfd.readouterr().err) is refitted
    val = trained.contents("val")
    assert len(val) == 9 and trained_on(trained) >= trained.contents("train")
    assert trained_on(trained) & val == (val if refitted else set())
    assert seen_by(str(copied_run)) == trained_on(trained)


@pytest.mark.parametrize("refitted", [False, True])
def test_a_run_from_another_one_knows_whether_that_one_was_refitted(
    refitted, copied_run, tmp_path, monkeypatch, capfd
):
    ask_for_refit(copied_run, metrics=refitted)
    for module, name in ((prune_job, "prune_model"), (distill_job, "distill_into")):
        monkeypatch.setattr(module, name, lambda *_, **__: untrained_history())
    made = (
        prune(copied_run, sparsity=0.5, out=tmp_path / "pruned"),
        distill(copied_run, student="mlp", image_size=12, out=tmp_path / "student"),
    )
    for path in made:
        capfd.readouterr()
        say_if_refitted(load_run(path))
        assert ("NOT NEW" in capfd.readouterr().err) is refitted


def test_images_that_a_backbone_was_trained_on_are_counted_and_said(run, data, capsys):
    parts, inspection = load_parts(str(data))
    for backbone in (str(run), str(run / "model.keras")):
        found = with_known(inspection, list(parts.values()), [backbone, "vgg16"], "test images")
        known = len(images_of(run, "train"))
        said = f"NOT ALL NEW: of 36 test images, {backbone} was trained on {known}. Figures"
        assert said in found.warnings[-1] and said in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    later = data.parent / "later"
    shutil.copytree(run, later)
    (later / "config.json").write_text(json.dumps(config | {"backbone": str(run)}))
    write_records(later / "splits.csv.gz", ())
    assert seen_by(str(later)) == seen_by(str(run))  # through its own backbone
    encoder = data.parent / "encoder"
    encoder.mkdir()
    (encoder / "config.json").write_text(json.dumps({"method": "simclr", "backbone": str(run)}))
    assert seen_by(str(encoder)) == seen_by(str(run))  # through a run of pretrain
    new, inspection = load_parts(str(save_images(data.parent / "new", 2, seed=99)))
    assert with_known(inspection, list(new.values()), [str(run)], "images") == inspection


@pytest.mark.parametrize(
    ("config", "knows"),
    [
        ({"method": "gan"}, True),  # with classes, but without settings of a fine-tuning
        ({"support": "images", "encoder": "pixels"}, False),
        ({"attributes": "table.csv", "backbone": "vgg16"}, False),
        ({"attributes": "table.csv", "backbone": "small_resnet"}, True),
        ({"fine_tune": {"preset": "fast", "epochs": 0}}, False),
        ({"fine_tune": {"unfreeze": "none", "epochs": 3}}, False),
        ({"fine_tune": {"unfreeze": "half", "epochs": None}}, True),
        ({"fine_tune": {"preset": "fast", "epochs": 0}, "pruned_from": "run"}, True),
    ],
)
def test_a_backbone_knows_the_images_that_it_was_trained_on_itself(config, knows, run):
    (run / "config.json").write_text(json.dumps(config))
    assert bool(seen_by(str(run))) is knows


def test_a_backbone_of_a_few_images_knows_what_its_encoder_was_trained_on(run, data, tmp_path):
    few = shutil.copytree(run, tmp_path / "few")
    (few / "config.json").write_text(json.dumps({"support": "images", "encoder": str(run)}))
    write_records(few / "splits.csv.gz", ())
    assert seen_by(str(few)) == seen_by(str(run)) != set()


def test_images_of_classes_that_the_run_lacks_are_said_and_left_out(run, data, tmp_path, capsys):
    other = save_images(tmp_path / "other", 2, seed=99, classes=(*CLASSES, "zebra"))
    assert evaluate(run, data=str(other))["num_examples"] == 2 * len(CLASSES)
    said = f"2 of 8 images are of classes that {run} does not know, left out: zebra."
    assert said in capsys.readouterr().err
    (data / "zebra").mkdir()
    moved = images_of(run, "test")[0]
    os.rename(data / moved, data / "zebra" / "0.png")
    assert evaluate(run)["num_examples"] == 8
    said = f"1 of 9 images are of classes that {run} does not know, left out: zebra."
    assert said in capsys.readouterr().err


def test_other_data_are_cut_without_parting_copies(run, tmp_path):
    other = save_images(tmp_path / "other", 12, seed=99)
    for name in CLASSES:
        for number in range(12):
            shutil.copy(other / name / f"{number}.png", other / name / f"{number}-copy.png")
    splits, _ = other_splits(load_run(run), str(other))
    places = {}
    for part in splits[:3]:
        for path in part.ids:
            places.setdefault(path.replace("-copy", ""), set()).add(part.split)
    assert len(places) == 36 and all(len(found) == 1 for found in places.values())
