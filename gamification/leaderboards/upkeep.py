"""Keeps boards: takes pending scores into account, and opens and builds boards.

One process at a time tends the boards; it alone changes kept scores. Writers only add
pending rows, so they never wait for it, nor for each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import Error, connections, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.periods import (
    Period,
    Window,
    current_period,
    named_period,
)
from gamification.leaderboards.closing import close, late_users, settled_at
from gamification.leaderboards.counting import (
    changes,
    counted_keys,
    kept_keys,
)
from gamification.leaderboards.segments import divide, shift_counts
from gamification.models import (
    Board,
    BoardScore,
    LedgerEntry,
    PendingScore,
    UserGamification,
    write_alias,
)

logger = logging.getLogger(__name__)

#: Pending rows that one transaction takes into account.
STEP: Final = 1_000

#: A board is built at once, by whoever tends the boards, if the ledger has at most so
#: many entries since its period began. ``rebuild_boards`` builds a larger one.
FEW_ENTRIES: Final = 5_000

#: How much earlier than it occurred an entry can have been recorded, at the most,
#: besides ``MAX_CLOCK_SKEW``: clocks are set back.
_MARGIN: Final = timedelta(days=1)


def tend_boards(*, now: datetime | None = None) -> int:
    """Take all pending scores into account; return the number of rows.

    It builds the boards of the current periods, and of those that were missed since
    the last one; it closes boards whose periods are settled, the oldest first. It
    waits while somebody else tends the boards.
    """
    alias, now, done = write_alias(), now or timezone.now(), 0
    with _lock(alias, waits=True):
        periods = [*_missed_periods(alias, now), *_current_periods(now)]
        large = [period for period in periods if not _open(period, alias)]
    for period in large:
        _rebuild(period, alias, STEP, None)
    while True:
        with _lock(alias, waits=True):
            rows = _tend(alias, now)
        done += rows
        if rows < STEP:
            return done


def tend_if_possible(alias: str) -> bool:
    """Take a step of pending scores into account, unless somebody else does it now.

    It says whether it could. It does nothing inside a transaction of the caller, whose
    locks would last.
    """
    connection = connections[alias]
    if alias != write_alias() or connection.in_atomic_block:
        return False
    try:
        with _lock(alias, waits=False) as is_locked:
            if is_locked:
                _tend(alias, timezone.now())
    except Error:
        # A read-only database, for example. The ledger answers then.
        connection.close_if_unusable_or_obsolete()
        return False
    return is_locked


@contextmanager
def _lock(alias: str, *, waits: bool) -> Iterator[bool]:
    """Begin a transaction that alone tends boards; yield whether it could."""
    boards = Board.objects.using(alias)
    with transaction.atomic(using=alias):
        if connections[alias].features.has_select_for_update:
            _make(boards, Period(Window.ALL, None, None, ""))
            first = boards.filter(window=Window.ALL)
            yield bool(first.select_for_update(skip_locked=not waits).order_by())
        else:
            # The first statement is a write, so that it locks the whole database.
            boards.filter(window=Window.ALL).update(version=F("version"))
            _make(boards, Period(Window.ALL, None, None, ""))
            yield True


def _make(boards: QuerySet[Board], period: Period) -> Board:
    board, _ = boards.get_or_create(
        window=period.window, starts_at=period.starts_at, ends_at=period.ends_at
    )
    return board


def period_of(board: Board) -> Period:
    """Return the period of a stored board."""
    return Period(Window(board.window), board.starts_at, board.ends_at, "")


def _tend(alias: str, now: datetime) -> int:
    """Open boards, and take a step of pending scores into account."""
    for period in _current_periods(now):
        _open(period, alias)
    rows = PendingScore.objects.using(alias).order_by("id")
    pending = [*rows.values_list("id", "user_id", "occurred_at")[:STEP]]
    if pending:
        for board in Board.objects.using(alias).filter(closed_at=None):
            period = period_of(board)
            users = {
                user_id
                for _, user_id, occurred_at in pending
                if occurred_at is None or period.has(occurred_at)
            }
            count_users(board, [*users])
        rows.filter(id__in=[pk for pk, *_ in pending]).delete()
    if len(pending) < STEP:
        _close_settled(alias, now)
    return len(pending)


def _close_settled(alias: str, now: datetime) -> None:
    """Close the boards that have settled, the oldest first."""
    ended = Board.objects.using(alias).filter(
        ends_at__lte=now - conf.MAX_BACKDATE, closed_at=None, is_built=True
    )
    for board in ended.order_by("ends_at", "id"):
        until = settled_at(board)
        if until <= now:
            count_users(board, late_users(board, until), until=until)
            board.refresh_from_db()
            close(board, until)


def _current_periods(now: datetime) -> Iterator[Period]:
    for window in Window:
        yield current_period(window, conf.leaderboard_calendar, now)


def _missed_periods(alias: str, now: datetime) -> Iterator[Period]:
    """Yield the periods between the last board of each window and the current one."""
    calendar = conf.leaderboard_calendar
    for window in Window:
        boards = Board.objects.using(alias).filter(window=window, ends_at__lte=now)
        ends = boards.aggregate(last=Max("ends_at"))["last"]
        while ends and not (period := current_period(window, calendar, ends)).has(now):
            yield period
            ends = period.ends_at


def _open(period: Period, alias: str) -> bool:
    """Make the board of ``period``; build it if the ledger has little for it.

    It says whether the board is built.
    """
    boards = Board.objects.using(alias)
    board = _make(boards, period)
    if board.is_built and board.ranks_staff == conf.RANKS_STAFF:
        return True
    entries = LedgerEntry.objects.using(alias).order_by()
    if period.starts_at:
        earliest = period.starts_at - conf.MAX_CLOCK_SKEW - _MARGIN
        entries = entries.filter(recorded_at__gte=earliest)
    users = entries.values_list("user_id", flat=True)[: FEW_ENTRIES + 1]
    user_ids = [*users]
    if len(user_ids) <= FEW_ENTRIES:
        _clear(board)
        count_users(board, [*{*user_ids}])
        finish(board)
    return len(user_ids) <= FEW_ENTRIES


def _clear(board: Board) -> None:
    """Empty a board that is to be built."""
    BoardScore.objects.using(write_alias()).filter(board=board).delete()
    board.is_built, board.ranks_staff, board.closed_at = False, conf.RANKS_STAFF, None
    board.version += 1
    board.save(update_fields=["is_built", "ranks_staff", "closed_at", "version"])


def finish(board: Board) -> None:
    """Divide a board that has all its scores, and let readers read it."""
    divide(board)
    scores = BoardScore.objects.using(write_alias()).filter(board=board)
    board.is_built, board.count = True, scores.count()
    board.version += 1
    board.save(update_fields=["is_built", "count", "version"])


def count_users(
    board: Board, user_ids: Sequence[Any], *, until: datetime | None = None
) -> None:
    """Bring the scores of these users up to date with the ledger.

    ``until`` leaves out what was recorded later.
    """
    if not user_ids:
        return
    alias = write_alias()
    kept = kept_keys(board.pk, user_ids, alias)
    counted = counted_keys(period_of(board), user_ids, alias, until=until)
    gone, new = changes(kept, counted)
    if not gone and not new:
        return
    scores = BoardScore.objects.using(alias)
    scores.filter(board=board, user__in=[key.user_id for key in gone]).delete()
    scores.bulk_create(
        [BoardScore(board=board, **key._asdict()) for key in new], batch_size=2_000
    )
    if board.is_built:
        shift_counts(board, gone, new)
        Board.objects.using(alias).filter(pk=board.pk).update(
            count=F("count") + len(new) - len(gone), version=F("version") + 1
        )


def rebuild_boards(
    *,
    window: Window | None = None,
    batch_size: int = STEP,
    now: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Build the boards of the current periods from the ledger; return their number.

    Readers ask the ledger until a board is built. Each batch of users is a transaction
    of its own, beside which records go on. It calls ``progress`` with the number of
    users after each batch.
    """
    alias, now = write_alias(), now or timezone.now()
    calendar = conf.leaderboard_calendar
    windows = [*Window] if window is None else [window]
    for each in windows:
        _rebuild(current_period(each, calendar, now), alias, batch_size, progress)
    return len(windows)


def reopen_board(window: Window, period: str, *, now: datetime | None = None) -> None:
    """Open the board of a past period again, with all that was recorded since.

    It settles anew, and is closed ``MAX_BACKDATE`` after ``now``. Raises ``ValueError``
    for a name that is not that of a period.
    """
    alias = write_alias()
    named = named_period(window, conf.leaderboard_calendar, period)
    with _lock(alias, waits=True):
        board = _make(Board.objects.using(alias), named)
        board.reopened_at = now or timezone.now()
        board.save(update_fields=["reopened_at"])
    _rebuild(named, alias, STEP, None)
    logger.info("The leaderboard %s %s was opened again.", window, period)


def _rebuild(
    period: Period,
    alias: str,
    batch_size: int,
    progress: Callable[[int], None] | None,
) -> None:
    with _lock(alias, waits=True):
        board = _make(Board.objects.using(alias), period)
        _clear(board)
    # The version tells whether somebody else has begun to build the board meanwhile.
    own = Board.objects.using(alias).filter(pk=board.pk, version=board.version)
    for user_ids in _pages(period, alias, batch_size):
        with _lock(alias, waits=True):
            if not own.exists():
                return
            count_users(board, user_ids)
        if progress:
            progress(len(user_ids))
    with _lock(alias, waits=True):
        if own.exists():
            finish(board)


def _pages(period: Period, alias: str, size: int) -> Iterator[list[Any]]:
    """Yield the keys of users who may have a score, ``size`` at a time."""
    users = UserGamification.objects.using(alias).order_by("user_id")
    if period.starts_at:
        users = users.filter(last_occurred_at__gte=period.starts_at)
    page = [*users.values_list("user_id", flat=True)[:size]]
    while page:
        yield page
        rest = users.filter(user_id__gt=page[-1])
        page = [*rest.values_list("user_id", flat=True)[:size]]
