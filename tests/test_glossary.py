from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Words that the project gave up, each with the one that it uses instead.
GIVEN_UP = {
    r"[Ii]ntake|[Rr]uling": "batch, decide_batch",
    r"[Oo]utrun\w*": "conflict, ConcurrentUpdateError",
    r"translating": "wrap_database_errors",
    r"Fold|fold_\w+": "UserChangeset",
    r"Account": "RunningTotals",
    r"Standing": "UserState",
    r"\w*[Hh]indsight\w*": "backfill",
    r"[Rr]e-?rat(?:e|ed|es|ing)\w*|Past": "recalculate",
    r"Run|step_run|STEPPERS|gamification_run": "Job, run_next_step, gamification_job",
    r"a?read_(?:progress|achievements?|calendar|ledger|rarity|facts|economy)": "get_…",
    r"a?read_leaderboard": "get_leaderboard",
    r"[Cc]omplaints?": "errors",
    r"problem_in": "assert_problem",
}

#: Where people and programs read names.
FILES = sorted(
    path
    for folder in ("gamification", "example_project", "benchmarks", "docs", "tests")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".md", ".html", ".js", ".css", ".yaml"}
    and path.name != Path(__file__).name
)


#: Words that a document may use in another sense.
COMMON = {"Account", "Run", "Past", "Standing"}


def words_of(path: Path) -> Iterator[str]:
    """Yield identifiers: in Markdown only what is set as code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in {".md", ".yaml", ".html"}:
        text = " ".join(re.findall(r"`([^`]+)`", text))
    elif path.suffix == ".py":
        text = re.sub(r'"""[\s\S]*?"""|#[^\n]*|"[^"\n]*"', " ", text)
    for name in re.findall(r"[A-Za-z_][A-Za-z0-9_-]*", text):
        if path.suffix == ".py" or name not in COMMON:
            yield name


@cache
def names() -> dict[str, set[str]]:
    """Return the files that use each name."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        file = str(path.relative_to(ROOT))
        for name in words_of(path):
            found.setdefault(name, set()).add(file)
    return found


def test_there_are_files_to_look_at():
    assert len(FILES) > 200


@pytest.mark.parametrize("pattern", GIVEN_UP)
def test_a_word_that_was_given_up_is_gone(pattern):
    word = re.compile(rf"(?:{pattern})")

    found = {name: files for name, files in names().items() if word.fullmatch(name)}

    assert found == {}, f"Use: {GIVEN_UP[pattern]}"


def test_the_glossary_has_each_word_once_and_in_order():
    text = (ROOT / "docs" / "glossary.md").read_text()
    words = [
        word.lower() for word in re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE)
    ]

    assert len(words) > 80
    assert words == sorted({*words})
