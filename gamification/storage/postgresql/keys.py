"""Prepares the keys of users for SQL, and converts them back, where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from django.db import connections

from gamification.models import UserGamification
from gamification.models.users import (
    convert_key,
    converts_keys,
    prepare_key,
    target_field,
)

#: The columns that hold the key of a user.
_COLUMNS: Final = frozenset({"user_id", "actor_id", "revoked_by_id"})

Rows = Sequence[Sequence[Any]]


class UserKeys:
    """The keys of users in one database that has them in another form."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    @classmethod
    def of(cls, alias: str) -> UserKeys | None:
        """Return the keys of users in this database; None if they stay as they are."""
        return cls(alias) if converts_keys() else None

    def prepare(self, keys: Sequence[Any]) -> Sequence[Any]:
        """Return ``keys`` as the database has them."""
        return [prepare_key(key, self._alias) for key in keys]

    def prepare_columns(self, fields: Sequence[str], rows: Rows) -> Rows:
        """Return rows of ``fields`` with all keys of users prepared."""
        places = [place for place, name in enumerate(fields) if name in _COLUMNS]
        prepared = [list(row) for row in rows]
        for row in prepared:
            for place in places:
                if row[place] is not None:
                    row[place] = prepare_key(row[place], self._alias)
        return prepared

    def convert(self, rows: Sequence[tuple[Any, ...]], place: int) -> Any:
        """Return ``rows`` of the database with the key at ``place`` converted."""
        return [
            (*row[:place], convert_key(row[place], self._alias), *row[place + 1 :])
            for row in rows
        ]


@cache
def user_columns(alias: str) -> tuple[str, tuple[str, str]]:
    """Return the type of users' keys, and the table and column with these keys.

    The names are quoted.
    """
    connection = connections[alias]
    kind = UserGamification._meta.get_field("user").db_type(connection)
    target, quote = target_field(), connection.ops.quote_name
    return str(kind), (quote(target.model._meta.db_table), quote(str(target.column)))
