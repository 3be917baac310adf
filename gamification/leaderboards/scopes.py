"""Boards of the few users with whom a viewer compares, such as friends or a team."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.module_loading import import_string

from gamification.conf import conf
from gamification.leaderboards.counting import counted_keys, kept_keys
from gamification.leaderboards.kept.current import places
from gamification.leaderboards.kept.headers import BoardHeader
from gamification.leaderboards.upkeep import closing
from gamification.leaderboards.values import Answer, Key, Question
from gamification.models import BoardScore, BoardSegment, write_alias
from gamification.models.users import key_of, prepare_key
from gamification.services.validation import given_id_of

#: A scope has at most this many users, including the viewer.
MOST_USERS: Final = 5_000


def users_in(scope: str, viewer: Any) -> set[Any] | None:
    """Return the keys of the viewer and of the users with whom the viewer compares.

    None means that the viewer is outside, or that no scope has this name. Raises
    ``ValueError`` for a scope of too many users.
    """
    find = conf.LEADERBOARD_SCOPES.get(scope)
    if find is None:
        return None
    find = import_string(find) if isinstance(find, str) else find
    users: Iterable[Any] | None = find(viewer)
    if users is None:
        return None
    keys = {key_of(viewer), *map(given_id_of, users)}
    if len(keys) > MOST_USERS:
        message = f"The scope {scope!r} has more than {MOST_USERS:,} users."
        raise ValueError(message)
    return keys


def answer(header: BoardHeader | None, question: Question, users: set[Any]) -> Answer:
    """Return the answer for the users of a scope, ranked among themselves."""
    keys = _keys(header, question, users)
    part, offset = ScopedPart(keys.values()), question.offset
    total, size = len(part.keys), question.page_size
    if focus := keys.get(question.focus):
        position = bisect_left(part.keys, focus) + 1
        offset = question.offset_around(position, total)
    elif question.after:
        offset = bisect_right(part.keys, question.after)
    page = [*places(part, question.ranking, offset, size)]
    own, mine = keys.get(question.own), None
    if own:
        before = bisect_left(part.keys, own)
        mine = next(places(part, question.ranking, before, 1))
    is_final = header is not None and header.is_closed
    return Answer(total, offset, page, mine, is_final=is_final)


class ScopedPart:
    """All keys of a scope, in order."""

    start = 0

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = sorted(keys)

    def above(self, debit: int) -> int:
        """Return the number of users with a higher score."""
        return bisect_left(self.keys, (debit,))

    def scores_above(self, debit: int) -> int:
        """Return the number of different scores that are higher than this one."""
        return len({each.debit for each in self.keys if each.debit < debit})


def _keys(
    header: BoardHeader | None, question: Question, users: set[Any]
) -> Mapping[Any, Key]:
    """Return the present keys of these users, if possible from the board."""
    if header is None:
        return counted_keys(question.subject, users)
    if header.is_closed:
        counted = counted_keys(question.subject, users, until=header.closed_at)
        placed = _placed(header, counted, kept_keys(header.id, users))
        return {user: counted[user] for user in placed}
    stored = {prepare_key(user_id, write_alias()) for user_id in users}
    kept = {**kept_keys(header.id, users), **header.counted}
    return {user: key for user, key in kept.items() if key and user in stored}


def _placed(
    header: BoardHeader, counted: Mapping[Any, Key], kept: Mapping[Any, Key]
) -> set[Any]:
    """Return those of the users who had a place when the board was closed.

    The ledger gives keys also to users who showed themselves only later.
    """
    placed = {user for user in kept if user in counted}
    if header.kept <= closing.KEPT:
        return placed
    # The board knows only the scores of those who come after the ones that it keeps.
    rows = BoardScore.objects.filter(board=header.id).order_by("-debit", "-reached")
    last = rows.values_list("debit", "reached").first() or ()
    debits = {key.debit for key in counted.values()}
    segments = BoardSegment.objects.filter(board=header.id, debit__in=debits)
    known = {*segments.values_list("debit", flat=True)}
    beyond = (user for user, key in counted.items() if key[:2] >= last)
    return placed | {user for user in beyond if counted[user].debit in known}
