"""Counts the scores of some users from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from gamification.leaderboards.values import Key
from gamification.models import BoardScore, LedgerEntry, UserGamification


def counted_keys(
    period: Period,
    user_ids: Iterable[Any],
    alias: str,
    *,
    until: datetime | None = None,
) -> dict[Any, Key]:
    """Return what the ledger says of those users who are ranked in ``period``.

    ``until`` leaves out what was recorded later.
    """
    profiles = UserGamification.objects.using(alias).ranked()
    ledger = LedgerEntry.objects.using(alias).filter(user=OuterRef("user")).order_by()
    if until is not None:
        ledger = ledger.filter(recorded_at__lte=until)
    entries = _entries(period, ledger)
    rows = profiles.filter(user__in=[*user_ids]).annotate(
        score=_score(period, entries), reached_at=_reached_at(entries, ledger)
    )
    return {
        user_id: Key.of(user_id, score, reached_at)
        for user_id, score, reached_at in rows.order_by().values_list(
            "user_id", "score", "reached_at"
        )
        if reached_at and score > 0
    }


def kept_keys(board_id: int, user_ids: Sequence[Any], alias: str) -> dict[Any, Key]:
    """Return what the board has of those users, up to date or not."""
    scores = BoardScore.objects.using(alias).filter(board=board_id)
    rows = scores.filter(user__in=user_ids).values_list("debit", "reached", "user_id")
    return {key.user_id: key for key in (Key(*row) for row in rows)}


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
