from tl_keras.data.fixes.finding import Finding, decided, without_kept
from tl_keras.data.fixes.fixes_file import Fix


def found(kind, *fixes):
    return Finding(kind, (0,), fixes, "reason", tuple(fix.path for fix in fixes))


DROP = Fix("a", "1", "drop", "cat", "", "same as b")
OTHER = Fix("a", "1", "relabel", "cat", "dog", "suspect")
GROUP = Fix("a", "1", "group", "cat", "near 1", "near")
LAST = Fix("c", "3", "relabel", "cat", "dog", "suspect")
FINDINGS = [
    found("same", DROP),
    found("near", GROUP),
    found("suspect", OTHER),
    found("suspect", LAST),
]


def names(*places):
    return frozenset(FINDINGS[place].name for place in places)


def test_accepted_findings_become_fixes_and_rejected_ones_are_kept():
    assert decided(FINDINGS, names(0)) == [DROP]
    assert decided(FINDINGS, names(3), names(0)) == [
        LAST,
        DROP._replace(action="keep", reason="same: same as b"),
    ]
    assert decided(FINDINGS, frozenset()) == []


def test_an_image_that_is_left_out_needs_no_other_correction():
    assert decided(FINDINGS, names(0, 1, 2)) == [DROP]
    assert decided(FINDINGS, names(1, 2)) == [OTHER, GROUP]


def test_a_rejected_finding_or_a_known_group_is_not_proposed_again():
    kept = decided(FINDINGS, names(1), names(0, 3))
    assert without_kept(FINDINGS, kept) == [FINDINGS[2]]


def test_a_proposal_is_in_words():
    assert FINDINGS[0].proposal == "leave out this one"
    assert FINDINGS[1].proposal == "keep together"
    assert FINDINGS[2].proposal == "class dog"
    assert found("suffix").proposal == "nothing to correct here"


def test_a_name_is_another_if_the_images_or_their_correction_are_others():
    same = found("suspect", LAST._replace(reason="61% probable"))
    others = [LAST._replace(path="d"), LAST._replace(digest="4"), LAST._replace(new="cow")]
    assert same.name == FINDINGS[3].name
    assert len({same.name, *(found("suspect", fix).name for fix in others)}) == 4
    assert found("odd", LAST).name != same.name != found("suspect", LAST, OTHER).name
