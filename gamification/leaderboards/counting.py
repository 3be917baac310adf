"""Counts the scores of some users from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models.expressions import RawSQL
from django.utils import timezone

from gamification.conf import conf
from gamification.leaderboards import sql
from gamification.leaderboards.groups import counting_rule, hides_users, ranked_in
from gamification.leaderboards.values import EVERYBODY, Group, Key, Subject
from gamification.models import BoardScore, write_alias
from gamification.models.progress import counted_marks
from gamification.models.users import prepare_key, target_field

#: Stands for the current time in a query that is compiled only once.
_NOW: Final = datetime(1901, 1, 1, tzinfo=UTC)


def counted_keys(
    subject: Subject, user_ids: Iterable[Any], *, until: datetime | None = None
) -> dict[Any, Key]:
    """Return the keys that these users should have on a board, by stored user.

    There must be at least one user. ``until`` leaves out later records.
    """
    users = [prepare_key(user_id, write_alias()) for user_id in user_ids]
    counted = counted_scores(subject, timezone.now(), ends_early=until is not None)
    closed_at = None if until is None else adapted(until)
    rows = sql.fetch(sql.scores_of(users, closed_at, counted))
    keys = (counted_key(*row) for row in rows)
    return {key.user: key for key in keys if key}


def counted_scores(
    subject: Subject, now: datetime, *, ends_early: bool, when: str = "TRUE"
) -> sql.Statement:
    """Return columns for what the ledger says of the users of ``w``.

    With ``ends_early``, entries that were recorded after ``b.closed_at`` do not count.
    The statement reads the ledger only for users for whom the condition ``when`` holds.
    """
    period, group = subject
    bounds = [adapted(at) for at in (period.starts_at, period.ends_at) if at]
    ranked = _ranked(group, now)
    return sql.counted(ranked, bounds, ends_early=ends_early, when=when)


def _ranked(group: Group, now: datetime) -> sql.Statement:
    """Return the condition of the ranked users among those of ``w``."""
    columns = own_marks()
    if group == EVERYBODY and columns is not None and not hides_users():
        return sql.Statement(sql.ranked(columns), (adapted(now),))
    lookup = conf.LEADERBOARD_GROUPS.get(group.grouping, "")
    text, params = _compiled(group, lookup, counting_rule(), write_alias())
    usual, present = adapted(_NOW), adapted(now)
    params = tuple(present if param == usual else param for param in params)
    return sql.Statement(f"w.user_id IN ({text})", params)


def own_marks() -> dict[str, bool] | None:
    """Return the marks of counted users by column; None if another table holds them."""
    own: Any = target_field().model._meta.local_concrete_fields
    columns, marks = {field.name: field.column for field in own}, counted_marks()
    if not marks.keys() <= columns.keys():
        return None
    return {columns[name]: is_on for name, is_on in marks.items()}


@lru_cache(maxsize=256)
def _compiled(group: Group, lookup: str, rule: str, alias: str) -> sql.Statement:
    """Return a statement for the ranked users of a group among those of ``w``.

    Django takes longer to compile the statement than the database takes to answer it.
    A new ``lookup`` or ``rule``, by which users are counted, compiles it again.
    """
    users = RawSQL("SELECT user_id FROM w", ())
    rows = ranked_in(group, _NOW).filter(user__in=users).values_list("user_id")
    try:
        text, params = rows.query.get_compiler(alias).as_sql()
    except EmptyResultSet:
        return sql.Statement("SELECT user_id FROM w WHERE 1 = 0")
    return sql.Statement(text, tuple(params))


def counted_key(
    user: Any, is_ranked: bool | None, score: int | None, reached_at: Any
) -> Key | None:
    """Return the key of a user; None if they are not ranked."""
    if not is_ranked or not score or score < 0 or reached_at is None:
        return None
    return Key.of(user, score, instant_of(reached_at))


def adapted(instant: datetime) -> Any:
    """Return an instant in the form that the database takes."""
    return connections[write_alias()].ops.adapt_datetimefield_value(instant)


def instant_of(value: Any) -> datetime:
    """Return an instant from a database, which may have no type for it."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    zone = instant.tzinfo or connections[write_alias()].timezone
    return cast("datetime", instant.replace(tzinfo=zone))


def kept_keys(board_id: int, user_ids: Iterable[Any]) -> dict[Any, Key]:
    """Return the keys of those users on the board, even if they are outdated."""
    alias = write_alias()
    scores = BoardScore.objects.filter(board=board_id)
    rows = scores.filter(user__in=user_ids).values_list("debit", "reached", "user_id")
    keys = (Key(debit, reached, prepare_key(pk, alias)) for debit, reached, pk in rows)
    return {key.user: key for key in keys}


def changes(
    kept: Mapping[Any, Key], counted: Mapping[Any, Key]
) -> tuple[list[Key], list[Key]]:
    """Return the keys that a board has but should not have, and those that it lacks."""
    gone = [key for user, key in kept.items() if counted.get(user) != key]
    new = [key for user, key in counted.items() if kept.get(user) != key]
    return gone, new
