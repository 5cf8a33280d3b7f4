"""Answers of one browser or two: each is kept, undone by its own browser, and refused if wrong."""

import numpy as np
import pytest

from tests.data.images import fill_classes, save, textured
from tl_keras.checks import InputError
from tl_keras.data.loading import load_unsplit
from tl_keras.data.sources.label_rows import NONE_OF_THESE, LabelLog, read_label_rows
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.encoders.clusters import Clusters
from tl_keras.evaluation.encoders.groups import Groups
from tl_keras.evaluation.labelling import forecast
from tl_keras.evaluation.labelling.head import unit_rows
from tl_keras.evaluation.labelling.labelling import Labelling
from tl_keras.jobs.few_labels.label.answers import Answers
from tl_keras.jobs.few_labels.label.guesses import Guesses
from tl_keras.jobs.few_labels.label.image_groups import ImageGroups
from tl_keras.jobs.few_labels.label.outlook import Outlook
from tl_keras.jobs.few_labels.label.session import LabelSession
from tl_keras.jobs.few_labels.label.watched_files import WatchedFiles

A, B = {"client": "a"}, {"client": "b"}
COUNT = 12


@pytest.fixture
def folder(tmp_path):
    fill_classes(tmp_path / "photos", {"one": 6, "two": 6})
    return tmp_path / "photos"


@pytest.fixture
def start(folder, tmp_path):
    """Function that starts a session on the folder; `features` tell its sub-folders apart."""

    def begin():
        images, inspection = load_unsplit(folder)
        hashes = contents_of(images, inspection.contents)
        names = [path[len(str(folder)) + 1 :] for path in images.images]
        features = np.random.default_rng(0).normal(size=(len(names), 8)).astype(np.float32)
        features[[name.startswith("one") for name in names], 0] += 6
        answers = Answers(names, hashes, LabelLog(tmp_path / "labels.csv", folder))
        labelling = Labelling(unit_rows(features))
        guesses, outlook = Guesses(labelling, answers.labels), Outlook(labelling.rows)
        classes = list(dict.fromkeys([*answers.labels.values(), "cat", "dog"]))
        files = WatchedFiles(images, hashes)
        groups = groups_of([int(name.startswith("two")) for name in names])
        session = LabelSession(answers, files, guesses, outlook, groups, classes, kept.append)
        session.outlook = outlook
        session.answers, session.names, session.kept = answers, names, kept
        return session

    kept = []
    return begin


@pytest.fixture
def session(start):
    return start()


def groups_of(numbers, parts=None):
    """Groups of given members, of which later ones are nearer to the centre."""
    numbers = np.array(numbers)
    centres = np.zeros((numbers.max() + 1, 2), np.float32)
    clusters = Clusters(numbers, centres, -np.arange(len(numbers), dtype=np.float32))
    return ImageGroups(Groups(clusters, np.array(parts or np.zeros(len(numbers), int)), ()))


def on_disk(folder):
    rows = read_label_rows(folder.parent / "labels.csv")
    return {name: row.label for name, row in rows.last.items()}


def label_of(session, row):
    return "cat" if session.names[row].startswith("one") else "dog"


def answer_all(session, client, count):
    """Gives true answers to `count` questions; returns the rows that were asked for."""
    asked = []
    for _ in range(count):
        row = session.state(client)["current"]["row"]
        session.answer({**client, "rows": [row], "label": label_of(session, row)})
        asked.append(row)
    return asked


def test_each_image_is_asked_for_once_and_guesses_come(session, folder):
    first = session.state(A)
    assert first["current"]["guess"] is None and first["images"] == COUNT
    asked = answer_all(session, A, 6)
    state = session.state(A)
    assert len(set(asked)) == 6 and state["current"]["row"] not in asked
    assert state["current"]["guess"]["name"] == label_of(session, state["current"]["row"])
    assert [each["row"] for each in state["recent"]] == asked[::-1]
    asked += answer_all(session, A, 6)
    state = session.state(A)
    assert (
        state["current"] is None
        and state["labelled"] == COUNT
        and sorted(asked) == list(range(COUNT))
    )
    assert len(on_disk(folder)) == COUNT


def test_what_was_answered_is_there_after_a_new_start(start, folder):
    first = start()
    asked = answer_all(first, A, 5)
    first.answer({**A, "rows": [asked[0]], "label": NONE_OF_THESE})
    state = start().state(B)
    assert state["labelled"] == 5 and state["none"] == 1
    assert state["current"]["row"] not in asked
    assert start().answers.labels == first.answers.labels


def test_undo_goes_back_step_by_step_and_stands_in_the_file(session, folder):
    asked = answer_all(session, A, 2)
    session.answer({**A, "rows": [asked[0]], "label": "dog"})
    session.answer({**A, "rows": [7, 8, 9], "label": NONE_OF_THESE})
    state = session.undo(A)
    assert state["none"] == 0 and state["undo"] == 3
    state = session.undo(A)
    assert state["current"]["row"] == asked[0]
    assert state["current"]["label"] == label_of(session, asked[0])
    session.undo(A)
    state = session.undo(A)
    assert state["labelled"] == 0 and on_disk(folder) == {}
    with pytest.raises(InputError, match="to undo"):
        session.undo(A)


def test_two_browsers_have_images_and_undos_of_their_own(session, folder):
    one, other = (session.state(client)["current"]["row"] for client in (A, B))
    assert one != other
    assert session.state(A)["current"]["row"] == one  # loaded again
    session.answer({**B, "rows": [other], "label": "dog"})
    session.answer({**A, "rows": [one], "label": "cat"})
    session.undo(B)
    assert on_disk(folder) == {session.names[one]: "cat"}


def test_undo_leaves_what_another_browser_said_since(session, folder):
    session.answer({**A, "rows": [3, 4], "label": "cat"})
    session.answer({**B, "rows": [3], "label": "dog"})
    session.undo(A)
    assert on_disk(folder) == {session.names[3]: "dog"}


def test_skipped_images_come_last(session):
    skipped = session.state(A)["current"]["row"]
    session.skip({**A, "rows": [skipped]})
    assert skipped not in answer_all(session, A, COUNT - 1)
    assert session.state(A)["current"]["row"] == skipped


def test_a_label_for_many_is_one_step(session, folder):
    rows = [0, 2, 4, 2]
    state = session.answer({**A, "rows": rows, "label": "cat"})
    assert state["labelled"] == 3 and state["undo"] == 1
    assert session.undo(A)["labelled"] == 0


def test_grids_show_guesses_likeness_labels_and_the_rest(session):
    asked = answer_all(session, A, 6)
    assert session.grid({**A, "kind": "rest"})["total"] == COUNT - 6
    guessed = session.grid({**A, "kind": "guess", "value": "cat"})["images"]
    rest = [row for row in range(COUNT) if row not in asked]
    cats = [row for row in rest if label_of(session, row) == "cat"]
    assert sorted(each["row"] for each in guessed) == cats
    sure = [each["guess"]["probability"] for each in guessed]
    assert sure == sorted(sure, reverse=True) and all(each["label"] is None for each in guessed)
    near = session.grid({**A, "kind": "similar", "value": rest[0]})["images"]
    assert near[0]["row"] == rest[0]
    labelled = session.grid({**A, "kind": "class", "value": label_of(session, asked[-1])})
    assert labelled["images"][0]["row"] == asked[-1]
    assert session.grid({**A, "kind": "rest", "start": 4})["images"][0]["row"] == rest[4]
    assert session.grid({**A, "kind": "guess", "value": "cow"}) == {"images": [], "total": 0}


def test_the_group_with_the_fewest_labels_comes_first_and_then_the_other(session):
    found = session.grid({**A, "kind": "group"})
    first = found["value"]
    rows = [each["row"] for each in found["images"]]
    assert len({label_of(session, row) for row in rows}) == 1 and len(rows) == found["total"] == 6
    assert {"name": first, "left": 6} in found["groups"]
    session.answer({**A, "rows": rows[:2], "label": "cat"})
    found = session.grid({**A, "kind": "group"})
    assert found["value"] != first and found["total"] == 6
    assert session.grid({**A, "kind": "group", "value": first})["total"] == 4
    session.answer({**A, "rows": [each["row"] for each in found["images"]], "label": "dog"})
    assert session.grid({**A, "kind": "group"})["value"] == first
    for name in ("9", None, 1, ["1"]):
        with pytest.raises(InputError, match="group from 1 to 2"):
            session.grid({**A, "kind": "group", "value": name or ""})


def test_parts_of_a_group_are_named_below_it():
    groups = groups_of([0] * 6 + [1] * 3 + [2] * 2, parts=[0, 1, 1, 0, 0, 0] + [0] * 5)
    names = [each["name"] for each in groups.overview(())]
    assert names == ["1", "1.1", "1.2", "2", "3"]
    assert groups.rows("1") == [5, 4, 3, 2, 1, 0] and groups.rows("1.2") == [2, 1]
    assert groups.neediest(()) == "1" and groups.neediest([0, 9]) == "2"
    assert groups.neediest([0, *range(6, 11)]) == "1"  # the others have nothing left


def test_classes_are_added_renamed_and_joined(session, folder):
    assert [each["name"] for each in session.add_class({**A, "name": " cow "})["classes"]] == [
        "cat",
        "dog",
        "cow",
    ]
    assert session.kept[-1] == ["cat", "dog", "cow"]
    session.answer({**A, "rows": [0], "label": "cow"})
    session.answer({**A, "rows": [1], "label": "cat"})
    names = session.rename_class({**A, "old": "cow", "name": "bull"})["classes"]
    assert names[2] == {"name": "bull", "count": 1} and on_disk(folder)["one/0.png"] == "bull"
    names = session.rename_class({**A, "old": "bull", "name": "cat"})["classes"]
    assert names == [{"name": "cat", "count": 2}, {"name": "dog", "count": 0}]
    names = session.undo(A)["classes"]
    assert names[-1] == {"name": "bull", "count": 1} and session.kept[-1] == ["cat", "dog", "bull"]


@pytest.mark.fault(48)
@pytest.mark.parametrize(
    "name", ["", "  ", None, 3, "cat", "None of These", "a\nb", "a\u202eb", "x" * 301]
)
def test_a_name_that_is_none_is_refused(session, name):
    with pytest.raises(InputError, match="class|characters") as raised:
        session.add_class({**A, "name": name})
    assert "\n" not in str(raised.value) and session.kept == []


@pytest.mark.fault(48)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": "cow"}, r"one of the classes \(cat, dog\); received 'cow'"),
        ({"label": ""}, "one of the classes"),
        ({"label": ["cat"]}, "one of the classes"),
        ({"rows": []}, "numbers of images"),
        ({"rows": 3}, "numbers of images"),
        ({"rows": [COUNT]}, "images from 0 to 11; received 12"),
        ({"rows": [-1]}, "images from 0"),
        ({"rows": [True]}, "images from 0"),
        ({"rows": ["../one/0.png"]}, "images from 0"),
        ({"client": None}, "name of a browser"),
        ({"client": "x" * 65}, "name of a browser"),
    ],
)
def test_a_wrong_answer_is_refused_and_nothing_is_written(session, folder, change, words):
    with pytest.raises(InputError, match=words):
        session.answer({**A, "rows": [0], "label": "cat", **change})
    assert on_disk(folder) == {} and session.state(A)["labelled"] == 0


@pytest.mark.fault(49)
def test_a_file_that_changes_while_one_labels_is_said_and_its_row_stays(session, folder, start):
    session.answer({**A, "rows": [1], "label": "cat"})
    before = session.names.index("two/3.png")
    for name in ("one/1.png", "two/3.png"):
        save(folder / name, textured(99))
    (folder / "two" / "4.png").unlink()
    with pytest.raises(InputError, match=r"two/3\.png: it has changed"):
        session.answer({**A, "rows": [0, before], "label": "dog"})
    assert on_disk(folder) == {"one/1.png": "cat"}
    asked = answer_all(session, A, COUNT - 3)
    state = session.state(A)
    assert before not in asked and state["current"] is None
    assert "2 images changed or gone" in state["notes"][0] and "two/3.png" in state["notes"][0]
    again = start()
    assert "1 images changed since they were labelled" in again.state(A)["notes"][0]
    assert again.state(A)["labelled"] == COUNT - 3 and "one/1.png" in on_disk(folder)


@pytest.mark.fault(49)
def test_labels_of_files_that_are_gone_stay_in_the_file(session, folder, start):
    session.answer({**A, "rows": [0, 1], "label": "cat"})
    (folder / "one" / "0.png").unlink()
    again = start()
    assert again.state(A)["notes"] == [
        "1 images labelled but not in the folder; their labels stay in the file: one/0.png."
    ]
    assert len(on_disk(folder)) == 2 and again.state(A)["labelled"] == 1


def test_a_file_saved_again_with_the_same_pixels_is_no_other(session, folder):
    path = folder / "one" / "0.png"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    assert session.answer({**A, "rows": [0], "label": "cat"})["labelled"] == 1


def test_an_answer_that_cannot_be_written_does_not_count(session, folder):
    (folder.parent / "labels.csv").unlink()
    with pytest.raises(InputError, match="not kept"):
        session.answer({**A, "rows": [0], "label": "cat"})
    assert session.state(A)["labelled"] == 0


def test_forecast_comes_with_ten_labels_and_names_no_accuracy_before(session, monkeypatch):
    row = {"weights": [1.0] + [0.0] * 6, "low": -1.0, "high": 1.0}
    table = {"chosen": {"1": row, "2": row, "4": row}}
    monkeypatch.setattr(forecast, "shipped_table", lambda: table)
    answer_all(session, A, 9)
    assert session.state(A)["enough"] is None
    answer_all(session, A, 1)
    session.outlook.wait()
    enough = session.state(A)["enough"]
    assert "2 more labels should bring the accuracy from" in enough["sentence"]
    assert "of the errors are on images of" in enough["sentence"]
    assert [each["labels"] for each in enough["curve"]] == [10, 12]


@pytest.mark.parametrize("value", [["cat"], {}, None, 3])
def test_a_grid_of_what_is_no_class_is_empty(session, value):
    answer_all(session, A, 4)
    for kind in ("guess", "class"):
        assert session.grid({**A, "kind": kind, "value": value}) == {"images": [], "total": 0}
