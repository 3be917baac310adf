"""Counts the scores of some users from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

from django.db import connections
from django.db.models.expressions import RawSQL
from django.utils import timezone

from gamification.conf import conf
from gamification.leaderboards import sql
from gamification.leaderboards.groups import audience, ranked_in
from gamification.leaderboards.values import Group, Key, Subject
from gamification.models import BoardScore, write_alias
from gamification.models.users import prepare_key

#: In the place of the present in a query that is compiled once.
_NOW: Final = datetime(1901, 1, 1, tzinfo=UTC)


def counted_keys(
    subject: Subject, user_ids: Iterable[Any], *, until: datetime | None = None
) -> dict[Any, Key]:
    """Return the keys that those users should have on a board, by stored user.

    ``until`` leaves out what was recorded later.
    """
    users = [prepare_key(user_id, write_alias()) for user_id in user_ids]
    if not users:
        return {}
    counted = counted_scores(subject, timezone.now(), ends_early=until is not None)
    closed_at = None if until is None else adapted(until)
    rows = sql.fetch(sql.scores_of(users, closed_at, counted))
    keys = (key_of_score(*row) for row in rows)
    return {key.user: key for key in keys if key}


def counted_scores(
    subject: Subject, now: datetime, *, ends_early: bool
) -> sql.Statement:
    """Return a statement for the scores of the ranked users among those of ``w``.

    With ``ends_early``, entries that were recorded after ``b.closed_at`` do not count.
    """
    period, group = subject
    lookup = conf.LEADERBOARD_GROUPS.get(group.grouping, "")
    text, params = _ranked(group, lookup, audience(), write_alias())
    usual, present = adapted(_NOW), adapted(now)
    params = tuple(present if param == usual else param for param in params)
    bounds = [adapted(at) for at in (period.starts_at, period.ends_at) if at]
    return sql.counted(sql.Statement(text, params), bounds, ends_early=ends_early)


@lru_cache(maxsize=256)
def _ranked(group: Group, lookup: str, rule: str, alias: str) -> sql.Statement:
    """Return a statement for the ranked users of a group.

    Django takes longer to compile it than the database takes to answer. The lookup and
    the rule by which users are counted tell when it has to be compiled again.
    """
    users = RawSQL("SELECT user_id FROM w", ())
    rows = ranked_in(group, _NOW).filter(user__in=users)
    compiler = rows.values_list("user_id", "total_xp").query.get_compiler(alias)
    text, params = compiler.as_sql()
    return sql.Statement(text, tuple(params))


def key_of_score(user: Any, score: int | None, reached_at: Any) -> Key | None:
    """Return the key of a user; None if they are not ranked with this score."""
    if not score or score < 0 or reached_at is None:
        return None
    return Key.of(user, score, instant_of(reached_at))


def adapted(instant: datetime) -> Any:
    """Return an instant as the database takes it."""
    return connections[write_alias()].ops.adapt_datetimefield_value(instant)


def instant_of(value: Any) -> datetime:
    """Return an instant from a database, which may have no type for it."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    zone = instant.tzinfo or connections[write_alias()].timezone
    return cast("datetime", instant.replace(tzinfo=zone))


def kept_keys(board_id: int, user_ids: Iterable[Any]) -> dict[Any, Key]:
    """Return what the board has of those users, up to date or not."""
    alias = write_alias()
    scores = BoardScore.objects.using(alias).filter(board=board_id)
    rows = scores.filter(user__in=user_ids).values_list("debit", "reached", "user_id")
    keys = (Key(debit, reached, prepare_key(pk, alias)) for debit, reached, pk in rows)
    return {key.user: key for key in keys}


def changes(
    kept: Mapping[Any, Key], counted: Mapping[Any, Key]
) -> tuple[list[Key], list[Key]]:
    """Return the keys that a board has and should not have, and those it lacks."""
    gone = [key for user, key in kept.items() if counted.get(user) != key]
    new = [key for user, key in counted.items() if kept.get(user) != key]
    return gone, new
