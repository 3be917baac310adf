"""Names in SQL that Django does not quote are no reserved words."""

from __future__ import annotations

import re
from pathlib import Path

import gamification
from gamification.services.players.achievements import _joined

#: Some that MariaDB and MySQL reserve, and that could come to mind here.
RESERVED = {
    "unlock", "lock", "rank", "key", "keys", "range", "change", "limit", "groups",
    "interval", "condition", "row", "rows", "values", "order", "read", "write",
}  # fmt: skip

ROOT = Path(gamification.__file__).parent

#: The store for PostgreSQL, which no other database sees.
ITS_OWN = {"postgresql.py", "reading.py", "writing.py", "arrays.py", "goals.py"}


def test_joined_tables_have_other_names():
    names = _joined(1).query._filtered_relations.keys()

    assert names == {"counted"}
    assert not RESERVED & names


def test_columns_have_other_names():
    used = {
        name.lower()
        for file in ROOT.rglob("*.py")
        if file.name not in ITS_OWN
        for name in re.findall(r"\bAS ([a-z_]+)\b", file.read_text())
    }

    assert len(used) > 3
    assert RESERVED & used == set()
