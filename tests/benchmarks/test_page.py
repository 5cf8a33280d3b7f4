"""Benchmarks share a page: each replaces its own section and leaves the others."""

from docs.benchmarks.shared.page import replace_section


def test_a_section_is_replaced_where_it_stands(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Benchmarks\n\nIntroduction.\n\n## One\n\nold\n\n### Part\n\n## Two\n\nkept\n"
    )
    replace_section("One", ["new"], page)
    assert page.read_text() == (
        "# Benchmarks\n\nIntroduction.\n\n## One\n\nnew\n\n## Two\n\nkept\n"
    )


def test_a_new_section_goes_to_the_end_of_a_page_or_starts_one(tmp_path):
    page = tmp_path / "page.md"
    for title in ("One", "Two"):
        replace_section(title, [title.lower()], page)
    assert page.read_text() == "# Benchmarks\n\n## One\n\none\n\n## Two\n\ntwo\n"


def test_writing_the_same_twice_changes_nothing(tmp_path):
    page = tmp_path / "page.md"
    replace_section("One", ["| a |", "|---|"], page)
    before = page.read_text()
    replace_section("One", ["| a |", "|---|"], page)
    assert page.read_text() == before
