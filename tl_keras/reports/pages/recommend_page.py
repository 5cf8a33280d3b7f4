"""Page of `recommend`: ranking of strategies, and reasons."""

from tl_keras.data.images import printable
from tl_keras.reports.page_parts.sections import (
    Bullets,
    Code,
    Page,
    Result,
    Section,
    Soft,
    Table,
    bold,
    command_parts,
    files_parts,
    given_options,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import RecommendResults
from tl_keras.reports.wording.numbers import format_duration, format_percent, inspection_warnings
from tl_keras.reports.wording.recommendation import (
    beyond_sentences,
    descriptor_sentences,
    policy_sentences,
    title_of,
)

_COLUMNS = ("Strategy", "Expected accuracy", "95% interval", "Data sets", "Time here")


def recommend_page(results: RecommendResults) -> Page:
    """Returns the page of `recommend`."""
    advice = results.advice
    expected = advice.expected[advice.choice]
    number = format_percent(expected.mean, 0) if expected else "?"
    words = bold(f"expected accuracy: {title_of(advice.choice).lower()}")
    return Page(
        title=f"Strategy for {printable(results.config.data)}",
        lead=[
            Section(
                "result",
                "",
                [Result(number, words), Code(results.commands[advice.choice])],
            )
        ],
        sections=[
            Section("ranking", "Ranking", _ranking(results)),
            Section("reasons", "Reasons", [Bullets(_reasons(advice))]),
            Section("commands", "Command lines", _commands(results)),
            Section("settings", "Settings", [pairs(_settings(results))]),
        ],
        warnings=[
            *beyond_sentences(advice.descriptors, advice.rows),
            *inspection_warnings(results.inspection),
        ],
        use=_use(),
    )


def _ranking(results):
    advice = results.advice
    rows = [
        (title_of(name), *_expected(advice.expected[name]), _duration(results.seconds.get(name)))
        for name in advice.ranking
    ]
    return [
        Table(_COLUMNS, rows),
        Soft(
            "The first is recommended, the others are in the order of expected accuracy. An "
            "interval holds the accuracy on 95% of new data sets of this kind. It is wide because "
            "data sets differ: `tl-keras compare` measures on yours."
        ),
    ]


def _expected(expected):
    if expected is None:
        return "unknown", "", "fewer than 4"
    interval = f"{format_percent(expected.low, 0)} to {format_percent(expected.high, 0)}"
    return format_percent(expected.mean, 0), interval, expected.data_sets


def _duration(seconds):
    return "unknown" if seconds is None else format_duration(seconds)


def _reasons(advice):
    return [*descriptor_sentences(advice.descriptors), *policy_sentences(advice.judgement)]


def _commands(results):
    return [
        part
        for name in results.advice.ranking
        for part in (f"{title_of(name)}:", Code(results.commands[name]))
    ]


def _settings(results):
    return (
        ("Time", format_duration(results.metrics["seconds"])),
        *given_options(results.config.to_json()),
    )


def _use():
    parts = command_parts("The command that made this page:", typed_command("recommend"))
    return Section("use", "Files", [*parts, *files_parts()])
