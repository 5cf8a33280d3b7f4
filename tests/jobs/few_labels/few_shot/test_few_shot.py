"""`tl-keras few-shot`: a classifier from a few images, saved as a run that other commands take."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data.images import fill_with_copies
from tests.jobs.small_runs import CLASSES, probabilities_of, save_images, table_rows
from tl_keras.checks import InputError
from tl_keras.data.loading import load_unsplit
from tl_keras.data.sounds.waves import wave_bytes
from tl_keras.files import read_json
from tl_keras.jobs.few_labels.few_shot import few_shot as job
from tl_keras.jobs.few_labels.few_shot.few_shot import few_shot
from tl_keras.jobs.finished.evaluate import evaluate
from tl_keras.jobs.finished.predict import predict
from tl_keras.models.episodic.prototypical import PrototypicalNetwork
from tl_keras.models.saving.saved_models import load_model
from tl_keras.settings.few_labels.few_shot import FewShotSettings
from tl_keras.settings.methods import METHODS
from tl_keras.settings.options.config_files import settings_from

UGLY = {"röd": 'a, "b" <i>', "green": "=cmd|' /C calc'!A0", "blue sky": "long " * 40 + "name"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(support of five images a class, queries of four others), in folders of the classes."""
    path = tmp_path_factory.mktemp("few")
    return save_images(path / "support", 5), save_images(path / "query", 4, seed=1)


@pytest.fixture(scope="module")
def made(folders, encoder, tmp_path_factory):
    """(run folder, table) of a few-shot run, with an unreadable query."""
    path = tmp_path_factory.mktemp("made")
    support, query = folders
    query = shutil.copytree(query, path / "query")
    (query / "green" / "cut.png").write_bytes((query / "green" / "0.png").read_bytes()[:60])
    out = path / "predictions.csv"
    run = few_shot(encoder=str(encoder), support=str(support), query=str(query), out=str(out),
                   run=str(path / "run"), method="ridge")  # fmt: skip
    return run, out


def _run(folders, tmp_path, **changes):
    support, query = folders
    given = {"encoder": "pixels", "support": support, "query": query, "out": tmp_path / "out.csv",
             "run": tmp_path / "run", "image_size": 8} | changes  # fmt: skip
    texts = {
        name: str(v) if name not in ("image_size", "copies") else v for name, v in given.items()
    }
    return few_shot(**texts)


def test_queries_get_their_names_and_unreadable_ones_their_reason(made):
    _, out = made
    rows = table_rows(out)
    assert list(rows[0]) == ["path", "label", "probability", "error", *(f"p({n})" for n in CLASSES)]
    good = [row for row in rows if not row["error"]]
    (bad,) = (row for row in rows if row["error"])
    assert bad["path"].endswith("cut.png") and bad["label"] == ""
    assert len(good) == 12
    assert np.mean([row["label"] == row["path"].split("/")[-2] for row in good]) > 0.9


def test_figures_have_intervals_and_seconds(made):
    run, out = made
    metrics = read_json(run / "metrics.json")
    assert metrics["support"] == dict.fromkeys(CLASSES, 5)
    assert metrics["method"] == "ridge" and metrics["unreadable_queries"] == 1
    rows = [row for row in table_rows(out) if not row["error"]]
    right = np.mean([row["label"] == row["path"].split("/")[-2] for row in rows])
    for name, images in (("query", 12), ("out_of_fold", 15)):
        figures = metrics[name]
        assert figures["images"] == images
        low, high = figures["interval"]
        assert low <= figures["accuracy"] <= high and high - low > 0.1
    assert metrics["query"]["accuracy"] == pytest.approx(right)
    assert set(metrics["seconds"]) == {"features", "fit", "query", "total"}


def test_page_shows_support_accuracy_and_unreadable_queries(made):
    run, _ = made
    page = (run / "report.html").read_text(encoding="utf-8")
    accuracy = read_json(run / "metrics.json")["query"]["accuracy"]
    assert f"{accuracy:.1%}" in page and "accuracy on 12 query images" in page
    assert "Support images that were held out, 15: accuracy" in page
    assert "Least certain queries" in page and "cut.png" in page
    assert "Each image is seen mirrored too." in page


def test_predict_evaluate_and_its_own_images_work_on_the_run(made, folders, tmp_path):
    run, out = made
    query = out.parent / "query"
    again = table_rows(predict(run, [str(query)], out=tmp_path / "again.csv"))
    assert [row["path"] for row in again] == [row["path"] for row in table_rows(out)]
    good = [[row for row in rows if not row["error"]] for rows in (again, table_rows(out))]
    np.testing.assert_allclose(*(probabilities_of(rows, CLASSES) for rows in good), atol=2e-6)
    figures = evaluate(run, data=str(folders[1]))
    assert figures["accuracy"] == read_json(run / "metrics.json")["query"]["accuracy"]
    assert evaluate(run, split="train")["num_examples"] == 15
    with pytest.raises(InputError, match="fitted on all of its images.*evaluate --data"):
        evaluate(run)


def test_run_is_repeated_from_its_config_in_a_folder_of_its_own(made):
    run, _ = made
    settings = settings_from(FewShotSettings, {}, run / "config.json")
    assert settings.method == "ridge" and settings.run is None
    assert settings.support == read_json(run / "config.json")["support"]


def test_a_train_run_is_an_encoder_by_its_features_below_the_head(finished_run, folders, tmp_path):
    run = _run(folders, tmp_path, encoder=finished_run, image_size=None)
    assert read_json(run / "metrics.json")["query"]["accuracy"] > 0.9
    again = _run(
        folders, tmp_path, encoder=run, image_size=None, run=tmp_path / "of a few-shot run"
    )
    assert read_json(again / "metrics.json")["query"]["accuracy"] > 0.9


def test_one_image_of_each_class_works_and_says_that_nothing_is_held_out(folders, tmp_path):
    support = save_images(tmp_path / "one", 1)
    run = _run((support, folders[1]), tmp_path, method="logistic", copies=0)
    metrics = read_json(run / "metrics.json")
    assert metrics["out_of_fold"] is None and metrics["query"]["images"] == 12
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "With one image of each class none can be held out" in page


def test_queries_without_folders_are_predicted_without_accuracy(folders, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, file in enumerate(sorted(folders[1].rglob("*.png"))):
        shutil.copy(file, flat / f"{number}.png")
    grey = Image.fromarray(np.full((40, 9), 90, np.uint8))
    grey.save(flat / "grey.png")  # of another size, without colour
    run = _run((folders[0], flat), tmp_path)
    metrics = read_json(run / "metrics.json")
    assert metrics["query"] is None and metrics["unreadable_queries"] == 0
    rows = table_rows(tmp_path / "out.csv")
    assert len(rows) == 13 and all(row["label"] in CLASSES for row in rows)
    assert metrics["method"] == "nearest" and metrics["copies"] == 10


def test_queries_that_are_support_images_are_counted_by_no_accuracy(folders, tmp_path, capsys):
    query = shutil.copytree(folders[0], tmp_path / "copy of the support")
    (query / "unknown").mkdir()
    shutil.copy(folders[1] / "green" / "0.png", query / "unknown" / "a.png")
    shutil.copy(folders[1] / "green" / "0.png", query / "green" / "new.png")
    run = _run((folders[0], query), tmp_path)
    metrics = read_json(run / "metrics.json")
    assert metrics["queries_in_support"] == 15 and metrics["query"]["images"] == 1
    assert "15 query images are support images" in " ".join(capsys.readouterr()[1].split())
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "15 query images are support images" in page
    assert re.search("no classes of the support: .*unknown", page)


def test_ugly_names_of_classes_are_kept_and_escaped(folders, tmp_path):
    support, query = tmp_path / "support", tmp_path / "query"
    for name, ugly in UGLY.items():
        for source, target in zip(folders, (support, query), strict=True):
            shutil.copytree(source / name, target / ugly.replace("/", "∕"))
    run = _run((support, query), tmp_path)
    names = {ugly.replace("/", "∕") for ugly in UGLY.values()}
    assert set(json.loads((run / "classes.json").read_text())["class_names"]) == names
    assert {row["label"] for row in table_rows(tmp_path / "out.csv")} == names
    assert read_json(run / "metrics.json")["query"]["images"] == 12
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<i>" not in page.split("<body", 1)[1] and "a, &#34;b&#34; &lt;i&gt;" in page


def test_sounds_are_heard_as_the_support_was(folders, tmp_path):
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 4000
    for part, count in (("support", 2), ("query", 3)):
        for name, pitch in (("low", 300), ("high", 1400)):
            for number in range(count):
                wave = np.sin(2 * np.pi * pitch * time) + 0.1 * rng.normal(size=4000)
                path = tmp_path / part / name / f"{number}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wave_bytes(np.float32(wave / 2), 4000))
    (tmp_path / "query" / "low" / "cut.wav").write_bytes(b"RIFF")
    run = _run((tmp_path / "support", tmp_path / "query"), tmp_path, kind="audio")
    metrics, config = read_json(run / "metrics.json"), read_json(run / "config.json")
    assert metrics["query"]["accuracy"] == 1.0 and metrics["query"]["images"] == 6
    assert metrics["unreadable_queries"] == 1 and not metrics["mirror"]
    assert (config["kind"], config["sample_rate"], config["clip_seconds"]) == ("audio", 4000, 1.0)
    (tmp_path / "query" / "low" / "cut.wav").unlink()
    assert evaluate(run, data=str(tmp_path / "query"))["accuracy"] == 1.0
    again = _run((tmp_path / "support", tmp_path / "query"), tmp_path, encoder=run,
                 run=tmp_path / "again", image_size=None)  # fmt: skip
    assert read_json(again / "config.json")["sample_rate"] == 4000


def _refused(run_cli, folders, tmp_path, *more, **changes):
    support, query = folders
    given = {"encoder": "pixels", "support": support, "query": query, "out": tmp_path / "out.csv",
             "run": tmp_path / "run"} | changes  # fmt: skip
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    status, _, error = run_cli("few-shot", *words, *more)
    assert status != 0 and "Traceback" not in error
    assert not (tmp_path / "run").exists()
    return " ".join(error.split())


def test_bad_input_is_refused_and_leaves_nothing(folders, run_cli, tmp_path, monkeypatch):
    support, query = folders
    (tmp_path / "flat").mkdir()
    shutil.copy(support / "green" / "0.png", tmp_path / "flat")
    shutil.copytree(support / "green", tmp_path / "one" / "green")
    broken = shutil.copytree(support, tmp_path / "broken")
    for file in (broken / "green").iterdir():
        file.write_bytes(b"no image")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.csv").write_text("mine")
    (tmp_path / "begun" / "checkpoints").mkdir(parents=True)
    asked = {"command": "pretrain", "settings": {}, "versions": {}}
    (tmp_path / "begun" / "checkpoints" / "asked.json").write_text(json.dumps(asked))

    def refused(*more, **changes):
        return _refused(run_cli, folders, tmp_path, *more, **changes)

    assert "Expected class folders" in refused(support=tmp_path / "flat")
    assert "at least two class folders" in refused(support=tmp_path / "one")
    assert "Expected every image to be readable" in refused(support=broken)
    error = refused("--on-bad-image", "skip", support=broken)
    assert "Expected a readable image of each class" in error and "'green'" in error
    assert "Expected images in" in refused(query=tmp_path / "empty")
    assert "does not exist" in refused(query=tmp_path / "nowhere")
    assert "which is another" in refused(out=tmp_path / "notes.csv")
    assert "it is a folder" in refused(out=_folder(tmp_path / "folder.csv"))
    assert "Expected out to end in .csv" in refused(out=tmp_path / "out.txt")
    error = refused(encoder=tmp_path / "begun")
    assert f"tl-keras pretrain --resume {tmp_path / 'begun'}" in error
    assert "no such file" in refused(encoder=tmp_path / "nothing.keras")
    assert "received encoder='mobilenet_v9'" in refused(encoder="mobilenet_v9")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    assert "Choose another --run or remove it" in refused(run=tmp_path / "taken")
    monkeypatch.setattr(job, "_MOST_ROWS", 300)
    assert "at most 300 support images" in refused()  # 15, mirrored, and ten copies of each
    assert "Expected no weights with encoder='pixels'" in refused("--weights", "imagenet")
    assert (tmp_path / "notes.csv").read_text() == "mine"
    assert not (tmp_path / "out.csv").exists()


def _folder(path):
    path.mkdir()
    return path


def test_queries_that_cannot_be_read_at_all_are_named(folders, tmp_path):
    query = tmp_path / "bad"
    query.mkdir()
    (query / "a.png").write_bytes(b"")
    (query / "b.jpg").write_text("<html>")
    run = _run((folders[0], query), tmp_path)
    assert [bool(row["error"]) for row in table_rows(tmp_path / "out.csv")] == [True, True]
    assert read_json(run / "metrics.json")["unreadable_queries"] == 2
    assert "Unreadable queries" in (run / "report.html").read_text(encoding="utf-8")


def test_a_prototypical_network_keeps_its_metric_and_factor(folders, encoder, tmp_path):
    pretrained = tmp_path / "pretrained"
    pretrained.mkdir()
    network = PrototypicalNetwork(load_model(encoder), similarity="euclidean")
    network.log_factor.assign(0.5)
    network.save(pretrained / "model.keras")
    (row,) = [row for row in METHODS.values() if row.model.endswith(":PrototypicalNetwork")]
    (pretrained / "config.json").write_text(json.dumps({"method": row.name}))
    (pretrained / "metrics.json").write_text("{}")
    support = save_images(tmp_path / "one", 1)
    run = _run((support, folders[1]), tmp_path, encoder=pretrained, image_size=None, mirror="no")
    metrics = read_json(run / "metrics.json")
    assert (metrics["method"], metrics["metric"]) == ("prototype", "euclidean")
    images, labels = load_unsplit(str(support))[0], np.arange(3)
    queries = load_unsplit(str(folders[1]))[0]
    network.fit_support(images.decoded((16, 16)), labels)
    expected = network.predict_proba(queries.decoded((16, 16)))
    found = probabilities_of(table_rows(tmp_path / "out.csv"), CLASSES)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_copies_in_the_support_do_not_raise_its_figure(tmp_path):
    support = fill_with_copies(tmp_path / "support", "ab", 60, 4)
    run = _run((support, support), tmp_path, copies=0)
    assert read_json(run / "metrics.json")["out_of_fold"]["accuracy"] < 0.7
    assert "240 images are the same or nearly the same" in (run / "report.html").read_text()
