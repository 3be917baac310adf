"""Reads and writes the rows of a model with plain SQL.

The ORM takes much longer to build such a statement than SQLite takes to run it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import Model

#: The rows whose fields have one of these values each, by name.
Among: TypeAlias = Mapping[str, Collection[Any]]


class Table:
    """The rows of a model in one database."""

    def __init__(self, model: type[Model], alias: str) -> None:
        self._field: Any = model._meta.get_field
        self._name = f'"{model._meta.db_table}"'
        self._connection = connections[alias]

    def select(self, names: Iterable[str], among: Among) -> list[tuple[Any, ...]]:
        """Return the fields ``names`` of the rows ``among``, as the driver does."""
        if not all(among.values()):
            return []
        columns, (where, params) = map(self._column, names), self._where(among)
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {', '.join(columns)} FROM {self._name} WHERE {where}", params
            )
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def update(
        self,
        among: Among,
        values: Mapping[str, Any],
        adds: Collection[str] = (),
        latest: Collection[str] = (),
    ) -> int:
        """Set ``values`` in the rows ``among``; return how many rows there are.

        Values named in ``adds`` are added; a time in ``latest`` replaces only an
        earlier one.
        """
        where, params = self._where(among)
        changes = [self._change(name, adds, latest) for name in values]
        new = self._params(values, values.values())
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self._name} SET {', '.join(changes)} WHERE {where}",
                [*new, *params],
            )
            return int(cursor.rowcount)

    def put(
        self,
        place: Mapping[str, Any],
        values: Mapping[str, Any],
        adds: Collection[str] = (),
        latest: Collection[str] = (),
    ) -> None:
        """Change the row at ``place`` as ``update`` does, or create it."""
        among = {name: [value] for name, value in place.items()}
        if not self.update(among, values, adds, latest):
            row = {**place, **values}
            self.insert([*row], [[*row.values()]])

    def insert(self, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[int]:
        """Create rows with the fields ``names``; return their ids."""
        columns = ", ".join(map(self._column, names))
        marks = ", ".join(["%s"] * len(names))
        sql = f"INSERT INTO {self._name} ({columns}) VALUES ({marks})"
        with self._connection.cursor() as cursor:
            return [
                self._inserted(cursor, sql, self._params(names, row)) for row in rows
            ]

    def _inserted(self, cursor: Any, sql: str, params: Sequence[Any]) -> int:
        if self._connection.vendor == "sqlite":
            # It may be older than RETURNING.
            cursor.execute(sql, params)
            return int(cursor.lastrowid)
        cursor.execute(f"{sql} RETURNING id", params)
        return int(cursor.fetchone()[0])

    def _change(self, name: str, adds: Collection[str], latest: Collection[str]) -> str:
        column, value = self._column(name), "%s"
        if name in adds:
            value = f"{column} + %s"
        elif name in latest:
            is_sqlite = self._connection.vendor == "sqlite"
            value = f"{'max' if is_sqlite else 'greatest'}({column}, %s)"
        return f"{column} = {value}"

    def _where(self, among: Among) -> tuple[str, list[Any]]:
        conditions, params = [], list[Any]()
        for name, values in among.items():
            marks = ", ".join(["%s"] * len(values))
            conditions.append(f"{self._column(name)} IN ({marks})")
            params += self._params([name] * len(values), values)
        return " AND ".join(conditions), params

    def _column(self, name: str) -> str:
        return f'"{self._field(name).column}"'

    def _params(self, names: Iterable[str], values: Iterable[Any]) -> list[Any]:
        return [
            self._field(name).get_db_prep_save(value, self._connection)
            for name, value in zip(names, values, strict=True)
        ]
