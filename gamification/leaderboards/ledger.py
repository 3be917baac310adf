"""Ranks users by the ledger itself: exact for every period, and slow for a long one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.db.models import (
    BooleanField,
    Count,
    F,
    Max,
    Q,
    QuerySet,
    RowRange,
    Sum,
)
from django.db.models import Window as Over
from django.db.models.expressions import RawSQL
from django.db.models.functions import DenseRank, Lag, Rank, RowNumber

from gamification.domain.periods import Period
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking
from gamification.models import LedgerEntry, UserGamification


class _Row(NamedTuple):
    """A row of the query that ranks users."""

    user_id: Any
    position: int
    rank: int
    score: int
    above: int | None
    reached_at: Any
    #: Rows in all.
    total: int

    def place(self) -> Place:
        # Sums are decimals on PostgreSQL.
        score, above = int(self.score), self.above
        above = None if above is None else int(above)
        return Place(
            self.user_id, self.position, self.rank, score, above, self.reached_at
        )


#: The one ordering, from which positions, ranks, gaps and pages follow.
_ORDERING: Final = (F("score").desc(), F("reached_at").asc(), F("user_id").asc())

_RANKS: Final = {
    Ranking.COMPETITION: Over(Rank(), order_by=F("score").desc()),
    Ranking.DENSE: Over(DenseRank(), order_by=F("score").desc()),
    # The whole ordering has no ties.
    Ranking.ORDINAL: Over(Rank(), order_by=_ORDERING),
}

_LEDGER: Final = LedgerEntry._meta.db_table

#: True for entries that added XP and are still worth some. It is SQL, because Django
#: would compile it again for each expression that is based on it.
_LASTING_GAIN: Final = RawSQL(  # noqa: S611 - without parameters
    f"""{_LEDGER}.amount > 0 AND {_LEDGER}.kind <> 'reversal'
    AND coalesce({_LEDGER}.corrects, {_LEDGER}.id) NOT IN (
        SELECT r.reverses FROM {_LEDGER} r WHERE r.reverses IS NOT NULL
        UNION ALL SELECT c.corrects
        FROM {_LEDGER} c JOIN {_LEDGER} e ON e.id = c.corrects
        GROUP BY c.corrects, e.amount HAVING e.amount + sum(c.amount) <= 0)""",
    (),
    output_field=BooleanField(),
)


def answer(question: Question) -> Answer:
    """Return the answer of the ledger."""
    focus, own = question.focus, question.own
    if question.after:
        offset = _scores(question.period).filter(_is_up_to(question.after)).count()
        question = question._replace(offset=offset)
    offset, rows = question.offset, _rows(question)
    total = next(iter(rows.values())).total if rows else 0
    if focus in rows:
        offset = question.offset_around(rows[focus].position, total)
    on_page = range(offset + 1, offset + question.page_size + 1)
    listed = [row.place() for row in rows.values() if row.position in on_page]
    return Answer(total, offset, listed, rows[own].place() if own in rows else None)


def _scores(period: Period) -> QuerySet[LedgerEntry, Any]:
    """Return the ranked users of ``period``, each with score and its time."""
    users = UserGamification.objects.ranked().values("user")
    entries = LedgerEntry.objects.filter(user__in=users)
    if period.starts_at and period.ends_at:
        entries = entries.filter(
            occurred_at__gte=period.starts_at, occurred_at__lt=period.ends_at
        )
    scores = entries.values("user_id").annotate(score=Sum("amount"))
    timed = scores.annotate(reached_at=Max("occurred_at", filter=_LASTING_GAIN))
    return timed.filter(score__gt=0)


def _is_up_to(key: Key) -> Q:
    """Return a filter for the places up to ``key``, and with it."""
    score, reached_at = -key.debit, key.reached_at
    is_before = Q(score__gt=score) | Q(score=score, reached_at__lt=reached_at)
    return is_before | Q(score=score, reached_at=reached_at, user_id__lte=key.user_id)


def _rank(period: Period, ranking: Ranking) -> QuerySet[LedgerEntry, Any]:
    """Return the ranked users of ``period`` as rows of ``_Row``, in order."""
    return (
        _scores(period)
        .annotate(
            position=Over(RowNumber(), order_by=_ORDERING),
            rank=_RANKS[ranking],
            above=Over(Lag("score"), order_by=_ORDERING),
            total=Over(Count("*")),
        )
        .order_by("position")
    )


def _rows(question: Question) -> Mapping[Any, _Row]:
    """Return the rows that the answer may show, by user.

    They are the page after the offset, all that can be on a page with the focus, the
    user's own, and the first, for its total.
    """
    offset, size, focus = question.offset, question.page_size, question.focus
    ranked = _rank(question.period, question.ranking)
    is_shown = Q(position=1) | Q(user=question.own)
    is_shown |= Q(position__range=(offset + 1, offset + size))
    if focus is not None:
        reach = RowRange(1 - size, size - 1)
        is_focus = Count("user", filter=Q(user=focus))
        ranked = ranked.annotate(near=Over(is_focus, order_by=_ORDERING, frame=reach))
        is_shown |= Q(near=1)
    shown = ranked.annotate(is_shown=is_shown).filter(is_shown=True)
    rows = [_Row(*values) for values in shown.values_list(*_Row._fields)]
    return {row.user_id: row for row in rows}
