"""Sends many rows to PostgreSQL with few parameters.

A column whose values differ becomes one array; a column whose values are all equal
becomes one value. So a statement has the same few parameters for two rows as for ten
thousand. For a single row it has no array at all, and the server keeps one plan for
all such statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from operator import itemgetter
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
    "internal_note": "text",
    "attributes": "jsonb",
    "boosts": "jsonb",
    "outcome": "jsonb",
    "unlocked_at": "timestamptz",
    "revoked_at": "timestamptz",
    "revoke_reason": "text",
    "can_be_earned_again": "boolean",
    "period": "date",
    "dedupe_key": "text",
    "data": "jsonb",
    "bucket": "text",
    "pending_counts": "text",
    "created_at": "timestamptz",
    "expires_at": "timestamptz",
    "last_active_on": "date",
    "last_occurred_at": "timestamptz",
    "last_recorded_at": "timestamptz",
    "updated_at": "timestamptz",
    "date": "date",
}

#: Types whose values need quotes inside an array literal.
_QUOTED = frozenset({"text", "timestamptz", "user"})

#: No value, one value, or several: a statement is different for each.
Arity = Literal[0, 1, 2]


def arity(values: Sequence[object]) -> Arity:
    """Return whether a statement has no value, one value, or several."""
    return 2 if len(values) > 1 else 1 if values else 0


def within_sql(kind: str, count: Arity) -> str:
    """Return the right side of a comparison, with ``encode_set`` as its parameter."""
    return f"= %s::{kind}" if count == 1 else f"= ANY(%s::{kind}[])"


def among_sql(kind: str, count: Arity) -> str:
    """Return what ``within_sql`` does, for a few values in a statement about one user.

    The server can't see how many values there are. If it could, it would plan each
    call anew, because a few values look cheaper than its generic plan assumes.
    """
    return f"= %s::{kind}" if count == 1 else some_sql(kind)


def some_sql(kind: str) -> str:
    """Return the right side of a comparison with the values of an array."""
    return f"= ANY(ARRAY(SELECT unnest(%s::{kind}[])))"


def encode_set(values: Sequence[object]) -> object:
    """Return ``values`` as the parameter of ``within_sql``."""
    return values[0] if len(values) == 1 else _array("text", values)


def names_sql(fields: Sequence[str], prefix: str = "") -> str:
    """Return the names of columns as a list."""
    return ", ".join(f'{prefix}"{field}"' for field in fields)


class RowShape(NamedTuple):
    """The columns that are equal in all of some rows, and those that differ."""

    same: tuple[str, ...]
    different: tuple[str, ...] = ()
    #: The JSON columns that differ: each is sent as one JSON array.
    documents: tuple[str, ...] = ()
    #: The columns that are NULL in all rows; they have no parameter.
    nulls: tuple[str, ...] = ()

    def sql(self, user_type: str) -> str:
        """Return the FROM item ``n`` that turns the parameters back into rows.

        The rows keep their order.
        """

        def kind(field: str) -> str:
            name = _TYPES.get(field, "bigint")
            return user_type if name == "user" else name

        same = [f'%s::{kind(field)} AS "{field}"' for field in self.same]
        same += [f'NULL::{kind(field)} AS "{field}"' for field in self.nulls]
        if not self.different:
            return f"(SELECT {', '.join(same)}) AS n"
        arrays = ", ".join(f"%s::{kind(field)}[]" for field in self.different)
        sets = [f"unnest({arrays})"]
        sets += ["jsonb_array_elements(%s::jsonb)" for _ in self.documents]
        columns = [*same, *(f'v."{field}"' for field in self.different)]
        columns += [f"NULLIF(v.{name}, 'null') AS {name}" for name in self.documents]
        return f"""(SELECT {", ".join(columns)} FROM ROWS FROM ({", ".join(sets)})
    AS v({names_sql([*self.different, *self.documents])})) AS n"""


class TableRows(NamedTuple):
    """Rows of one table, with the names of their columns; JSON is a text."""

    fields: Sequence[str]
    rows: Sequence[Sequence[Any]]


def encode(tables: Iterable[TableRows]) -> tuple[list[RowShape], list[object]]:
    """Return the shapes of the rows, and all parameters in the same order."""
    shapes: list[RowShape] = []
    params: list[object] = []
    for fields, rows in tables:
        encode_rows = _encode_columns if len(rows) > 1 else _encode_row
        shape, values = encode_rows(fields, rows)
        shapes.append(shape)
        params += values
    return shapes, params


def _encode_columns(
    fields: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[RowShape, list[object]]:
    nulls: list[str] = []
    same: dict[str, object] = {}
    different: dict[str, object] = {}
    documents: dict[str, object] = {}
    for place, field in enumerate(fields):
        # ``zip(*rows)`` would make an iterator for each of thousands of rows.
        column = [*map(itemgetter(place), rows)]
        kind = _TYPES.get(field, "bigint")
        # Several rows need at least one array, which gives their number.
        if different and column.count(column[0]) == len(column):
            if column[0] is None:
                nulls.append(field)
            else:
                same[field] = column[0]
        elif kind == "jsonb":
            documents[field] = f"[{','.join([text or 'null' for text in column])}]"
        else:
            different[field] = _array(kind, column)
    shape = RowShape(tuple(same), tuple(different), tuple(documents), tuple(nulls))
    return shape, [*same.values(), *different.values(), *documents.values()]


def _encode_row(
    fields: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[RowShape, list[object]]:
    [row] = rows
    if None not in row:
        return _single(tuple(fields), ()), list(row)
    nulls = tuple([place for place, value in enumerate(row) if value is None])
    values = [value for value in row if value is not None]
    return _single(tuple(fields), nulls), values


@cache
def _single(fields: tuple[str, ...], nulls: tuple[int, ...]) -> RowShape:
    """Return the shape of a row that is NULL at these places."""
    same = [field for place, field in enumerate(fields) if place not in nulls]
    return RowShape(tuple(same), nulls=tuple(fields[place] for place in nulls))


def _array(kind: str, values: Sequence[object]) -> str:
    is_quoted = kind in _QUOTED and not all(type(value) is int for value in values)
    if not is_quoted or None in values:
        write = _quoted if is_quoted else str
        items = ["NULL" if value is None else write(value) for value in values]
        return "{" + ",".join(items) + "}"
    # No text contains a NUL, so it can separate the values.
    return "{" + _quoted("\0".join(map(str, values))).replace("\0", '","') + "}"


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
