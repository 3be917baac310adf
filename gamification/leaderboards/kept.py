"""Answers questions from a kept board.

A kept score is outdated while its user is pending. Pending users are few: they are
taken out of the board and put in again where the ledger has them now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Protocol

from gamification.leaderboards.headers import Header
from gamification.leaderboards.runs import (
    AfterOffset,
    AroundKey,
    Run,
    read_runs,
    read_scores_above,
)
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking


def answer(header: Header, question: Question) -> Answer | None:
    """Return the answer of a board; None if it has changed meanwhile."""
    wish = _wish(header, question)
    own = header.counted.get(question.own)
    # Whoever is in the middle of the page is on it.
    has_other = own is not None and question.own != question.focus
    margin = 1 + len(header.old)
    others = [AroundKey(own, margin, margin)] if own and has_other else []
    runs = read_runs(header, [wish, *others])
    if runs is None:
        return None
    parts = [Part(header, run) for run in runs]
    offset = _offset(parts[0], question)
    page = [*places(parts[0], question.ranking, offset, question.page_size)]
    mine = next((each for each in page if each.user == question.own), None)
    if mine is None and own and has_other:
        position = parts[1].before(own)
        mine = next(places(parts[1], question.ranking, position, 1))
    return Answer(header.total, offset, page, mine)


def _wish(header: Header, question: Question) -> AfterOffset | AroundKey:
    """Return what must be read so that the page is among it, with the key before."""
    size, margin = question.page_size, 1 + len(header.old)
    if focus := header.counted.get(question.focus):
        return AroundKey(focus, size + margin, size + margin)
    if question.after:
        return AroundKey(question.after, margin, 1 + size + margin)
    # Each user who moves, moves the others by one place at the most.
    first = max(0, question.offset - 1 - len(header.new))
    return AfterOffset(first, question.offset - first + size + len(header.old))


def _offset(part: Part, question: Question) -> int:
    """Return the number of ranked users before the page."""
    if focus := part.header.counted.get(question.focus):
        return question.offset_around(part.before(focus) + 1, part.header.total)
    if after := question.after:
        # Whoever was there may have moved on.
        return part.before(after) + int(part.has(after))
    return question.offset


class Part:
    """A part of a board, in which some users are where the ledger has them."""

    def __init__(self, header: Header, run: Run) -> None:
        self.header, self._run = header, run
        since = run.keys[0] if run.start and run.keys else ()
        until = None if run.is_last or not run.keys else run.keys[-1]
        #: Number of ranked users before its first key.
        self.start = run.start + self._moved_before(since)
        #: Its keys in order.
        self.keys = sorted(
            [key for key in run.keys if key.user not in header.moved]
            + [k for k in header.new if k >= since and (not until or k < until)]
        )

    def has(self, key: Key) -> bool:
        """Say whether a user is ranked at ``key``."""
        index = bisect_left(self.keys, key)
        return self.keys[index : index + 1] == [key]

    def before(self, key: Key) -> int:
        """Return the number of ranked users before ``key``, which must be near."""
        return self.start + bisect_left(self.keys, key)

    def above(self, debit: int) -> int:
        """Return the number of ranked users with more than a score of this part."""
        keys = self._run.keys
        kept = self._run.start + bisect_left(keys, (debit,))
        if keys and debit <= keys[0].debit:
            kept = self._run.above
        return kept + self._moved_before((debit,))

    def scores_above(self, debit: int) -> int:
        """Return the number of different scores that are higher."""
        new = {each.debit for each in self.header.new if each < (debit,)}
        return len(read_scores_above(self.header, debit) | new)

    def _moved_before(self, place: tuple[Any, ...]) -> int:
        """Return how many more users are before ``place`` than kept scores say."""
        new, old = self.header.new, self.header.old
        return bisect_left(new, place) - bisect_left(old, place)


class AnyPart(Protocol):
    """Keys in order, of ranked users who follow each other."""

    start: int
    keys: list[Key]

    def above(self, debit: int) -> int: ...

    def scores_above(self, debit: int) -> int: ...


def places(part: AnyPart, ranking: Ranking, offset: int, size: int) -> Iterator[Place]:
    """Yield the places behind an offset; the part has them, and the key before."""
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
