"""Counts the scores of some users from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import (
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce

from gamification.domain.outcomes import EntryKind
from gamification.domain.periods import Period
from gamification.leaderboards.groups import ranked_in
from gamification.leaderboards.values import Key, Subject
from gamification.models import BoardScore, LedgerEntry, UserGamification, write_alias
from gamification.models.users import prepare_key


def scores_of(
    subject: Subject, user_ids: Any, *, until: Any = None
) -> QuerySet[UserGamification, tuple[Any, int, datetime | None]]:
    """Return what the ledger says of those users who are ranked.

    ``until`` leaves out what was recorded later.
    """
    alias = write_alias()
    ledger = LedgerEntry.objects.using(alias).filter(user=OuterRef("user")).order_by()
    if until is not None:
        ledger = ledger.filter(recorded_at__lte=until)
    entries = _entries(subject.period, ledger)
    users = ranked_in(subject.group).filter(user__in=user_ids)
    return users.annotate(
        score=_score(subject.period, entries), reached_at=_reached_at(entries, ledger)
    ).values_list("user_id", "score", "reached_at")


def counted_keys(
    subject: Subject, user_ids: Iterable[Any], *, until: datetime | None = None
) -> dict[Any, Key]:
    """Return the keys that those users should have on a board, by stored user."""
    alias = write_alias()
    return {
        user: Key.of(user, score, reached_at)
        for user, score, reached_at in (
            (prepare_key(user_id, alias), score, reached_at)
            for user_id, score, reached_at in scores_of(
                subject, [*user_ids], until=until
            )
        )
        if reached_at and score > 0
    }


def kept_keys(board_id: int, user_ids: Iterable[Any]) -> dict[Any, Key]:
    """Return what the board has of those users, up to date or not."""
    alias = write_alias()
    scores = BoardScore.objects.using(alias).filter(board=board_id)
    rows = scores.filter(user__in=user_ids).values_list("debit", "reached", "user_id")
    keys = (Key(*key, prepare_key(user_id, alias)) for *key, user_id in rows)
    return {key.user: key for key in keys}


def changes(
    kept: Mapping[Any, Key], counted: Mapping[Any, Key]
) -> tuple[list[Key], list[Key]]:
    """Return the keys that a board has and should not have, and those it lacks."""
    gone = [key for user, key in kept.items() if counted.get(user) != key]
    new = [key for user, key in counted.items() if kept.get(user) != key]
    return gone, new


def _entries(period: Period, ledger: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    if period.starts_at and period.ends_at:
        return ledger.filter(
            occurred_at__gte=period.starts_at, occurred_at__lt=period.ends_at
        )
    return ledger


def _score(period: Period, entries: QuerySet[LedgerEntry]) -> Any:
    if period.starts_at is None:
        # The total is the sum of the ledger.
        return F("total_xp")
    return Subquery(entries.values("user").annotate(n=Sum("amount")).values("n"))


def _reached_at(
    entries: QuerySet[LedgerEntry], ledger: QuerySet[LedgerEntry]
) -> Subquery:
    """Return the time of the last gain that was not reversed and is worth something."""
    gained = Coalesce(OuterRef("corrects"), OuterRef("pk"))
    reversals = ledger.filter(reverses=gained)
    parts = ledger.filter(Q(pk=gained) | Q(corrects=gained)).values("user")
    worth = Subquery(
        parts.annotate(n=Sum("amount")).values("n"), output_field=IntegerField()
    )
    gains = entries.filter(~Exists(reversals), amount__gt=0).exclude(
        kind=EntryKind.REVERSAL
    )
    lasting = gains.annotate(worth=worth).filter(worth__gt=0).order_by("-occurred_at")
    return Subquery(lasting.values("occurred_at")[:1])
