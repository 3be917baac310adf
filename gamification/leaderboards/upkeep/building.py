"""Builds boards from the ledger, and opens those of past periods again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.periods import Period, Window, current_period
from gamification.exceptions import InvalidPeriodError, InvalidRequestError
from gamification.leaderboards.groups import (
    audience,
    is_kept,
    kept_groups,
    ranked_in,
)
from gamification.leaderboards.requests import period_of
from gamification.leaderboards.upkeep.rows import (
    clear,
    count_users,
    finish,
    lock_boards,
    make_board,
)
from gamification.leaderboards.values import EVERYBODY, Group, Subject
from gamification.models import Board, LedgerEntry
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, user_id_of
from gamification.suggestions import shown

logger = logging.getLogger(__name__)

#: Users whom one transaction counts.
STEP: Final = 1_000

#: The process that tends the boards builds a board at once if the ledger has at most
#: this many entries since the period began. ``rebuild_boards`` builds larger ones.
FEW_ENTRIES: Final = 5_000

#: How long others wait for the next users of a board that somebody is building.
LEASE: Final = timedelta(minutes=1)

#: How far a user's date can lag behind that of UTC, with a late start of the day.
_MARGIN: Final = timedelta(days=2)


def current_periods(now: datetime) -> Iterator[Period]:
    """Yield the periods around ``now``."""
    for window in Window:
        yield current_period(window, conf.leaderboard_calendar, now)


def open_board(subject: Subject, now: datetime) -> bool:
    """Make a board, and build it if its ledger is short.

    This says whether the board is built, or another process is building it.
    """
    board = make_board(subject)
    is_under_way = board.is_built or _is_being_built(board)
    if is_under_way and board.audience == audience(board.grouping):
        return True
    users = [*_users_since(subject.period)[: FEW_ENTRIES + 1]]
    if len(users) <= FEW_ENTRIES:
        clear(board)
        count_users(board, {*users}, now)
        finish(board)
    return len(users) <= FEW_ENTRIES


def _is_being_built(board: Board) -> bool:
    until = board.building_until
    return until is not None and until > timezone.now()


def _users_since(period: Period) -> Any:
    """Return the user of each entry that may be of the period, or of a later one."""
    entries = LedgerEntry.objects.order_by()
    if period.starts_at:
        earliest = (period.starts_at - _MARGIN).date()
        entries = entries.filter(local_date__gte=earliest)
    return entries.values_list("user_id", flat=True)


@naming_errors
def rebuild_boards(
    *,
    window: Window | None = None,
    period: str | None = None,
    grouping: str | None = None,
    batch_size: int = STEP,
    now: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Build boards from the ledger; return their number.

    These are the boards of the current periods, or of the period of this name, for all
    users, or for each group of ``grouping``. Until a board is built, readers ask the
    ledger. Recording goes on meanwhile, because each batch of users has a transaction
    of its own. ``progress`` is called with the number of users after each batch.
    Without a ``period``, ``tend_boards`` builds past boards again that are not final
    yet. Raises ``InvalidPeriodError``, ``StorageError``.
    """
    now = now or timezone.now()
    windows = [*Window] if window is None else [window]
    groups = [EVERYBODY] if grouping is None else kept_groups(grouping)
    if period is None:
        past = Board.objects.filter(ends_at__lte=now, closed_at=None)
        with lock_boards(waits=True):
            past.filter(grouping=grouping or "", window__in=windows).update(
                is_built=False
            )
    for each in windows:
        wanted = period_of(each, period, now)
        for group in groups:
            build(Subject(wanted, group), now, batch_size, progress)
    return len(windows) * len(groups)


@naming_errors
def reopen_board(
    window: Window,
    period: str,
    *,
    group: Group = EVERYBODY,
    actor: UserRef | None,
    now: datetime | None = None,
) -> None:
    """Open the board of a past period again, with all that was recorded since.

    It settles again, and is closed ``MAX_BACKDATE`` after ``now``. Raises
    ``InvalidPeriodError`` for a name that is not that of a past period,
    ``InvalidRequestError`` for a group whose boards are not kept,
    ``UnknownUserError``, ``StorageError``.
    """
    now = now or timezone.now()
    actor_id = None if actor is None else user_id_of(actor)
    subject = Subject(period_of(window, period, now), group)
    _check_final(subject, now)
    with lock_boards(waits=True):
        board = make_board(subject)
        board.reopened_at = now
        board.save(update_fields=["reopened_at"])
    build(subject, now)
    logger.info("Leaderboard %s %s: opened again by user %s.", window, period, actor_id)


def _check_final(subject: Subject, now: datetime) -> None:
    """Raise ``InvalidRequestError`` unless the board of ``subject`` may be final."""
    period, group = subject
    if period.ends_at is None or period.ends_at > now:
        message = f"The period {period.name} is not over: its board is open."
        raise InvalidPeriodError(message, field="period")
    if not is_kept(group):
        message = f"No board is kept for the group {shown(group.key)}: it is too long."
        raise InvalidRequestError(message, field="group")


def build(
    subject: Subject,
    now: datetime,
    batch_size: int = STEP,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Build a board anew, some users at a time."""
    with lock_boards(waits=True):
        board = make_board(subject)
        clear(board)
        # The version tells whether somebody else has begun to build the board since.
        own = Board.objects.filter(pk=board.pk, version=board.version)
        _go_on(own)
    for users in _pages(subject, batch_size):
        with lock_boards(waits=True):
            if not _go_on(own):
                return
            count_users(board, users, now)
        if progress:
            progress(len(users))
    with lock_boards(waits=True):
        if own.exists():
            finish(board)


def _go_on(own: QuerySet[Board]) -> bool:
    """Keep a tick from building the board, too; say whether it is still our own."""
    return bool(own.update(building_until=timezone.now() + LEASE))


def _pages(subject: Subject, size: int) -> Iterator[list[Any]]:
    """Yield the keys of users who may have a score, ``size`` at a time."""
    users = ranked_in(subject.group).order_by("user_id")
    if subject.period.starts_at:
        users = users.filter(last_occurred_at__gte=subject.period.starts_at)
    page = [*users.values_list("user_id", flat=True)[:size]]
    while page:
        yield page
        rest = users.filter(user_id__gt=page[-1])
        page = [*rest.values_list("user_id", flat=True)[:size]]
