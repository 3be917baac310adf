"""The page and the picture that ``make bench`` writes."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks.peers.report import BoardRow, Result, Row, chart, page, race_of

RESULT = Result(
    users=10_000,
    seconds=5.0,
    rounds=3,
    date="2026-11-28",
    machine={"processor": "Z80", "cores": "2"},
    rows=[
        Row("PostgreSQL", "raw <SQL>", "All.", rate=6543.2, share=1.0),
        Row("lost-points", "`pay`", "Adds.", rate=654.3, share=0.1, race="7 lost"),
        Row("gone", "–", reason="Python 2.6 is not installed"),
    ],
    boards=[BoardRow("lost-points", "all time", top=12.345, reason="sorted anew")],
    versions=[["lost-points", "0.1", "3.8.18", "3.2.25", "psycopg2 2.9.13"]],
)


@pytest.mark.parametrize(
    "line",
    [
        "## 10,000 users",
        "3 rounds of 5 s, on 2026-11-28. processor: Z80; cores: 2.",
        "| PostgreSQL | raw <SQL> | 6,543 | 1.000 | – | All. |",
        "| lost-points | `pay` | 654 | 0.100 | 7 lost | Adds. |",
        "| gone | – | – | – | – | Could not be had: Python 2.6 is not installed |",
        "| lost-points | all time | 12.35 | – | sorted anew |",
        "| lost-points | 0.1 | 3.8.18 | 3.2.25 | psycopg2 2.9.13 |",
    ],
)
def test_the_page_says(line):
    assert line in page([RESULT]).splitlines()


def test_the_picture_has_a_bar_for_each_way_and_number_of_users():
    more = replace(RESULT, users=1_000_000)

    picture = ElementTree.fromstring(chart([RESULT, more]))  # noqa: S314

    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [
        "10,000 users",
        "1,000,000 users",
        "PostgreSQL: raw <SQL>",
        "1.000",
        "1.000",
        "lost-points: pay",
        "0.100",
        "0.100",
    ]


@pytest.mark.parametrize(
    ("succeeded", "kept", "said"),
    [
        (400, 400, "0 lost"),
        (400, 138, "262 lost"),
        (390, 390, "0 lost, 10 failed"),
        # A call can raise after it has written.
        (390, 395, "0 lost, 10 failed"),
    ],
)
def test_a_race_has_calls_that_are_lost_and_calls_that_failed(succeeded, kept, said):
    assert race_of(400, succeeded, kept) == said
