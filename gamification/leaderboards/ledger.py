"""Ranks users by the ledger itself, exactly, but slowly where a period is long."""

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
from django.db.models.expressions import OrderBy, RawSQL
from django.db.models.functions import DenseRank, Lag, Rank, RowNumber

from gamification.leaderboards.groups import ranked_in
from gamification.leaderboards.values import (
    Answer,
    Key,
    Place,
    Question,
    Ranking,
    Subject,
)
from gamification.models import LedgerEntry, write_alias
from gamification.models.users import convert_key, ordered_key, prepare_key


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
        user = prepare_key(self.user_id, write_alias())
        return Place(user, self.position, self.rank, score, above, self.reached_at)


_LEDGER: Final = LedgerEntry._meta.db_table

#: True for entries that added XP and are still worth some. It is written in SQL,
#: because Django would compile it again for each expression that uses it.
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
    if question.after:
        scores = _scores(question.subject).alias(in_order=ordered_key("user_id"))
        before = scores.filter(_is_up_to(question.after)).count()
        question = question._replace(offset=before)
    offset, rows = question.offset, _rows(question)
    total = next(iter(rows.values())).total if rows else 0
    focus, own = rows.get(question.focus), rows.get(question.own)
    if focus:
        offset = question.offset_around(focus.position, total)
    on_page = range(offset + 1, offset + question.page_size + 1)
    listed = [row.place() for row in rows.values() if row.position in on_page]
    return Answer(total, offset, listed, own.place() if own else None)


def _scores(subject: Subject) -> QuerySet[LedgerEntry, Any]:
    """Return the ranked users, each with the score and the time when it was reached."""
    period, users = subject.period, ranked_in(subject.group).values("user")
    entries = LedgerEntry.objects.filter(user__in=users)
    if period.starts_at and period.ends_at:
        entries = entries.filter(
            occurred_at__gte=period.starts_at, occurred_at__lt=period.ends_at
        )
    scores = entries.values("user_id").annotate(score=Sum("amount"))
    timed = scores.annotate(reached_at=Max("occurred_at", filter=_LASTING_GAIN))
    return timed.filter(score__gt=0)


def _ordering() -> tuple[OrderBy, ...]:
    """Return the ordering from which all positions, ranks, gaps and pages follow."""
    user = ordered_key("user_id")
    return F("score").desc(), F("reached_at").asc(), user.asc()


def _rank_by(ranking: Ranking) -> Over:
    if ranking is Ranking.ORDINAL:
        # The whole ordering has no ties.
        return Over(Rank(), order_by=_ordering())
    rank = DenseRank() if ranking is Ranking.DENSE else Rank()
    return Over(rank, order_by=F("score").desc())


def _is_up_to(key: Key) -> Q:
    """Return a filter for the places up to and including that of ``key``.

    The rows need the keys of users in the column ``in_order``.
    """
    score, reached_at = -key.debit, key.reached_at
    user_id = convert_key(key.user, write_alias())
    is_before = Q(score__gt=score) | Q(score=score, reached_at__lt=reached_at)
    return is_before | Q(score=score, reached_at=reached_at, in_order__lte=user_id)


def _rank(subject: Subject, ranking: Ranking) -> QuerySet[LedgerEntry, Any]:
    """Return the ranked users as rows of ``_Row``, in order."""
    return (
        _scores(subject)
        .annotate(
            position=Over(RowNumber(), order_by=_ordering()),
            rank=_rank_by(ranking),
            above=Over(Lag("score"), order_by=_ordering()),
            total=Over(Count("*")),
        )
        .order_by("position")
    )


def _rows(question: Question) -> Mapping[Any, _Row]:
    """Return the rows that the answer may need, by stored user.

    They are the page after the offset, everybody who can be on a page around the focus,
    the user's own row, and the first row, which has the total.
    """
    offset, size, alias = question.offset, question.page_size, write_alias()
    ranked = _rank(question.subject, question.ranking)
    is_shown = Q(position=1) | Q(position__range=(offset + 1, offset + size))
    if question.own is not None:
        is_shown |= Q(user=convert_key(question.own, alias))
    if question.focus is not None:
        reach = RowRange(1 - size, size - 1)
        is_focus = Count("user", filter=Q(user=convert_key(question.focus, alias)))
        ranked = ranked.annotate(near=Over(is_focus, order_by=_ordering(), frame=reach))
        is_shown |= Q(near=1)
    shown = ranked.annotate(is_shown=is_shown).filter(is_shown=True)
    rows = [_Row(*values) for values in shown.values_list(*_Row._fields)]
    return {prepare_key(row.user_id, alias): row for row in rows}
