"""How rows travel to PostgreSQL.

A column whose values differ goes as one array, one whose values are all the same as
one value. So a statement has the same few parameters for two rows and for ten
thousand, and for a single row it has no array at all: the server then keeps one plan
for all such statements.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

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
_QUOTED = frozenset({"text", "timestamptz", "user"})

#: No value, one, or several: what a statement must tell apart.
Arity = Literal[0, 1, 2]


def arity(values: Sequence[object]) -> Arity:
    """Return how many values a statement must be made for."""
    return 2 if len(values) > 1 else 1 if values else 0


def within_sql(kind: str, count: Arity) -> str:
    """Return the right side of a comparison with the parameter of ``encode_set``."""
    return f"= %s::{kind}" if count == 1 else f"= ANY(%s::{kind}[])"


def encode_set(values: Sequence[object]) -> object:
    """Return ``values`` as the parameter of ``within_sql``."""
    return values[0] if len(values) == 1 else _array("text", values)


def names_sql(fields: Sequence[str], prefix: str = "") -> str:
    """Return the names of columns as a list."""
    return ", ".join(f'{prefix}"{field}"' for field in fields)


class RowSerializer(NamedTuple):
    """Which columns of some rows are the same in all of them, and which are not."""

    same: tuple[str, ...]
    different: tuple[str, ...] = ()
    #: Those of JSON that are not the same: each is one array of JSON.
    documents: tuple[str, ...] = ()

    def sql(self, user_type: str) -> str:
        """Return the FROM item ``n`` that makes rows of their parameters again.

        They come in their order.
        """

        def kind(field: str) -> str:
            name = _TYPES.get(field, "bigint")
            return user_type if name == "user" else name

        same = [f'%s::{kind(field)} AS "{field}"' for field in self.same]
        if not self.different:
            return f"(SELECT {', '.join(same)}) AS n"
        arrays = ", ".join(f"%s::{kind(field)}[]" for field in self.different)
        sets = [f"unnest({arrays})"]
        sets += ["jsonb_array_elements(%s::jsonb)" for _ in self.documents]
        columns = [*same, *(f'v."{field}"' for field in self.different)]
        columns += [f"NULLIF(v.{name}, 'null') AS {name}" for name in self.documents]
        return f"""(SELECT {", ".join(columns)} FROM ROWS FROM ({", ".join(sets)})
    AS v({names_sql([*self.different, *self.documents])})) AS n"""


def encode(
    fields: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[RowSerializer, list[object]]:
    """Return the shape of ``rows`` and their parameters in its order."""
    if len(rows) == 1:
        return _single(tuple(fields)), [
            json.dumps(value) if type(value) is dict else value for value in rows[0]
        ]
    same: dict[str, object] = {}
    different: dict[str, object] = {}
    documents: dict[str, object] = {}
    for field, column in zip(fields, zip(*rows, strict=True), strict=True):
        kind = _TYPES.get(field, "bigint")
        # Several rows need one array at least, to be told apart.
        if different and column.count(column[0]) == len(column):
            value = column[0]
            same[field] = json.dumps(value) if type(value) is dict else value
        elif kind == "jsonb":
            documents[field] = json.dumps(column)
        else:
            different[field] = _array(kind, column)
    shape = RowSerializer(tuple(same), tuple(different), tuple(documents))
    return shape, [*same.values(), *different.values(), *documents.values()]


@cache
def _single(fields: tuple[str, ...]) -> RowSerializer:
    return RowSerializer(fields)


def _array(kind: str, values: Sequence[object]) -> str:
    is_quoted = kind in _QUOTED and not all(type(value) is int for value in values)
    if not is_quoted or None in values:
        write = _quoted if is_quoted else str
        items = ["NULL" if value is None else write(value) for value in values]
        return "{" + ",".join(items) + "}"
    # No text holds a NUL, which here stands between the values.
    return "{" + _quoted("\0".join(map(str, values))).replace("\0", '","') + "}"


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
