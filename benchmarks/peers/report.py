"""Writes the results beside other packages: tables in Markdown, and a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

INTRODUCTION = """# Measured beside raw SQL and other packages

`make bench` wrote this page. All of one section comes from one run on one PostgreSQL
server: two client processes write for users drawn at random, the ways take turns, and
each number is the median of the rounds. `synchronous_commit` is off for all of them.
The share is relative to the fastest raw SQL that writes the same rows as ours: one
prepared statement for one record, set-based SQL for a batch. A call that the database
refuses does not count. Compare the shares of two runs, not their rates.

Each package runs with the newest Python and Django that it works with, and with
Django's default connection options. In the race, two clients make 200 calls each that
meet in one row; the column says how many of the 400 are missing from its counter
afterwards, and how many calls failed with an error of the database.

![Records per second as a share of raw SQL](../docs/images/bench.svg)
"""

COLORS = ("#0b7285", "#74b816", "#e8590c", "#862e9c")


@dataclass(frozen=True)
class Row:
    """A way to record, and what was measured of it."""

    package: str
    way: str
    does: str = ""
    rate: float | None = None
    share: float | None = None
    race: str = "–"
    #: The reason if there is no number.
    reason: str = ""


@dataclass(frozen=True)
class BoardRow:
    """The milliseconds of a board's top page and of one rank."""

    package: str
    board: str
    top: float | None = None
    rank: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """One run."""

    users: int
    seconds: float
    rounds: int
    date: str
    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    boards: list[BoardRow] = field(default_factory=list)
    #: Of each package: its version, Python, Django and driver.
    versions: list[list[str]] = field(default_factory=list)


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def race_of(calls: int, succeeded: int, kept: int) -> str:
    """Say what became of simultaneous calls that write the same row."""
    lost, failed = max(0, succeeded - kept), calls - succeeded
    return f"{lost} lost" + (f", {failed} failed" if failed else "")


def table(head: list[str], rows: list[list[str]], numbers: set[int]) -> str:
    """Return a table in Markdown; the columns ``numbers`` are aligned right."""
    rule = ["--:" if i in numbers else "---" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def table_of_rows(rows: list[Row]) -> str:
    head = ["package", "way", "records/s", "share", "race", "what one call does"]
    cells = [
        [
            row.package,
            row.way,
            number(row.rate, 0),
            number(row.share, 3),
            row.race,
            f"Could not be had: {row.reason}" if row.reason else row.does,
        ]
        for row in rows
    ]
    return table(head, cells, {2, 3})


def table_of_boards(boards: list[BoardRow]) -> str:
    head = ["package", "board", "top page, ms", "one rank, ms", ""]
    cells = [
        [row.package, row.board, number(row.top, 2), number(row.rank, 2), row.reason]
        for row in boards
    ]
    return table(head, cells, {2, 3})


def section(result: Result) -> str:
    """Return the section about one run."""
    machine = "; ".join(f"{name}: {value}" for name, value in result.machine.items())
    measured = f"{result.rounds} rounds of {result.seconds:g} s, on {result.date}"
    head = ["package", "version", "Python", "Django", "driver"]
    return "\n\n".join(
        [
            f"## {result.users:,} users",
            f"{measured}. {machine}.",
            table_of_rows(result.rows),
            "### Boards",
            table_of_boards(result.boards),
            "### Versions",
            table(head, result.versions, set()),
        ]
    )


def page(results: list[Result]) -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *(f"{section(each)}\n" for each in results)])


def bar(x: int, y: int, value: float, color: str) -> str:
    """Return a bar and, behind it, its number; the full share is 400 wide."""
    width = max(1, round(400 * value))
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="11" fill="{color}"/>'
        f'<text x="{x + width + 5}" y="{y + 10}">{value:.3f}</text>'
    )


def legend(results: list[Result]) -> list[str]:
    """Return what each color stands for."""
    return [
        f'<rect x="{10 + 150 * i}" y="10" width="11" height="11" fill="{color}"/>'
        f'<text x="{26 + 150 * i}" y="20">{each.users:,} users</text>'
        for i, (each, color) in enumerate(zip(results, COLORS, strict=False))
    ]


def shares(results: list[Result]) -> dict[str, list[tuple[float, str]]]:
    """Return the shares of each way with the color of their number of users."""
    found: dict[str, list[tuple[float, str]]] = {}
    for result, color in zip(results, COLORS, strict=False):
        for row in result.rows:
            if row.share is not None:
                name = f"{row.package}: {row.way.replace('`', '')}"
                found.setdefault(name, []).append((row.share, color))
    return found


def chart(results: list[Result]) -> str:
    """Return a picture of the shares: a group of bars for each way."""
    parts, y = legend(results), 34
    for name, group in shares(results).items():
        parts.append(
            f'<text x="10" y="{y + 10}" font-weight="bold">{escape(name)}</text>'
        )
        for share, color in group:
            y += 15
            parts.append(bar(10, y, share, color))
        y += 22
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 {y}" '
        'font-family="sans-serif" font-size="12" fill="#212529" role="img">'
    )
    title = "<title>Records per second as a share of raw SQL</title>"
    ground = f'<rect width="560" height="{y}" fill="#ffffff"/>'
    return "\n".join([head, title, ground, *parts, "</svg>\n"])
