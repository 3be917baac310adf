"""Cases with numbers from the specification, which every layer runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any


def _read(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((Path(__file__).parent / name).read_text())
    return cases


STREAKS = _read("streaks.json")
BOOSTS = _read("boosts.json")

#: The ways in which several boosts make one.
STRATEGIES = ("product", "highest", "additive")


def name_of(vector: dict[str, Any]) -> str:
    return f"{vector['number']}: {vector['case']}"


def dates_in(spans: list[str]) -> Iterator[date]:
    """Yield the dates of ``2026-11-01..2026-11-05`` and of single ones."""
    for span in spans:
        first, _, last = span.partition("..")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            yield day
            day += timedelta(days=1)
