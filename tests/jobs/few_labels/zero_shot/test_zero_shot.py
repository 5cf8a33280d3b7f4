"""`tl-keras zero-shot`: unseen classes are recognised, saved, shown; bad tables are refused."""

import csv
import itertools
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data.images import fill_with_copies
from tl_keras.checks import InputError
from tl_keras.jobs.few_labels.zero_shot.described_images import load_described_images
from tl_keras.jobs.few_labels.zero_shot.zero_shot import zero_shot
from tl_keras.models.attributes import class_folds
from tl_keras.reports.wording.zero_shot import encoder_sentences
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings
from tl_keras.training.whole import compatibility

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (40, 40, 220)}
FILLS = {"dark": 20, "light": 230, "lined": (20, 230) * 4}
NAMES = [f"{colour} {fill}" for colour, fill in itertools.product(COLOURS, FILLS)]
COLUMNS = (*COLOURS, *FILLS)
UNSEEN = ("green dark", "red lined")


def values_of(name):
    return [int(column in name.split()) for column in COLUMNS]


def save_table(path, rows, columns=COLUMNS):
    path.write_text("\n".join(",".join(map(str, row)) for row in [("class", *columns), *rows]))
    return str(path)


def save_image(path, name, generator):
    """Saves an image: its left half has the colour, its right half is dark, light or lined."""
    colour, fill = name.split()
    image = np.empty((8, 8, 3))
    image[:, :4] = COLOURS[colour]
    image[:, 4:] = np.broadcast_to(FILLS[fill], 8)[:, None, None]
    image += generator.integers(-20, 20, (8, 8, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Nine classes, eight images each."""
    folder = tmp_path_factory.mktemp("halves") / "my <i>images</i>"
    generator = np.random.default_rng(0)
    for name, number in itertools.product(NAMES, range(8)):
        save_image(folder / name / f"{number}.png", name, generator)
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rows = [(name, *values_of(name)) for name in (*NAMES, "violet lined")]
    return save_table(tmp_path_factory.mktemp("table") / "table.csv", rows)


@pytest.fixture(scope="module")
def options(halves, table):
    return {
        "data": str(halves),
        "attributes": table,
        "unseen": UNSEEN,
        "backbone": "pixels",
        "image_size": 8,
    }


@pytest.fixture(scope="module", params=["eszsl", "dap", "compatibility"])
def run(request, options, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compatibility, "PENALTIES", (0.01,))
        patch.setattr(compatibility, "_STEPS", 60)
        patch.setattr(class_folds, "_FOLDS", 2)
        return zero_shot(**options, method=request.param, out=str(out))


def test_unseen_classes_are_told_apart_and_all_classes_well(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["accuracy_among_unseen"] == 1.0 and metrics["by_chance"] == 0.5
    assert metrics["unseen_classes"] == list(UNSEEN)
    # A fifth of the eight images of each of seven seen classes is tested, all of unseen ones.
    assert metrics["pictures"] == {"train": 42, "test": 30, "unseen": 16}
    assert metrics["generalized"]["harmonic_mean"] > 0.6
    assert set(metrics["attributes"]) == set(COLUMNS)


def test_table_of_predictions_has_each_test_image(run, halves):
    with open(run / "predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    for row in rows:
        assert row["class"] in row["path"] and row["among_all"]
        assert (row["unseen"] == "yes") == (row["class"] in UNSEEN)
        assert row["among_unseen"] == (row["class"] if row["class"] in UNSEEN else "")


def test_page_shows_the_result_and_escapes_names(run):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "accuracy among 2 unseen classes" in page and "harmonic mean" in page
    assert "<i>images" not in page and "<script" not in page
    for name in ("result", "confusion", "attributes", "examples", "settings", "use"):
        assert f'id="{name}"' in page


def test_page_says_that_a_pretrained_encoder_may_have_seen_the_classes():
    assert encoder_sentences("pixels") == encoder_sentences("small_resnet") == []
    (sentence,) = encoder_sentences("mobilenet_v2")
    assert "ImageNet" in sentence and "only the last step is zero-shot" in sentence


def test_saved_run_predicts_on_files(run, halves, tmp_path):
    from tl_keras.jobs.finished.predict import predict

    path = predict(str(run), (str(halves),), out=str(tmp_path / "predicted.csv"))
    with open(path, encoding="utf-8", newline="") as file:
        found = {row["path"]: row for row in csv.DictReader(file)}
    assert len(found) == 72
    with open(run / "predictions.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert found[row["path"]]["label"] == row["among_all"]
            assert float(found[row["path"]]["probability"]) == pytest.approx(
                float(row["probability"]), abs=1e-3
            )


def test_model_may_choose_among_the_unseen_classes_alone(options, tmp_path):
    run = zero_shot(**options, classes="unseen", labels_per_class=4, out=str(tmp_path / "run"))
    assert json.loads((run / "classes.json").read_text())["class_names"] == list(UNSEEN)
    assert json.loads((run / "metrics.json").read_text())["pictures"]["train"] == 28


def test_a_test_split_of_the_data_is_kept(options, halves, tmp_path):
    for part, numbers in (("train", range(6)), ("test", (6, 7))):
        for file in halves.rglob("*.png"):
            if int(file.stem) in numbers:
                target = tmp_path / "data" / part / file.parent.name / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
    given = options | {"data": str(tmp_path / "data"), "out": str(tmp_path / "run")}
    run = zero_shot(**given)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["pictures"] == {"train": 42, "test": 18, "unseen": 4}


def test_columns_and_classes_that_cannot_be_learned_are_named(options, tmp_path, capsys):
    columns = (*COLUMNS, "any", "new")
    rows = [(name, *values_of(name), 1, int(name == UNSEEN[0])) for name in NAMES]
    own = save_table(tmp_path / "table.csv", rows, columns)
    run = zero_shot(**options | {"attributes": own, "out": str(tmp_path / "run")})
    said = capsys.readouterr()
    said = said.out + said.err + (run / "report.html").read_text(encoding="utf-8")
    assert "one value for all classes tell nothing: any" in said
    assert "one value for all seen classes cannot be learned: new" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unseen": ("green dark", "violet lined")}, r"unseen='violet lined'.*It has no images in"),
        ({"unseen": ("green dark", "no")}, r"unseen='no'"),
        ({"unseen": ("green dark",)}, "Expected two or more unseen classes"),
        ({"unseen": ("green dark", "green dark")}, "Expected two or more unseen classes"),
        ({"unseen": tuple(NAMES)}, "received 0 beside the 9"),
        ({"unseen": None}, "Expected unseen, which only data='shapes' brings"),
        ({"attributes": None}, "Expected attributes, which only data='shapes' brings"),
        ({"attributes": "none.csv"}, "there is no such file"),
        ({"labels_per_class": 7}, "Expected at least 7 training images of each class"),
        ({"epochs": 3}, "Expected epochs only with backbone='small_resnet'"),
        ({"hidden_units": (4,)}, "Expected hidden_units only with method='compatibility'"),
        ({"weights": "imagenet"}, "Expected no weights with backbone='pixels'"),
        ({"method": "sae"}, "Expected method to be one of"),
        ({"backbone": "resnet"}, "Expected backbone to be one of"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_no_run(options, tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        zero_shot(**options | {"out": str(tmp_path / "run")} | change)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"blue dark": None}, "received none for blue dark"),
        ({"blue dark": ("nan", 0, 1, 0, 0, 0)}, "received nan for class 'blue dark'"),
        ({"blue dark": (0, 0, 1, 0, 1, 0)}, "received the same numbers for blue dark, blue light"),
    ],
)
def test_a_bad_table_is_refused_with_the_class(options, tmp_path, rows, message):
    values = {name: values_of(name) for name in NAMES} | rows
    whole = {name: (name, *own) for name, own in values.items() if own is not None}
    own = save_table(tmp_path / "table.csv", whole.values())
    with pytest.raises(InputError, match=message):
        zero_shot(**options | {"attributes": own, "out": str(tmp_path / "run")})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_shapes_bring_attributes_and_a_small_network_learns_them(tmp_path):
    run = zero_shot(data="shapes", backbone="small_resnet", method="dap", out=str(tmp_path / "run"))
    metrics = json.loads((run / "metrics.json").read_text())
    assert len(metrics["unseen_classes"]) == 18
    assert metrics["accuracy_among_unseen"] > 0.9
    assert np.mean(list(metrics["attributes"].values())) > 0.9


def _cut_of_copies(options, tmp_path, originals):
    """The originals of the copies in train and in test, of so many for each class."""
    images = fill_with_copies(tmp_path / "images", NAMES, originals * len(NAMES), 3)
    given = {"data": str(images), "out": str(tmp_path / "run")}
    found = load_described_images(ZeroShotSettings(**options | given))
    return ({path.rsplit("-", 1)[0] for path in part.ids} for part in (found.train, found.test))


def test_copies_are_not_cut_into_train_and_test(options, tmp_path):
    """Near the copies that it learned, any classifier names a test image."""
    train, test = _cut_of_copies(options, tmp_path, 10)
    assert not train & test and len(train) == 7 * 8 and len(test) == 7 * 2 + 2 * 10


def test_copies_of_test_images_that_would_leave_a_class_without_others_are_said(options, tmp_path):
    images = fill_with_copies(tmp_path / "images", NAMES, 5 * len(NAMES), 1)
    for path in (images / UNSEEN[0]).iterdir():
        path.unlink()
    for path in (images / "red dark").iterdir():  # each is an image of the unseen class too
        shutil.copy(path, images / UNSEEN[0])
    given = {"data": str(images), "out": str(tmp_path / "run")}
    found = load_described_images(ZeroShotSettings(**options | given))
    assert found.train.class_counts()["red dark"] == 4
    [warning] = found.inspection.warnings
    assert warning.startswith("NOT GROUPED: copies of different classes cannot be divided")


def test_a_class_of_two_groups_of_copies_is_cut_between_them(options, tmp_path):
    train, test = _cut_of_copies(options, tmp_path, 2)
    assert not train & test and len(train) == 7
