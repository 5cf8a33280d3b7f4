from tl_keras.data.fixes.finding import Finding, decided, numbered, without_kept
from tl_keras.data.fixes.fixes_file import Fix


def found(kind, *fixes):
    return Finding(kind, (0,), fixes, "reason", tuple(fix.path for fix in fixes))


DROP = Fix("a", "1", "drop", "cat", "", "same as b")
OTHER = Fix("a", "1", "relabel", "cat", "dog", "suspect")
GROUP = Fix("a", "1", "group", "cat", "near 1", "near")
LAST = Fix("c", "3", "relabel", "cat", "dog", "suspect")
FINDINGS = numbered(
    [found("same", DROP), found("near", GROUP), found("suspect", OTHER), found("suspect", LAST)]
)


def test_accepted_findings_become_fixes_and_rejected_ones_are_kept():
    assert decided(FINDINGS, frozenset({1})) == [DROP]
    assert decided(FINDINGS, frozenset({4}), frozenset({1})) == [
        LAST,
        DROP._replace(action="keep", reason="same: same as b"),
    ]
    assert decided(FINDINGS, frozenset()) == []


def test_an_image_that_is_left_out_needs_no_other_correction():
    assert decided(FINDINGS, frozenset({1, 2, 3})) == [DROP]
    assert decided(FINDINGS, frozenset({2, 3})) == [OTHER, GROUP]


def test_a_rejected_finding_or_a_known_group_is_not_proposed_again():
    kept = decided(FINDINGS, frozenset({2}), frozenset({1, 4}))
    assert [each.number for each in without_kept(FINDINGS, kept)] == [3]


def test_a_proposal_is_in_words():
    assert FINDINGS[0].proposal == "leave out this one"
    assert FINDINGS[1].proposal == "keep together"
    assert FINDINGS[2].proposal == "class dog"
    assert found("suffix").proposal == "nothing to correct here"
