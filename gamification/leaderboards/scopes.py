"""Boards of few users: those whom a viewer compares with, such as friends or a team."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.utils.module_loading import import_string

from gamification.conf import conf
from gamification.exceptions import UnknownScopeError
from gamification.leaderboards.counting import counted_keys, kept_keys
from gamification.leaderboards.kept import Header
from gamification.leaderboards.values import Key, Question
from gamification.models import Board, UserGamification

#: Users whom a scope may have, with the viewer.
MOST_USERS: Final = 5_000


def users_in(scope: str, viewer: Any) -> set[Any]:
    """Return the keys of the viewer and of the users whom they compare with.

    Raises ``UnknownScopeError`` if no scope has this name, or if the viewer is outside,
    and ``ValueError`` for a scope of too many users.
    """
    find = conf.LEADERBOARD_SCOPES.get(scope)
    users: Iterable[Any] | None = None
    if find is not None and viewer is not None and viewer.pk is not None:
        find = import_string(find) if isinstance(find, str) else find
        users = find(viewer)
    if users is None:
        raise UnknownScopeError
    keys = {viewer.pk, *(getattr(user, "pk", user) for user in users)}
    if len(keys) > MOST_USERS:
        message = f"The scope {scope!r} has more than {MOST_USERS:,} users."
        raise ValueError(message)
    return keys


class ScopedBoard:
    """The users of a scope, ranked among themselves."""

    def __init__(
        self, header: Header | None, question: Question, alias: str, users: set[Any]
    ) -> None:
        profiles = UserGamification.objects.using(alias).ranked().filter(user__in=users)
        ranked = [*profiles.order_by().values_list("user_id", flat=True)]
        self._by_user = _keys(header, question, alias, ranked)
        self._keys = sorted(self._by_user.values())
        self.total = len(self._keys)

    def key_of(self, user_id: Any) -> Key | None:
        return self._by_user.get(user_id)

    def before(self, key: Key) -> int:
        return bisect_left(self._keys, key)

    def above(self, key: Key) -> int:
        return bisect_left(self._keys, (key.debit,))

    def scores_above(self, key: Key) -> int:
        return len({each.debit for each in self._keys if each.debit < key.debit})

    def keys(self, offset: int, size: int) -> Sequence[Key]:
        return self._keys[offset : offset + size]


def _keys(
    header: Header | None, question: Question, alias: str, users: Collection[Any]
) -> dict[Any, Key]:
    """Return the present keys of these users, from the board as far as it has them."""
    if header is None:
        return counted_keys(question.period, users, alias)
    if header.is_closed:
        until = Board.objects.using(alias).get(pk=header.id).closed_at
        return counted_keys(question.period, users, alias, until=until)
    moved = [user_id for user_id in users if user_id in header.pending]
    kept = kept_keys(header.id, [*users], alias)
    settled = {pk: key for pk, key in kept.items() if pk not in header.pending}
    return settled | counted_keys(question.period, moved, alias)
