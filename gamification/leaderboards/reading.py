"""Answers what leaderboards are asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import TextChoices
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.periods import (
    Period,
    Window,
    current_period,
    named_period,
)
from gamification.exceptions import InvalidInstantError, InvalidRequestError
from gamification.leaderboards import kept, ledger
from gamification.leaderboards.scopes import ScopedBoard, users_in
from gamification.leaderboards.upkeep import tend_if_possible
from gamification.leaderboards.values import (
    Answer,
    Key,
    LeaderboardEntry,
    LeaderboardPage,
    PeriodState,
    Place,
    Question,
    Ranking,
)
from gamification.models import Board, UserGamification
from gamification.models.progress import counted_marks

AnyUser: TypeAlias = AbstractBaseUser | AnonymousUser
Choice = TypeVar("Choice", bound=TextChoices)

PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 100
MAX_PAGE: Final = 10_000_000

#: Pending rows from which a reader first tends the boards, and from which the whole
#: ledger is faster than the board.
MOST_PENDING: Final = 50
MANY_PENDING: Final = 2_000

_CURSOR: Final = re.compile(r"([0-9]{1,18})\.(-?[0-9]{1,17})\.(.+)", re.ASCII)

#: The last rank that wins.
WINNING_RANK: Final = 3

#: How often a reader starts again after somebody has changed kept scores meanwhile.
TRIES: Final = 5


def get_leaderboard(
    window: Window | str,
    *,
    period: str | None = None,
    scope: str | None = None,
    ranking: Ranking | str = Ranking.COMPETITION,
    page: int = 1,
    page_size: int = PAGE_SIZE,
    after: str | None = None,
    around: AnyUser | None = None,
    viewer: AnyUser | None = None,
    now: datetime | None = None,
) -> LeaderboardPage:
    """Return a page of the leaderboard of a period.

    The period is the one of this name (``2026-11-23``, ``2026-W48``, ``2026-11``,
    ``all``), or else the one around ``now`` (an aware datetime; None means the
    present), in the zone of ``LEADERBOARD_ZONE``. It ranks public, active users with
    more than 0 XP in the period; if two have equal scores, the one who reached the
    score first comes first.

    ``around`` selects the page with this user in the middle, or nearer to an end of the
    leaderboard, so that the page is full; if the user is not ranked, it is the first
    page. ``after`` is the ``cursor`` of another page, behind which this one begins, so
    that nobody comes twice while scores rise. ``page`` is ignored beside either of
    them. ``me`` is the entry of ``viewer``; None means ``around``.

    ``scope`` ranks the users of this name in ``LEADERBOARD_SCOPES`` among themselves,
    as seen by ``viewer``.

    Raises ``InvalidInstantError``, ``UnknownScopeError``, and ``InvalidRequestError``
    for any other invalid value.
    """
    wanted = _period(_choice(Window, window), period, now)
    ranking = _choice(Ranking, ranking)
    _check_whole("page", page, MAX_PAGE)
    _check_whole("page size", page_size, MAX_PAGE_SIZE)
    focus = None if around is None else around.pk
    own = focus if viewer is None else viewer.pk
    offset = (page - 1) * page_size if around is None else 0
    behind = None if after is None or around else _key(after)
    question = Question(wanted, ranking, offset, page_size, focus, own, behind)
    if scope is None:
        answer, users, is_closed = _answer(question)
    else:
        among = users_in(scope, around if viewer is None else viewer)
        answer, users, is_closed = _scoped_answer(question, among)
    entries = [_entry(each, users) for each in answer.places if each.user_id in users]
    me = answer.own
    return LeaderboardPage(
        wanted,
        _state(wanted, is_closed=is_closed),
        ranking,
        answer.total,
        answer.offset,
        page_size,
        tuple(entries),
        _cursor(answer),
        _entry(me, users) if me and me.user_id in users else None,
    )


aget_leaderboard = sync_to_async(get_leaderboard)


def get_winners(
    window: Window | str, *, period: str | None = None, now: datetime | None = None
) -> tuple[LeaderboardEntry, ...]:
    """Return places 1 to 3 of a past period, with all who share them.

    The period is the one of this name, or else the last one that is over. Raises the
    errors of ``get_leaderboard``.
    """
    if period is None:
        current = _period(_choice(Window, window), None, now)
        if current.starts_at is not None:
            before = current.starts_at - timedelta(microseconds=1)
            period = _period(current.window, None, before).name
    winners, page = list[LeaderboardEntry](), 1
    while True:
        board = get_leaderboard(
            window, period=period, page=page, page_size=MAX_PAGE_SIZE
        )
        found = [entry for entry in board.entries if entry.rank <= WINNING_RANK]
        winners += found
        if len(found) < MAX_PAGE_SIZE:
            return tuple(winners)
        page += 1


def _state(period: Period, *, is_closed: bool) -> PeriodState:
    if period.ends_at is None or timezone.now() < period.ends_at:
        return PeriodState.OPEN
    return PeriodState.FINAL if is_closed else PeriodState.SETTLING


def _answer(question: Question) -> tuple[Answer, Mapping[Any, Any], bool]:
    """Return the answer, its users whom the database still has, and if it is final."""
    alias, hidden = router.db_for_read(Board), set[Any]()
    for _attempt in range(TRIES):
        header = _header(question.period, alias)
        if header is None:
            break
        if header.is_closed:
            return _final_answer(header, question, alias)
        moved = {*header.pending, *hidden}
        board = kept.KeptBoard(header, question.period, alias, moved)
        answer = kept.answer(board, question)
        users = _users(answer)
        # Nothing may have told the board that a user is no longer counted.
        unlisted = {*_uncounted(users)} - moved
        if not unlisted and board.is_unchanged():
            return answer, users, False
        hidden |= unlisted
    answer = ledger.answer(question)
    return answer, _users(answer), False


def _scoped_answer(
    question: Question, among: set[Any]
) -> tuple[Answer, Mapping[Any, Any], bool]:
    """Return the same for these users alone."""
    alias = router.db_for_read(Board)
    header = _header(question.period, alias)
    answer = kept.answer(ScopedBoard(header, question, alias, among), question)
    return answer, _users(answer), header is not None and header.is_closed


def _final_answer(
    header: kept.Header, question: Question, alias: str
) -> tuple[Answer, Mapping[Any, Any], bool]:
    """Return the answer of a closed board, without users who are hidden by now."""
    answer = kept.answer(kept.FinalBoard(header, question.period, alias), question)
    users = _users(answer)
    ranked = UserGamification.objects.using(alias).ranked().filter(user__in=[*users])
    shown = {*ranked.values_list("user_id", flat=True)}
    return answer, {pk: users[pk] for pk in users.keys() & shown}, True


def _header(period: Period, alias: str) -> kept.Header | None:
    """Return the board's header; None if the ledger has to answer."""
    if not conf.KEEP_LEADERBOARDS:
        return None
    header = kept.find_board(period, alias, limit=MOST_PENDING)
    if header is None or not header.is_complete or _is_due(header, period):
        has_tended = tend_if_possible(alias)
        if header is None and not has_tended:
            return None
        header = kept.find_board(period, alias, limit=MANY_PENDING)
    return header if header and header.is_complete else None


def _is_due(header: kept.Header, period: Period) -> bool:
    """Say whether the board waits for somebody to close it."""
    ends_at = period.ends_at
    return (
        not header.is_closed
        and ends_at is not None
        and ends_at + conf.MAX_BACKDATE <= timezone.now()
    )


def _users(answer: Answer) -> Mapping[Any, Any]:
    keys = {each.user_id for each in (*answer.places, answer.own) if each}
    return get_user_model()._base_manager.in_bulk([*keys])


def _uncounted(users: Mapping[Any, Any]) -> Iterator[Any]:
    marks = counted_marks().items()
    for pk, user in users.items():
        if any(getattr(user, name) != mark for name, mark in marks):
            yield pk


def _cursor(answer: Answer) -> str | None:
    """Return the cursor of those who follow; None at the end."""
    if not answer.places or answer.places[-1].position >= answer.total:
        return None
    last = answer.places[-1]
    return Key.of(last.user_id, last.score, last.reached_at).cursor


def _key(cursor: str) -> Key:
    """Return the key that ``cursor`` names, or raise ``InvalidRequestError``."""
    users = get_user_model()._meta.pk
    try:
        matched = _CURSOR.fullmatch(cursor)
        score, reached, name = matched.groups() if matched else ("", "", "")
        user_id = users.to_python(name)
        users.run_validators(user_id)
        key = Key(-int(score), int(reached), user_id)
        _ = key.reached_at
    except (OverflowError, TypeError, ValidationError, ValueError) as error:
        message = "The cursor is not one of a leaderboard."
        raise InvalidRequestError(message, field="after") from error
    return key


def _entry(place: Place, users: Mapping[Any, Any]) -> LeaderboardEntry:
    above = place.above
    return LeaderboardEntry(
        place.rank,
        place.user_id,
        users[place.user_id],
        place.score,
        None if above is None else above - place.score,
        place.reached_at,
    )


def _period(window: Window, name: str | None, now: datetime | None) -> Period:
    calendar = conf.leaderboard_calendar
    if name is not None:
        try:
            return named_period(window, calendar, name)
        except (OverflowError, TypeError, ValueError) as error:
            message = f"The period is not the name of a {window.label}."
            raise InvalidRequestError(message, field="period") from error
    now = timezone.now() if now is None else now
    if not isinstance(now, datetime) or timezone.is_naive(now):
        raise InvalidInstantError
    try:
        return current_period(window, calendar, now)
    except (OverflowError, ValueError) as error:
        # Calendars end with the year 9999.
        raise InvalidInstantError from error


def _choice(choices: type[Choice], value: str) -> Choice:
    try:
        return choices(value)
    except ValueError as error:
        name = choices.__name__.lower()
        message = f"The {name} is not one of {', '.join(choices.values)}."
        raise InvalidRequestError(message, field=name) from error


def _check_whole(name: str, value: int, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        message = f"The {name} is not a whole number from 1 to {most:,}."
        raise InvalidRequestError(message, field=name.replace(" ", "_"))
