"""Counts of filters that wait in the user's row until there are many of them.

A record that counts in five filters would change five more rows. It adds the counts to
a text in the user's row, which it changes anyhow; when the text is long, they go to the
tallies. The text is a JSON array. Each item has the id of a filter, what to add, and
the bucket unless that is empty.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import TypeAlias

#: By id of the filter and by bucket.
FilterCounts: TypeAlias = Mapping[tuple[int, str], int]


def add_pending(pending: str, counts: FilterCounts) -> str:
    """Return the text ``pending`` with more counts; without any, it is empty."""
    if not counts:
        return pending
    items = ",".join([_item(*key, amount) for key, amount in counts.items()])
    return f"{pending[:-1]},{items}]" if pending else f"[{items}]"


def _item(pk: int, bucket: str, amount: int) -> str:
    return f"[{pk},{amount},{json.dumps(bucket)}]" if bucket else f"[{pk},{amount}]"


def read_pending(
    pending: str, filter_ids: Container[int]
) -> dict[tuple[int, str], int]:
    """Return the pending counts of some filters, which may be 0."""
    counts: dict[tuple[int, str], int] = {}
    for item in json.loads(pending or "[]"):
        if item[0] in filter_ids:
            key = item[0], item[2] if len(item) > 2 else ""
            counts[key] = counts.get(key, 0) + item[1]
    return counts
