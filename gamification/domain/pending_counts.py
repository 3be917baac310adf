"""Counts of filters that wait in the user's row until there are many of them.

A record that counts in five filters would change five more rows. It notes the counts in
the user's row, which it changes anyhow, and only a long note is added to the tallies.
A note is a JSON array; each of its items has the id of a filter, what to add, and the
bucket unless that is empty.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import TypeAlias

#: By id of the filter and by bucket.
FilterCounts: TypeAlias = Mapping[tuple[int, str], int]


def add_to_note(note: str, counts: FilterCounts) -> str:
    """Return ``note`` with more counts; a note of nothing is empty."""
    if not counts:
        return note
    items = ",".join([_item(*key, amount) for key, amount in counts.items()])
    return f"{note[:-1]},{items}]" if note else f"[{items}]"


def _item(pk: int, bucket: str, amount: int) -> str:
    return f"[{pk},{amount},{json.dumps(bucket)}]" if bucket else f"[{pk},{amount}]"


def counts_in(note: str, filter_ids: Container[int]) -> dict[tuple[int, str], int]:
    """Return what a note has of some filters; a count may be 0."""
    counts: dict[tuple[int, str], int] = {}
    for item in json.loads(note or "[]"):
        if item[0] in filter_ids:
            key = item[0], item[2] if len(item) > 2 else ""
            counts[key] = counts.get(key, 0) + item[1]
    return counts
