"""Tends boards: counts pending scores, and opens and closes boards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import Error, connections
from django.db.models import Max, Q
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.periods import Period, Window, current_period
from gamification.leaderboards.groups import by_present_rules, groupings, groups_of
from gamification.leaderboards.upkeep.building import (
    STEP,
    build,
    current_periods,
    open_board,
)
from gamification.leaderboards.upkeep.closing import close, final_at
from gamification.leaderboards.upkeep.rows import count_users, lock_boards, subject_of
from gamification.leaderboards.values import EVERYBODY, Group, Subject
from gamification.models import Board, BoardScore, PendingScore, write_alias
from gamification.services import user_changes
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, user_id_of


class _Pending(NamedTuple):
    """A pending row."""

    id: int
    user_id: Any
    occurred_at: datetime | None


@naming_errors
def tend_boards(*, now: datetime | None = None) -> int:
    """Count all pending scores; return the number of pending rows.

    This builds the boards of the current periods, of periods that were missed since the
    last tick, and of past ones that are not built, unless another process is building
    them. It closes boards whose periods have settled, the oldest first. It waits while
    another process tends the boards. If the site keeps no boards, it only marks those
    of before, to build them again one day. Raises ``StorageError``.
    """
    now, done = now or timezone.now(), 0
    with lock_boards(waits=True):
        _others().update(is_built=False)
        if not conf.KEEP_LEADERBOARDS:
            return done
        large = [each for each in _due(now) if not open_board(each, now)]
    for subject in large:
        with lock_boards(waits=True):
            # Somebody else may have built it, or begun to, since.
            is_left = not open_board(subject, now)
        if is_left:
            build(subject, now)
    while True:
        with lock_boards(waits=True):
            rows = _tend(now)
        done += rows
        if rows < STEP:
            return done


@naming_errors
def count_again(user: UserRef) -> None:
    """Count a user again on all boards, after the site has changed their group or rank.

    The app notices users who are saved, but not other rows, nor ``QuerySet.update()``.
    Raises ``UnknownUserError`` if this cannot be a user, and ``StorageError``.
    """
    user_changes.count_again(user_id_of(user), write_alias())


def tend_if_possible(subject: Subject) -> bool:
    """Count some pending scores, unless another process does so; say whether it did.

    This opens the board of ``subject`` if its period is not over. Inside a transaction
    of the caller, it does nothing, because its locks would last as long as that.
    """
    connection, now = connections[write_alias()], timezone.now()
    if connection.in_atomic_block or _others().exists():
        return False
    try:
        with lock_boards(waits=False) as is_locked:
            if is_locked:
                periods = [*current_periods(now)]
                for period in periods:
                    open_board(Subject(period), now)
                if subject.period in periods:
                    open_board(subject, now)
                _tend(now)
    except Error:
        # The database may be read-only, for example. Then the ledger answers.
        connection.close_if_unusable_or_obsolete()
        return False
    return is_locked


def _boards() -> Any:
    return Board.objects.all()


def _others() -> Any:
    """Return the open boards that were built for another audience."""
    built = _boards().filter(is_built=True, closed_at=None)
    return built.exclude(by_present_rules())


def _due(now: datetime) -> Iterator[Subject]:
    """Yield the boards to build: current ones, and past ones that are not built.

    Such a past board was missed, has to be built again, or was left half-built.
    """
    ended = _boards().filter(ends_at__lte=now, grouping__in=groupings())
    for board in ended.filter(is_built=False).order_by("ends_at", "id"):
        yield subject_of(board)
    known = _boards().filter(window=Window.ALL, grouping__in=groupings())
    groups = {
        EVERYBODY,
        *(Group(*row) for row in known.values_list("grouping", "group")),
    }
    for group in sorted(groups):
        for period in (*_missed_periods(group, now), *current_periods(now)):
            yield Subject(period, group)


def _missed_periods(group: Group, now: datetime) -> Iterator[Period]:
    """Yield the periods between the last board of each window and the current one."""
    calendar = conf.leaderboard_calendar
    boards = _boards().filter(grouping=group.grouping, group=group.key)
    for window in Window:
        ended = boards.filter(window=window, ends_at__lte=now)
        ends = ended.aggregate(last=Max("ends_at"))["last"]
        while ends and not (period := current_period(window, calendar, ends)).has(now):
            yield period
            ends = period.ends_at


def _tend(now: datetime) -> int:
    """Count some pending scores, and close the boards that have settled."""
    due = Q(due_at=None) | Q(due_at__lte=now)
    rows = PendingScore.objects.filter(due).order_by("id")
    pending = [_Pending(*row) for row in rows.values_list(*_Pending._fields)[:STEP]]
    if pending:
        for board in _concerned(pending):
            period = subject_of(board).period
            users = {each.user_id for each in pending if _is_in(each, period)}
            count_users(board, users, now)
        rows.filter(id__in=[each.id for each in pending]).delete()
    if len(pending) < STEP:
        _close_settled(now)
    return len(pending)


def _is_in(pending: _Pending, period: Period) -> bool:
    return pending.occurred_at is None or period.has(pending.occurred_at)


def _concerned(pending: Sequence[_Pending]) -> Iterator[Board]:
    """Yield the boards on which the users are, or to which they may come."""
    opened = _boards().filter(by_present_rules(), closed_at=None)
    yield from opened.filter(grouping="")
    users = {each.user_id for each in pending}
    scores = BoardScore.objects.filter(user__in=users)
    for grouping in conf.LEADERBOARD_GROUPS:
        groups = [group.key for group in groups_of(grouping, users)]
        is_near = Q(group__in=groups) | Q(pk__in=scores.values("board"))
        yield from opened.filter(is_near, grouping=grouping)


def _close_settled(now: datetime) -> None:
    """Close the boards that have settled, the oldest first."""
    ended = _boards().filter(
        ends_at__lte=now - conf.MAX_BACKDATE,
        closed_at=None,
        is_built=True,
        grouping__in=groupings(),
    )
    for board in ended.order_by("ends_at", "id"):
        if until := final_at(board, now):
            close(board, until)
