"""Finds a kept board, and the users who have moved on it since, in one statement."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.utils import timezone

from gamification.leaderboards import sql
from gamification.leaderboards.counting import (
    adapted,
    changes,
    counted_key,
    counted_scores,
    instant_of,
)
from gamification.leaderboards.groups import audience
from gamification.leaderboards.values import Key, Subject

#: SQL: whether only the ledger knows the score of a user.
_IS_UNKNOWN: Final = "(w.pending > 0 OR s.debit IS NULL)"


class _Row(NamedTuple):
    """A row of the statement: the board, and a user who may have moved on it."""

    id: int
    version: int
    kept: int
    closed_at: Any
    reopened_at: Any
    #: Number of the user's pending rows.
    pending: int
    is_public: bool | None
    debit: int
    reached: int
    user: Any
    is_ranked: bool | None
    #: None if the kept key is right.
    score: int | None
    reached_at: Any

    @property
    def kept_key(self) -> Key:
        return Key(self.debit, self.reached, self.user)

    @property
    def counted_key(self) -> Key | None:
        if self.is_ranked and self.debit and not self.pending:
            return self.kept_key
        return counted_key(self.user, self.is_ranked, self.score, self.reached_at)


class BoardHeader(NamedTuple):
    """A built board as it is stored, and what the ledger says of some users."""

    id: int
    version: int
    #: Number of ranked users, as kept.
    kept: int
    closed_at: datetime | None
    reopened_at: datetime | None
    #: Whether the statement has found all pending users, within its limit.
    is_complete: bool
    #: Users who were counted from the ledger, with their keys; None if not ranked.
    counted: Mapping[Any, Key | None]
    #: The users in ``counted`` who opted out of leaderboards.
    hidden: Collection[Any]
    #: The kept keys that are outdated, in order.
    old: Sequence[Key]
    #: The keys that the board lacks, in order. Nobody moves on a closed board.
    new: Sequence[Key]
    #: The users with a key in ``old`` or ``new``.
    moved: Collection[Any]

    @property
    def is_closed(self) -> bool:
        """Whether later entries change nothing."""
        return self.closed_at is not None

    def moved_before(self, place: tuple[Any, ...]) -> int:
        """Return how many more users are before ``place`` than kept scores say."""
        return bisect_left(self.new, place) - bisect_left(self.old, place)

    @property
    def total(self) -> int:
        """The number of ranked users."""
        return self.kept - len(self.old) + len(self.new)


def find_board(
    subject: Subject, users: Collection[Any], *, limit: int
) -> BoardHeader | None:
    """Return the board, with up to ``limit`` pending users, and with ``users``.

    None means that the board is not built.
    """
    now = timezone.now()
    waiting = sql.pending(adapted(now), limit, [*users])
    is_over = subject.period.ends_at is not None and subject.period.ends_at <= now
    counted = counted_scores(subject, now, ends_early=is_over, when=_IS_UNKNOWN)
    rows = sql.fetch(sql.header(_condition(subject), waiting, counted))
    return _header([_Row(*row) for row in rows], limit) if rows else None


def _condition(subject: Subject) -> sql.Statement:
    period, group = subject
    # After a change of the zone, two periods may begin at the same instant.
    instants = [adapted(at) for at in (period.starts_at, period.ends_at) if at]
    bounds = "starts_at = %s AND ends_at = %s" if instants else "starts_at IS NULL"
    text = f"""(audience = %s OR closed_at IS NOT NULL)
    AND grouping = %s AND "group" = %s AND "window" = %s AND {bounds}"""
    rule = audience(group.grouping)
    return sql.Statement(text, (rule, *group, period.window.value, *instants))


def _header(rows: Sequence[_Row], limit: int) -> BoardHeader:
    first, told = rows[0], [row for row in rows if row.user is not None]
    kept = {row.user: row.kept_key for row in told if row.debit}
    counted = {row.user: row.counted_key for row in told}
    closed_at, reopened_at = (
        None if at is None else instant_of(at)
        for at in (first.closed_at, first.reopened_at)
    )
    ranked = {user: key for user, key in counted.items() if key}
    old, new = ([], []) if closed_at else changes(kept, ranked)
    return BoardHeader(
        first.id,
        first.version,
        first.kept,
        closed_at,
        reopened_at,
        sum(row.pending for row in told) < limit,
        counted,
        {row.user for row in told if row.is_public is not None and not row.is_public},
        sorted(old),
        sorted(new),
        {key.user for key in (*old, *new)},
    )
