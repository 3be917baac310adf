"""How rows travel to PostgreSQL.

Several rows go as one array per column, so that a statement has the same few
parameters for two rows and for ten thousand. One row goes as plain values: the server
then keeps one plan for all such statements. Encoding arrays here costs a fifth of
what the driver's general code does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal

#: PostgreSQL's type of each column that is not a bigint.
_TYPES = {
    "user_id": "user",
    "actor_id": "user",
    "revoked_by_id": "user",
    "kind": "text",
    "occurred_at": "timestamptz",
    "local_date": "date",
    "recorded_at": "timestamptz",
    "extends_streak": "boolean",
    "key": "text",
    "fingerprint": "text",
    "source": "text",
    "note": "text",
    "outcome": "jsonb",
    "unlocked_at": "timestamptz",
    "revoked_at": "timestamptz",
    "revoke_reason": "text",
    "dedupe_key": "text",
    "data": "jsonb",
    "created_at": "timestamptz",
    "expires_at": "timestamptz",
    "last_active_on": "date",
    "last_recorded_at": "timestamptz",
    "updated_at": "timestamptz",
    "date": "date",
}

#: Types whose values need quotes inside an array literal.
_QUOTED = frozenset({"jsonb", "text", "timestamptz", "user"})

#: No value, one, or several: what a statement must tell apart.
Arity = Literal[0, 1, 2]


def arity(values: Sequence[object]) -> Arity:
    """Return how many values a statement must be made for."""
    return 2 if len(values) > 1 else 1 if values else 0


def rows_sql(fields: Sequence[str], user_type: str, count: Arity) -> str:
    """Return the FROM item ``n`` that makes rows of the parameters of ``encode``."""
    kinds = [_TYPES.get(field, "bigint") for field in fields]
    types = [user_type if kind == "user" else kind for kind in kinds]
    names = f"n({names_sql(fields)}, position)"
    if count == 1:
        values = ", ".join(f"%s::{kind}" for kind in types)
        return f"(VALUES ({values}, 1)) AS {names}"
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    return f"unnest({arrays}) WITH ORDINALITY AS {names}"


def encode(fields: Sequence[str], rows: Sequence[Sequence[object]]) -> list[object]:
    """Return ``rows`` as the parameters of ``rows_sql``."""
    kinds = [_TYPES.get(field, "bigint") for field in fields]
    if len(rows) == 1:
        return [
            json.dumps(value) if kind == "jsonb" and value is not None else value
            for kind, value in zip(kinds, rows[0], strict=True)
        ]
    columns = zip(*rows, strict=True)
    return [_column(kind, column) for kind, column in zip(kinds, columns, strict=True)]


def within_sql(kind: str, count: Arity) -> str:
    """Return the right side of a comparison with the parameter of ``encode_set``."""
    return f"= %s::{kind}" if count == 1 else f"= ANY(%s::{kind}[])"


def encode_set(values: Sequence[object]) -> object:
    """Return ``values`` as the parameter of ``within_sql``."""
    return values[0] if len(values) == 1 else _array(values, quote=True)


def names_sql(fields: Sequence[str], prefix: str = "") -> str:
    """Return the names of columns as a list."""
    return ", ".join(f'{prefix}"{field}"' for field in fields)


def _column(kind: str, values: Iterable[object]) -> str:
    if kind == "jsonb":
        values = (None if value is None else json.dumps(value) for value in values)
    return _array(values, quote=kind in _QUOTED)


def _array(values: Iterable[object], *, quote: bool) -> str:
    write = _quoted if quote else str
    return "{" + ",".join("NULL" if v is None else write(v) for v in values) + "}"


def _quoted(value: object) -> str:
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
