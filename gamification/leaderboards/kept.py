"""Reads kept boards by index, in a few short statements.

A kept score is outdated while its user is pending. Pending users are few: a reader
takes them out of the board and puts them in again where the ledger has them now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from django.contrib.auth import get_user_model
from django.db import connections

from gamification.conf import conf
from gamification.domain.periods import Period
from gamification.leaderboards import kept_sql
from gamification.leaderboards.counting import counted_keys, kept_keys
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking
from gamification.models import Board

#: Offset from which the look-up of a segment is worth it.
DEEP: Final = 1_000


class Header(NamedTuple):
    """A built board as it is stored."""

    id: int
    version: int
    #: Number of ranked users.
    total: int
    is_closed: bool
    #: Users whose scores may be outdated.
    pending: Collection[Any]
    #: Whether these are all pending users.
    is_complete: bool


def find_board(period: Period, alias: str, *, limit: int) -> Header | None:
    """Return the board of ``period``, with pending users as far as the limit.

    None means that the board is not built.
    """
    params: list[Any] = [limit, conf.RANKS_STAFF, period.window.value]
    if period.starts_at is None:
        rows = _fetch(alias, kept_sql.HEADER + "IS NULL", *params)
    else:
        ops = connections[alias].ops
        begins = ops.adapt_datetimefield_value(period.starts_at)
        rows = _fetch(alias, kept_sql.HEADER + "= %s", *params, begins)
    if not rows:
        return None
    *_, last = zip(*rows, strict=True)
    pending = {_user_id(user_id) for user_id in last if user_id is not None}
    board_id, version, total, is_closed, _ = rows[0]
    is_complete = len(rows) < limit
    return Header(board_id, version, total, bool(is_closed), pending, is_complete)


class KeptBoard:
    """A built board, in which some users are where the ledger has them."""

    def __init__(
        self, header: Header, period: Period, alias: str, moved: Collection[Any]
    ) -> None:
        self._id, self._version, self._alias = header.id, header.version, alias
        self._is_closed = header.is_closed
        self._moved = [*moved]
        outdated = kept_keys(self._id, self._moved, alias) if moved else {}
        self._current = counted_keys(period, self._moved, alias) if moved else {}
        #: Keys that are no longer true, and those that are true instead, in order.
        self._old = sorted(outdated.values())
        self._new = sorted(self._current.values())
        self.total = header.total - len(self._old) + len(self._new)

    def is_unchanged(self) -> bool:
        """Say whether nobody has changed kept scores since the header was read."""
        return self._fetch(kept_sql.VERSION, self._id) == [(self._version,)]

    def key_of(self, user_id: Any) -> Key | None:
        """Return the user's place; None if they are not ranked."""
        if user_id in self._moved:
            return self._current.get(user_id)
        user = _parameter(user_id, self._alias)
        rows = self._fetch(kept_sql.KEY_OF, user, self._id)
        return _key(rows[0]) if rows else None

    def before(self, key: Key) -> int:
        """Return the number of ranked users before ``key``."""
        place = (key.debit, key.reached, _parameter(key.user_id, self._alias))
        [(kept,)] = self._fetch(kept_sql.BEFORE, self._id, *place, self._id, *place)
        return (kept or 0) + self._moved_before(key)

    def above(self, key: Key) -> int:
        """Return the number of ranked users with a higher score."""
        place = (self._id, key.debit)
        [(kept,)] = self._fetch(kept_sql.ABOVE, *place, *place)
        return (kept or 0) + self._moved_before((key.debit,))

    def scores_above(self, key: Key) -> int:
        """Return the number of different scores that are higher."""
        users = [_parameter(user_id, self._alias) for user_id in self._moved]
        marks = ", ".join(["%s"] * len(users))
        without = f"AND user_id NOT IN ({marks})" if users else ""
        sql = kept_sql.DISTINCT_ABOVE.format(without=without)
        params = (self._id, *users, self._id, *users, key.debit, key.debit)
        kept = {debit for (debit,) in self._fetch(sql, *params)}
        return len(kept | {each.debit for each in self._new if each < (key.debit,)})

    def keys(self, offset: int, size: int) -> list[Key]:
        """Return up to ``size`` keys after the first ``offset`` ones."""
        if not self._moved:
            return self._kept_keys(offset, size)
        # Each user who moves, moves the others by one place at the most.
        first = max(0, offset - len(self._new))
        wanted = offset - first + size + len(self._old)
        kept = self._kept_keys(first, wanted)
        since = kept[0] if first and kept else ()
        until = kept[-1] if len(kept) == wanted else None
        moved = set(self._moved)
        merged = sorted(
            [key for key in kept if key.user_id not in moved]
            + [key for key in self._new if key >= since and (not until or key < until)]
        )
        begin = offset - first - self._moved_before(since)
        return merged[begin : begin + size]

    def _kept_keys(self, offset: int, size: int) -> list[Key]:
        if offset < DEEP or self._is_closed:
            rows = self._fetch(kept_sql.TOP, self._id, size, offset)
        else:
            params = (self._id, offset, self._id, size, offset)
            rows = self._fetch(kept_sql.SLICE, *params)
        return [_key(row) for row in rows]

    def _moved_before(self, place: tuple[Any, ...]) -> int:
        """Return how many more users are before ``place`` than kept scores say."""
        return bisect_left(self._new, place) - bisect_left(self._old, place)

    def _fetch(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        return _fetch(self._alias, sql, *params)


class FinalBoard(KeptBoard):
    """A closed board: its first keys, and the number of users with each score."""

    def __init__(self, header: Header, period: Period, alias: str) -> None:
        super().__init__(header, period, alias, moved=())
        self._period = period

    def key_of(self, user_id: Any) -> Key | None:
        if key := super().key_of(user_id):
            return key
        closed_at = Board.objects.using(self._alias).values_list("closed_at", flat=True)
        until = closed_at.get(pk=self._id)
        return counted_keys(self._period, [user_id], self._alias, until=until).get(
            user_id
        )

    def before(self, key: Key) -> int:
        place = (key.debit, key.reached, _parameter(key.user_id, self._alias))
        [(equals,)] = self._fetch(kept_sql.FINAL_BEFORE, self._id, key.debit, *place)
        return self.above(key) + int(equals)

    def above(self, key: Key) -> int:
        [(above, _)] = self._fetch(kept_sql.FINAL_ABOVE, self._id, key.debit)
        return above or 0

    def scores_above(self, key: Key) -> int:
        [(_, scores)] = self._fetch(kept_sql.FINAL_ABOVE, self._id, key.debit)
        return int(scores)


class AnyBoard(Protocol):
    """Ranked users in order, wherever they come from."""

    total: int

    def key_of(self, user_id: Any) -> Key | None: ...

    def before(self, key: Key) -> int: ...

    def above(self, key: Key) -> int: ...

    def scores_above(self, key: Key) -> int: ...

    def keys(self, offset: int, size: int) -> Sequence[Key]: ...


def answer(board: AnyBoard, question: Question) -> Answer:
    """Return the answer of ``board``."""
    offset, size, own_id = question.offset, question.page_size, question.own
    if question.focus is not None and (focus := board.key_of(question.focus)):
        offset = question.offset_around(board.before(focus) + 1, board.total)
    if after := question.after:
        # Whoever was there may have moved on.
        offset = board.before(after) + int(board.key_of(after.user_id) == after)
    places = [*_places(board, question.ranking, offset, size)]
    own = next((each for each in places if each.user_id == own_id), None)
    if own is None and own_id is not None and (key := board.key_of(own_id)):
        own = _place(board, question.ranking, key)
    return Answer(board.total, offset, places, own)


def _place(board: AnyBoard, ranking: Ranking, key: Key) -> Place:
    """Return the place at ``key``, also if a closed board no longer has it."""
    offset = board.before(key)
    for place in _places(board, ranking, offset, 1):
        return place
    rank = _rank(board, ranking, key, offset)
    return Place(key.user_id, offset + 1, rank, -key.debit, None, key.reached_at)


def _places(
    board: AnyBoard, ranking: Ranking, offset: int, size: int
) -> Iterator[Place]:
    # The key before the first one tells the gap, and whether the first one is a tie.
    lead = int(offset > 0)
    keys = board.keys(offset - lead, size + lead)
    rank = 0
    for index in range(lead, len(keys)):
        key, above = keys[index], keys[index - 1] if index else None
        position = offset - lead + index
        is_tie = above is not None and above.debit == key.debit
        if not is_tie and ranking is Ranking.COMPETITION:
            rank = position + 1
        elif index == lead or ranking is Ranking.ORDINAL:
            rank = _rank(board, ranking, key, position)
        elif not is_tie:
            rank += 1
        score = None if above is None else -above.debit
        yield Place(key.user_id, position + 1, rank, -key.debit, score, key.reached_at)


def _rank(board: AnyBoard, ranking: Ranking, key: Key, position: int) -> int:
    if ranking is Ranking.ORDINAL:
        return position + 1
    if ranking is Ranking.DENSE:
        return board.scores_above(key) + 1
    return board.above(key) + 1


def _fetch(alias: str, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _key(row: Sequence[Any]) -> Key:
    debit, reached, user_id = row
    return Key(debit, reached, _user_id(user_id))


def _user_id(value: Any) -> Any:
    return get_user_model()._meta.pk.to_python(value)


def _parameter(user_id: Any, alias: str) -> Any:
    return get_user_model()._meta.pk.get_db_prep_value(user_id, connections[alias])
