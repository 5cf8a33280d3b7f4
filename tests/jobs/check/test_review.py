"""The page of `check --review`: decisions are in fixes.csv at once, and nothing else is served."""

import concurrent.futures

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.fixes.finding import Finding, decided
from tl_keras.data.fixes.fixes_file import Fix, read_fixes, write_fixes
from tl_keras.jobs.check.review import Review, review_site

UGLY = '<script>alert(1)</script>/"&\n.png'
BASE = "http://127.0.0.1:5000"


def finding(kind, row, action, path):
    fixes = (Fix(path, f"{row:02x}", action, "cat", "dog", "why"),) if action else ()
    return Finding(kind, (row,), fixes, "reason", (path,))


FINDINGS = [
    finding("same", 0, "drop", UGLY),
    finding("suspect", 1, "relabel", "b.png"),
    finding("suspect", 2, "relabel", "c.png"),
    finding("suffix", 3, "", "d.jpg"),
]
FIRST, SECOND, THIRD, LAST = (each.name for each in FINDINGS)


@pytest.fixture
def review(tmp_path):
    def write(taken, rejected):
        fixes = decided(FINDINGS, taken, rejected)
        write_fixes(tmp_path / "fixes.csv", fixes, "data")
        return fixes

    return Review(FINDINGS, write, frozenset({FIRST}))


def actions(path):
    return {(fix.path, fix.action) for fix in read_fixes(path / "fixes.csv").fixes}


def test_each_decision_is_in_the_file_at_once_and_can_be_taken_back(review, tmp_path):
    assert actions(tmp_path) == {(UGLY, "drop")}
    assert review.decide({"names": [SECOND, THIRD], "decision": "accept"})["fixes"] == 3
    assert ("b.png", "relabel") in actions(tmp_path)
    state = review.decide({"names": [THIRD], "decision": "reject"})
    assert state["decisions"] == {FIRST: "accept", SECOND: "accept", THIRD: "reject"}
    assert ("c.png", "keep") in actions(tmp_path)
    review.decide({"names": [FIRST, SECOND, THIRD], "decision": None})
    assert actions(tmp_path) == set() and review.state({})["decisions"] == {}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"names": ["same-00000000"], "decision": "accept"},
        {"names": [1], "decision": "accept"},
        {"names": FIRST, "decision": "accept"},
        {"names": [FIRST], "decision": "remove"},
    ],
)
def test_unknown_findings_and_decisions_are_refused(review, content, tmp_path):
    with pytest.raises(InputError, match="names of findings and a decision"):
        review.decide(content)
    assert actions(tmp_path) == {(UGLY, "drop")}


def test_a_decision_that_cannot_be_written_is_not_made():
    def fail(taken, rejected):
        if taken:
            raise InputError("Expected to be able to write")
        return []

    review = Review(FINDINGS, fail)
    with pytest.raises(InputError, match="able to write"):
        review.decide({"names": [FIRST], "decision": "accept"})
    assert review.state({}) == {"decisions": {}, "fixes": 0}


def test_two_browsers_at_once_lose_no_decision(review, tmp_path):
    accept = lambda name: review.decide({"names": [name], "decision": "accept"})  # noqa: E731
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(accept, [SECOND, THIRD] * 10))
    assert len(actions(tmp_path)) == 3


def test_the_page_gets_names_as_text_and_serves_images_by_number(review, tmp_path):
    images = ImageDataset.from_arrays(np.zeros((4, 6, 6), np.uint8))
    site = review_site(review, f"no/{UGLY}", images, str(tmp_path / UGLY))
    client, base = site.test_client(), f"/{site.token}"
    page = client.get(f"{base}/", base_url=BASE)
    assert page.status_code == 200 and "<script>alert" not in page.text
    found = client.post(f"{base}/findings", json={}, base_url=BASE).get_json()
    assert [kind["kind"] for kind in found["kinds"]] == ["same", "suspect", "suffix"]
    assert "\n" not in found["kinds"][0]["findings"][0]["paths"][0]
    assert client.get(f"{base}/thumbnail/3", base_url=BASE).mimetype == "image/png"
    for path in ("thumbnail/4", "thumbnail/../fixes.csv", "fixes.csv"):
        assert client.get(f"{base}/{path}", base_url=BASE).status_code == 404
    wrong = client.post(f"{base}/decide", json={"names": ["7"]}, base_url=BASE)
    assert wrong.status_code == 400 and "names of findings" in wrong.get_json()["error"]
    assert client.post("/other/decide", json={}, base_url=BASE).status_code == 403
    assert client.get(f"{base}/check.js", base_url=BASE).status_code == 200
