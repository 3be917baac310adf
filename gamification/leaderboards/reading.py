"""Answers questions about leaderboards."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.periods import Period, Window
from gamification.exceptions import UnknownScopeError
from gamification.leaderboards import ledger, scopes
from gamification.leaderboards.groups import group_of
from gamification.leaderboards.kept import current, final
from gamification.leaderboards.kept.headers import BoardHeader, find_board
from gamification.leaderboards.people import make_users
from gamification.leaderboards.requests import (
    cursor_of,
    key_of_cursor,
    last_period,
    period_of,
    stored_key_of,
)
from gamification.leaderboards.upkeep.closing import settles_at
from gamification.leaderboards.upkeep.tending import tend_if_possible
from gamification.leaderboards.values import (
    Answer,
    Key,
    LeaderboardEntry,
    LeaderboardPage,
    PeriodState,
    Place,
    Question,
    Ranking,
    Subject,
    Winners,
)
from gamification.models import UserGamification, write_alias
from gamification.models.progress import counted_marks
from gamification.models.users import (
    convert_key,
    prepare_key,
    users_by_key,
    visible_users,
)
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import (
    UserRef,
    check_choice,
    check_whole,
    user_id_of,
)

PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 100
#: Places that pages reach by number; a cursor reaches the others.
MAX_DEPTH: Final = 100_000

#: With more pending rows than the first number, a reader tends the boards first. With
#: more than the second, it asks the whole ledger, which is then faster than the board.
MOST_PENDING: Final = 50
MANY_PENDING: Final = 2_000

#: The last rank that wins.
WINNING_RANK: Final = 3

#: How often a reader tries, if somebody changes kept scores between its statements.
TRIES: Final = 5


@naming_errors
def get_leaderboard(
    window: Window | str,
    *,
    period: str | None = None,
    scope: str | None = None,
    ranking: Ranking | str = Ranking.COMPETITION,
    page: int = 1,
    page_size: int = PAGE_SIZE,
    after: str | None = None,
    around: UserRef | None = None,
    viewer: UserRef | None = None,
    now: datetime | None = None,
) -> LeaderboardPage:
    """Return a page of the leaderboard of a period, usually by two statements.

    The period is the one of this name (``2026-11-23``, ``2026-W48``, ``2026-11``,
    ``all``), or else the one around ``now`` (an aware datetime; None means the
    present), in the zone of ``LEADERBOARD_ZONE``. It ranks public, active users with
    more than 0 XP in the period; if two have equal scores, the one who reached the
    score first comes first.

    ``around`` selects the page with this user in the middle, or nearer to an end of the
    leaderboard, so that the page is full; if the user is not ranked, it is the first
    page. ``after`` is the ``cursor`` of another page, behind which this one begins, so
    that nobody appears twice while scores rise. ``page`` is ignored with either of
    them; it reaches the first 100,000 places. ``me`` is the entry of ``viewer``; None
    means ``around``.

    ``scope`` ranks only the users whom the viewer compares with: it is a name in
    ``LEADERBOARD_SCOPES`` or ``LEADERBOARD_GROUPS``.

    Raises ``InvalidInstantError``, ``InvalidPeriodError``, ``InvalidCursorError``,
    ``UnknownScopeError``, ``UnknownUserError``, ``StorageError``, and
    ``InvalidRequestError`` for any other invalid value.
    """
    check_choice("window", window, Window.values)
    check_choice("ranking", ranking, Ranking.values)
    check_whole("page_size", page_size, least=1, most=MAX_PAGE_SIZE)
    is_numbered = not (around or after)
    if is_numbered:
        check_whole("page", page, least=1, most=MAX_DEPTH // page_size)
    focus = stored_key_of(around)
    question = Question(
        Subject(period_of(Window(window), period, now)),
        Ranking(ranking),
        (page - 1) * page_size if is_numbered else 0,
        page_size,
        focus,
        focus if viewer is None else stored_key_of(viewer),
        None if after is None or around else key_of_cursor(after),
    )
    if scope is None:
        return _page(question)
    return _scoped_page(question, scope, around if viewer is None else viewer)


aget_leaderboard = sync_to_async(get_leaderboard)


def get_winners(
    window: Window | str,
    *,
    period: str | None = None,
    scope: str | None = None,
    viewer: UserRef | None = None,
    now: datetime | None = None,
) -> Winners:
    """Return places 1 to 3 of a past period, with all who share them.

    The period is the one of this name, or else the last one that is over. Raises the
    errors of ``get_leaderboard``.
    """
    check_choice("window", window, Window.values)
    name = last_period(Window(window), now).name if period is None else period
    winners, page = list[LeaderboardEntry](), 1
    while True:
        board = get_leaderboard(
            window,
            period=name,
            scope=scope,
            viewer=viewer,
            page=page,
            page_size=MAX_PAGE_SIZE,
        )
        winners += [entry for entry in board.entries if entry.rank <= WINNING_RANK]
        is_last = board.offset + MAX_PAGE_SIZE >= board.listed
        if is_last or any(entry.rank > WINNING_RANK for entry in board.entries):
            return Winners(board.period, board.state, tuple(winners))
        page += 1


aget_winners = sync_to_async(get_winners)


def _page(question: Question) -> LeaderboardPage:
    hidden = set[Any]()
    for _attempt in range(TRIES):
        header = _header(question, hidden)
        if header is None:
            break
        answer = (final if header.is_closed else current).answer(header, question)
        if answer is None:
            continue
        users = _users(answer)
        # A user may have lost their place without any notice to the board.
        unlisted = {each.user for each in answer.places if each.user not in users}
        if header.is_closed or not unlisted:
            is_hidden = question.own in header.hidden
            return _result(question, answer, users, header, is_hidden=is_hidden)
        hidden |= unlisted
    answer = ledger.answer(question)
    is_hidden = answer.own is None and _is_hidden(question.own)
    return _result(question, answer, _users(answer), header, is_hidden=is_hidden)


def _scoped_page(
    question: Question, scope: str, viewer: UserRef | None
) -> LeaderboardPage:
    user = _instance(viewer)
    if user and scope in conf.LEADERBOARD_GROUPS and (group := group_of(scope, user)):
        period = question.subject.period
        return _page(question._replace(subject=Subject(period, group)))
    if user is None and viewer is None:
        message = f"The scope {scope!r} depends on who looks: pass a viewer."
        raise UnknownScopeError(message)
    users = scopes.users_in(scope, user) if user else None
    if users is None:
        raise UnknownScopeError
    header = _header(question, ())
    answer = scopes.answer(header, question, users)
    is_hidden = answer.own is None and _is_hidden(question.own)
    return _result(question, answer, _users(answer), header, is_hidden=is_hidden)


def _instance(user: UserRef | None) -> Any:
    """Return the user whom a reference means; None for nobody."""
    if user is None or isinstance(user, get_user_model()):
        return user
    if isinstance(user, AnonymousUser):
        return None
    return visible_users().filter(pk=user_id_of(user)).first()


def _header(question: Question, hidden: Collection[Any]) -> BoardHeader | None:
    """Return the board's header; None if the ledger has to answer."""
    if not conf.KEEP_LEADERBOARDS:
        return None
    subject, extra = question.subject, {question.focus, question.own, *hidden} - {None}
    header = find_board(subject, extra, limit=MOST_PENDING)
    if header and header.is_complete and not _is_due(header, subject.period):
        return header
    has_tended = tend_if_possible(subject)
    if has_tended or (header and not header.is_complete):
        header = find_board(subject, extra, limit=MANY_PENDING)
    return header if header and header.is_complete else None


def _is_due(header: BoardHeader, period: Period) -> bool:
    """Say whether the board waits for somebody to close it."""
    return not header.is_closed and _has_settled(period, header)


def _has_settled(period: Period, header: BoardHeader | None) -> bool:
    """Say whether late records can no longer arrive, even if the board is open."""
    settled = settles_at(period.ends_at, header.reopened_at if header else None)
    return settled is not None and settled <= timezone.now()


def _users(answer: Answer) -> Mapping[Any, Any]:
    """Return the ranked users whom an answer is about, by stored key."""
    stored = {each.user for each in (*answer.places, answer.own) if each}
    rows = {user: answer.people.get(user, ()) for user in stored}
    users = make_users({user: row for user, row in rows.items() if row})
    others = [user for user, row in rows.items() if row == ()]
    return {**users, **_find_users(others)} if others else users


def _find_users(stored: Collection[Any]) -> Mapping[Any, Any]:
    """Return those of the users whom the site shows and counts, by stored key."""
    alias, marks = write_alias(), counted_marks().items()
    keys = [convert_key(user, alias) for user in stored]
    found = users_by_key(visible_users().filter(pk__in=keys)).items()
    return {
        prepare_key(user_id, alias): user
        for user_id, user in found
        if all(getattr(user, name) == mark for name, mark in marks)
    }


def _is_hidden(user: Any) -> bool:
    """Say whether a user opted out of leaderboards."""
    if user is None:
        return False
    rows = UserGamification.objects.filter(is_public=False)
    return rows.filter(user=convert_key(user, write_alias())).exists()


def _result(
    question: Question,
    answer: Answer,
    users: Mapping[Any, Any],
    header: BoardHeader | None,
    *,
    is_hidden: bool,
) -> LeaderboardPage:
    me, period, alias = answer.own, question.subject.period, write_alias()
    state = _state(period, is_final=answer.is_final)
    return LeaderboardPage(
        period,
        state,
        state == PeriodState.SETTLING and not _has_settled(period, header),
        question.ranking,
        answer.total,
        answer.listed,
        answer.offset,
        question.page_size,
        tuple(
            _entry(each, users[each.user], alias)
            for each in answer.places
            if each.user in users
        ),
        _cursor(answer),
        _entry(me, users[me.user], alias) if me and me.user in users else None,
        is_hidden,
    )


def _state(period: Period, *, is_final: bool) -> PeriodState:
    if period.ends_at is None or timezone.now() < period.ends_at:
        return PeriodState.OPEN
    return PeriodState.FINAL if is_final else PeriodState.SETTLING


def _cursor(answer: Answer) -> str | None:
    """Return the cursor of those who follow; None at the end."""
    if not answer.places or answer.places[-1].position >= answer.listed:
        return None
    last = answer.places[-1]
    return cursor_of(Key.of(last.user, last.score, last.reached_at))


def _entry(place: Place, user: Any, alias: str) -> LeaderboardEntry:
    above = place.above
    return LeaderboardEntry(
        place.rank,
        convert_key(place.user, alias),
        user,
        place.score,
        None if above is None else above - place.score,
        place.reached_at,
    )
