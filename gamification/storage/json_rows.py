"""Reads all rows of a table as one text of JSON, a column of any query."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache
from typing import Any

from django.db import connections
from django.db.models import BooleanField, JSONField, Model


@cache
def rows_sql(
    model: type[Model], names: tuple[str, ...], vendor: str, where: str = "TRUE"
) -> str:
    """Return SQL for the fields ``names`` of rows, as a column of another query.

    Each row is an array. Times are texts, which ``read_instant`` reads.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    rows = f'FROM "{model._meta.db_table}" WHERE {where}'
    if vendor == "postgresql":
        row = ", ".join(f'"{field.column}"' for field in fields)
        return (
            f"(SELECT coalesce(json_agg(json_build_array({row})), '[]')::text {rows})"
        )
    row = ", ".join(map(_sqlite_value, fields))
    return f"(SELECT json_group_array(json_array({row})) {rows})"


def _sqlite_value(field: Any) -> str:
    """Return SQL for the value of a field in JSON, of which SQLite has fewer types."""
    column = f'"{field.column}"'
    if isinstance(field, BooleanField):
        return f"json(CASE WHEN {column} THEN 'true' ELSE 'false' END)"
    return f"json({column})" if isinstance(field, JSONField) else column


def fetch_row(alias: str, *columns: str) -> tuple[Any, ...]:
    """Return a row with these ``columns`` of SQL, in one query."""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}")
        row: tuple[Any, ...] = cursor.fetchone()
    return row


def read_instant(text: str, zone: tzinfo) -> datetime:
    """Return the instant that the database wrote as ``text``.

    SQLite writes no offset: such a text is of ``zone``.
    """
    return ensure_aware(datetime.fromisoformat(text), zone)


def ensure_aware(instant: datetime, zone: tzinfo | None) -> datetime:
    """Return a stored ``instant``, which is of ``zone`` if it has no offset."""
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)
