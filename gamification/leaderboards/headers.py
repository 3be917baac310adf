"""Finds a kept board, and the users who are elsewhere on it by now: one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connections
from django.db.models.expressions import RawSQL
from django.utils import timezone

from gamification.domain.periods import Period
from gamification.leaderboards import sql
from gamification.leaderboards.counting import scores_of
from gamification.leaderboards.groups import audience
from gamification.leaderboards.values import Key, Subject
from gamification.models import write_alias


class _Row(NamedTuple):
    """A row of the statement: the board, and a user who may be elsewhere on it."""

    id: int
    version: int
    kept: int
    closed_at: Any
    user: Any
    #: Number of the user's rows among the pending ones.
    pending: int
    debit: int
    reached: int
    score: int
    reached_at: Any


class Header(NamedTuple):
    """A built board as it is stored, and what the ledger says of some users."""

    id: int
    version: int
    #: Number of ranked users, as kept.
    kept: int
    closed_at: datetime | None
    #: Whether no more users are pending than the statement has asked for.
    is_complete: bool
    #: Users whose scores the ledger has said, with those who are ranked.
    counted: Mapping[Any, Key | None]
    #: Their kept keys, which may be outdated, in order.
    old: Sequence[Key]
    #: Their true keys, in order. A closed board has none: nobody moves on it.
    new: Sequence[Key]

    @property
    def is_closed(self) -> bool:
        """Whether later entries change nothing."""
        return self.closed_at is not None

    @property
    def moved(self) -> Collection[Any]:
        """The users whose kept keys are not to be used."""
        return () if self.is_closed else self.counted.keys()

    @property
    def total(self) -> int:
        """The number of ranked users."""
        return self.kept - len(self.old) + len(self.new)


def find_board(
    subject: Subject, users: Collection[Any], *, limit: int
) -> Header | None:
    """Return the board, with pending users as far as the limit, and with ``users``.

    None means that the board is not built.
    """
    now = _adapted(timezone.now())
    waiting = sql.pending(now, limit, [*users])
    rows = sql.fetch(sql.header(_condition(subject), waiting, _counted(subject)))
    return _header([_Row(*row) for row in rows], limit) if rows else None


def _condition(subject: Subject) -> sql.Statement:
    period, group = subject
    begins = "IS NULL" if period.starts_at is None else "= %s"
    text = f"""(audience = %s OR closed_at IS NOT NULL)
    AND grouping = %s AND "group" = %s AND "window" = %s AND starts_at {begins}"""
    instants = () if period.starts_at is None else (_adapted(period.starts_at),)
    return sql.Statement(text, (audience(), *group, period.window.value, *instants))


def _counted(subject: Subject) -> sql.Statement:
    """Return the statement for what the ledger says of the users who wait."""
    until = None
    if _is_over(subject.period):
        last = _adapted(datetime.max.replace(tzinfo=UTC))
        until = RawSQL("coalesce((SELECT closed_at FROM b), %s)", (last,))
    users = RawSQL("SELECT user_id FROM w", ())
    query = scores_of(subject, users, until=until).query
    text, params = query.get_compiler(write_alias()).as_sql()
    return sql.Statement(text, tuple(params))


def _is_over(period: Period) -> bool:
    return period.ends_at is not None and period.ends_at <= timezone.now()


def _header(rows: Sequence[_Row], limit: int) -> Header:
    first, told = rows[0], [row for row in rows if row.user is not None]
    counted = {row.user: _key(row) for row in told}
    old = [Key(row.debit, row.reached, row.user) for row in told if row.debit]
    new = [key for key in counted.values() if key]
    closed_at = None if first.closed_at is None else _instant(first.closed_at)
    return Header(
        first.id,
        first.version,
        first.kept,
        closed_at,
        sum(row.pending for row in told) < limit,
        counted,
        [] if closed_at else sorted(old),
        [] if closed_at else sorted(new),
    )


def _key(row: _Row) -> Key | None:
    if row.reached_at is None or row.score <= 0:
        return None
    return Key.of(row.user, row.score, _instant(row.reached_at))


def _adapted(instant: datetime) -> Any:
    """Return an instant as the database takes it."""
    return connections[write_alias()].ops.adapt_datetimefield_value(instant)


def _instant(value: Any) -> datetime:
    """Return an instant from a database, which may have no type for it."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if timezone.is_naive(value):
        value = value.replace(tzinfo=connections[write_alias()].timezone)
    return value
