"""Answers questions from a kept board.

A kept score is outdated while its user is pending. Pending users are few: an
answer takes them out of the board, and puts them in again where the ledger has them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol

from gamification.leaderboards.kept.headers import BoardHeader
from gamification.leaderboards.kept.slices import (
    AfterOffset,
    AroundKey,
    PlaceOf,
    Slice,
    people_of,
    read_scores_above,
    read_slices,
)
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking


def answer(header: BoardHeader, question: Question) -> Answer | None:
    """Return the answer of a board; None if it has changed meanwhile."""
    own, margin = header.counted.get(question.own), 1 + len(header.old)
    # A user in the middle of the page needs no other slice.
    if question.own == question.focus:
        own = None
    others = [PlaceOf(own, margin, 1, question.ranking)] if own else []
    half = 1 + question.page_size // 2
    slices = read_slices(header, [_wish(header, question, half), *others])
    if slices and not Part(header, slices[0]).has_page(question):
        # Near an end of the board, the page reaches farther on the other side.
        whole = _wish(header, question, question.page_size)
        slices = read_slices(header, [whole, *others])
    if slices is None:
        return None
    part = Part(header, slices[0])
    offset = _offset(part, question)
    page = [*places(part, question.ranking, offset, question.page_size)]
    mine = next((each for each in page if each.user == question.own), None)
    if mine is None and own:
        mine = _place(header, question.ranking, own, slices[1])
    return Answer(header.total, offset, page, mine, people_of(slices))


def _wish(
    header: BoardHeader, question: Question, reach: int
) -> AfterOffset | AroundKey:
    """Return a wish for the keys of the page and the key before it.

    Around a user, the wish is for ``reach`` keys on both sides.
    """
    size, margin = question.page_size, 1 + len(header.old)
    if focus := header.counted.get(question.focus):
        return AroundKey(focus, reach + margin, reach + margin)
    if question.after:
        return AroundKey(question.after, margin, 1 + size + margin)
    # Each user who moves shifts the others by at most one place.
    first = max(0, question.offset - 1 - len(header.new))
    return AfterOffset(first, question.offset - first + size + len(header.old))


def _offset(part: Part, question: Question) -> int:
    """Return the number of ranked users before the page."""
    if focus := part.header.counted.get(question.focus):
        return question.offset_around(part.before(focus) + 1, part.header.total)
    if after := question.after:
        # The user who had this key may have moved.
        return part.before(after) + int(part.has(after))
    return question.offset


class Part:
    """A part of a board, with pending users where the ledger puts them."""

    def __init__(self, header: BoardHeader, found: Slice) -> None:
        self.header, self._slice = header, found
        since = found.keys[0] if found.start and found.keys else ()
        until = None if found.is_last or not found.keys else found.keys[-1]
        #: Number of ranked users before its first key.
        self.start = found.start + header.moved_before(since)
        #: Its keys in order.
        self.keys = sorted(
            [key for key in found.keys if key.user not in header.moved]
            + [k for k in header.new if k >= since and (not until or k < until)]
        )

    def has_page(self, question: Question) -> bool:
        """Say whether this part has the keys of the page, and the one before it."""
        offset, total = _offset(self, question), self.header.total
        until = min(offset + question.page_size, total)
        starts = self.start < offset or self.start == 0
        return starts and until <= self.start + len(self.keys)

    def has(self, key: Key) -> bool:
        """Say whether a user is ranked at ``key``."""
        index = bisect_left(self.keys, key)
        return self.keys[index : index + 1] == [key]

    def before(self, key: Key) -> int:
        """Return the number of ranked users before ``key``, which must be near."""
        return self.start + bisect_left(self.keys, key)

    def above(self, debit: int) -> int:
        """Return the number of ranked users with more than this score of the part."""
        keys = self._slice.keys
        kept = self._slice.start + bisect_left(keys, (debit,))
        if keys and debit <= keys[0].debit:
            kept = self._slice.above
        return kept + self.header.moved_before((debit,))

    def scores_above(self, debit: int) -> int:
        """Return the number of different scores that are higher than this one."""
        return _scores_above(self.header, debit)


def _scores_above(header: BoardHeader, debit: int) -> int:
    new = {each.debit for each in header.new if each < (debit,)}
    return len(read_scores_above(header, debit) | new)


def _place(header: BoardHeader, ranking: Ranking, key: Key, found: Slice) -> Place:
    """Return the place of a ranked user at ``key``."""
    if ranking is Ranking.DENSE:
        rank = _scores_above(header, key.debit) + 1
    elif ranking is Ranking.ORDINAL:
        rank = found.anchor + header.moved_before(key) + 1
    else:
        rank = found.above + header.moved_before((key.debit,)) + 1
    others = [each for each in found.keys if each.user not in header.moved]
    before = [each for each in (*others, *header.new) if each < key]
    above = -max(before).debit if before else None
    return Place(key.user, rank, rank, -key.debit, above, key.reached_at)


class AnyPart(Protocol):
    """Keys of consecutive ranked users, in order."""

    start: int
    keys: list[Key]

    def above(self, debit: int) -> int: ...

    def scores_above(self, debit: int) -> int: ...


def places(part: AnyPart, ranking: Ranking, offset: int, size: int) -> Iterator[Place]:
    """Yield the places after an offset; the part has their keys and the one before."""
    begin, rank = offset - part.start, 0
    for index, key in enumerate(part.keys[begin : begin + size], begin):
        above = part.keys[index - 1] if index else None
        position = part.start + index
        is_tie = above is not None and above.debit == key.debit
        if index == begin or ranking is Ranking.ORDINAL:
            rank = _rank(part, ranking, key, position)
        elif not is_tie:
            rank = rank + 1 if ranking is Ranking.DENSE else position + 1
        score = None if above is None else -above.debit
        yield Place(key.user, position + 1, rank, -key.debit, score, key.reached_at)


def _rank(part: AnyPart, ranking: Ranking, key: Key, position: int) -> int:
    if ranking is Ranking.ORDINAL:
        return position + 1
    if ranking is Ranking.DENSE:
        return part.scores_above(key.debit) + 1
    return part.above(key.debit) + 1
