"""Undoes what tests have committed, in a few statements.

Django would truncate every table after each of these tests, and save what the
migrations had written row by row before the next one. Either takes longer than most of
the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from gamification.models import CatalogueStamp

#: Tables whose rows the database itself renews, and which must never go back.
RENEWED = {CatalogueStamp._meta.db_table}
#: The number of rows up to which deleting is faster than truncating all tables.
FEW = 1_000


def keep_rows() -> list[str]:
    """Copy every table that has rows; return their names."""
    known = connection.introspection.django_table_names(only_existing=True)
    tables = [table for table in known if table not in RENEWED]
    kept = [table for table, number in _differences(tables, []).items() if number]
    with connection.cursor() as cursor:
        for table in kept:
            rows = f"SELECT * FROM {_quoted(table)}"
            cursor.execute(f"CREATE TABLE {_copy(table)} AS {rows}")
    return kept


@contextmanager
def quick_resets(kept: list[str]) -> Iterator[None]:
    """Let a flush restore the kept tables, and visit only those that differ.

    ``serialized_rollback`` then has nothing to do.
    """
    operations = type(connection.ops)
    truncate = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: Any, **options: Any) -> list[str]:
        compared = [table for table in tables if table not in RENEWED]
        differences = _differences(compared, kept)
        changed = [table for table, number in differences.items() if number]
        empty = [f"DELETE FROM {_quoted(table)}" for table in changed]
        if max(differences.values()) > FEW:
            changed, empty = kept, truncate(self, style, tables, **options)
        return empty + [_refill(table) for table in changed if table in kept]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", sql_flush)
        name = "deserialize_db_from_string"
        patch.setattr(type(connection.creation), name, lambda self, data: None)
        yield


@contextmanager
def rows_of_a_file(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Keep rows that are written inside for all tests of a file; none may commit.

    After each test, its own changes are undone.
    """
    with blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


def _differences(tables: list[str], kept: list[str]) -> dict[str, int]:
    """Return the number of rows by which each table differs from its copy, if any."""
    counts = [_count(table, is_kept=table in kept) for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(counts))
        return dict(cursor.fetchall())


def _count(table: str, *, is_kept: bool) -> str:
    odd = [f"SELECT * FROM {_quoted(table)}"]
    if is_kept:
        copy = f"SELECT * FROM {_copy(table)}"
        odd = [f"{odd[0]} EXCEPT {copy}", f"{copy} EXCEPT {odd[0]}"]
    some = (f"(SELECT count(*) FROM ({rows} LIMIT {FEW + 1}) AS odd)" for rows in odd)
    return f"SELECT '{table}', {' + '.join(some)}"


def _refill(table: str) -> str:
    return f"INSERT INTO {_quoted(table)} SELECT * FROM {_copy(table)}"


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)


def _copy(table: str) -> str:
    return _quoted(f"kept_{table}")
