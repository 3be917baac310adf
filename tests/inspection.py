"""Reads what tests look at, without the code that is under test."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from gamification.models import (
    Board,
    BoardScore,
    BoardSegment,
    CatalogueStamp,
    CountFilter,
    FilterTally,
    LedgerEntry,
    PendingScore,
    UserAchievement,
    UserGamification,
)

#: Tables that the app keeps for itself, without pages for staff.
INTERNAL = {
    Board,
    BoardScore,
    BoardSegment,
    CatalogueStamp,
    CountFilter,
    FilterTally,
    PendingScore,
}

#: The mark of tests that commit; see ``resets``.
COMMITTED = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the app as the database keeps them, by model."""
    with connection.cursor() as cursor:
        return {
            model.__name__: _rows(cursor, model._meta)
            for model in apps.get_app_config("gamification").get_models()
        }


def _rows(cursor: Any, options: Any) -> list[dict[str, Any]]:
    cursor.execute(f'SELECT * FROM "{options.db_table}" ORDER BY {options.pk.column}')
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def filter_counts(user: Any = None) -> dict[str, int]:
    """Return the counts of all filters by bucket, for one user or for all."""
    users = {} if user is None else {"user": user}
    counts: Counter[str] = Counter()
    # Pending counts of filters that are gone stay in the text for a while.
    known = {*CountFilter.objects.values_list("pk", flat=True)}
    for row in FilterTally.objects.filter(**users):
        counts[row.bucket] += row.count
    for row in UserGamification.objects.filter(**users).exclude(pending_counts=""):
        for pk, count, *bucket in json.loads(row.pending_counts):
            counts["".join(bucket)] += count if pk in known else 0
    return dict(counts)


@contextmanager
def written_statements() -> Iterator[list[str]]:
    """Collect the statements that write, even those that are undone again."""
    written: list[str] = []

    def collect(execute: Any, sql: Any, *args: Any) -> Any:
        if re.search(r"\b(?:INSERT|UPDATE|DELETE)\b", str(sql)):
            written.append(str(sql))
        return execute(sql, *args)

    with connection.execute_wrapper(collect):
        yield written


def profile_of(user: Any) -> UserGamification:
    return UserGamification.objects.get(user=user)


def ledger_of(user: Any) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(user=user).order_by("id"))


def held_by(user: Any) -> set[str]:
    """Return the keys of the achievements that the user holds."""
    held = UserAchievement.objects.filter(user=user, revoked_at=None)
    return set(held.values_list("achievement__key", flat=True))


def hide(monkeypatch: pytest.MonkeyPatch, user: Any) -> None:
    """Let the default manager of the site's users leave out ``user``."""
    model: Any = type(user)
    shown = model._base_manager.exclude(pk=user.pk)
    manager = model._default_manager
    monkeypatch.setattr(type(manager), "get_queryset", lambda self: shown.all())


def violates(constraint: str, action: Callable[[], object]) -> bool:
    """Say whether the constraint of this name, and no other, refuses ``action``."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        action()
    message = str(refusal.value)
    return constraint in message or message.endswith(f": {_columns_of(constraint)}")


def _columns_of(name: str) -> str:
    """Return the columns that SQLite names instead of a unique constraint."""
    [columns] = [
        [model._meta.get_field(field).column for field in constraint.fields]
        for model in apps.get_app_config("gamification").get_models()
        for constraint in model._meta.constraints
        if constraint.name == name
    ]
    table, _, _ = name.rpartition("_")
    return ", ".join(f"{table}.{column}" for column in columns)


def statements(action: Callable[[], object], about: str = "") -> int:
    """Return how many statements of ``action`` contain ``about``."""
    with CaptureQueriesContext(connection) as queries:
        action()
    return len([query for query in queries if about in query["sql"]])
