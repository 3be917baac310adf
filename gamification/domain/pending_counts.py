"""Counts of filters that wait in the user's row until there are many of them.

A record that counts in five filters would change five more rows. It notes the counts in
the user's row, which it changes anyhow, and only a long note is added to the tallies.
A note is a JSON array; each of its items has the id of a filter, what to add, and the
bucket unless that is empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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


def counts_in(note: str) -> dict[tuple[int, str], int]:
    """Return the counts of a note, which may be 0."""
    counts: dict[tuple[int, str], int] = {}
    for pk, amount, *buckets in json.loads(note or "[]"):
        key = pk, "".join(buckets)
        counts[key] = counts.get(key, 0) + amount
    return counts
