"""Answers questions from a closed board.

It has its first keys, and the number of users with each score.
"""

from __future__ import annotations

from gamification.leaderboards.kept.current import Part, places
from gamification.leaderboards.kept.headers import BoardHeader
from gamification.leaderboards.kept.slices import (
    AfterOffset,
    PlaceOf,
    Slice,
    people_of,
    read_scores_above,
    read_slices,
)
from gamification.leaderboards.upkeep.closing import KEPT
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking


def answer(header: BoardHeader, question: Question) -> Answer | None:
    """Return the answer of a closed board; None if somebody has just opened it."""
    focus = header.counted.get(question.focus)
    own = header.counted.get(question.own)
    first = max(0, question.offset - 1)
    wish = AfterOffset(first, question.offset - first + question.page_size)
    if focus or question.after:
        wish = AfterOffset(0, KEPT)
    keys = [key for key in (focus, own) if key]
    slices = read_slices(header, [wish, *(_around(key) for key in keys)])
    if slices is None:
        return None
    part, around = Part(header, slices[0]), dict(zip(keys, slices[1:], strict=True))
    offset = question.offset
    if focus:
        offset = question.offset_around(around[focus].anchor + 1, header.total)
    elif question.after:
        offset = part.before(question.after) + int(part.has(question.after))
    page = [*places(part, question.ranking, offset, question.page_size)]
    mine = _place(header, question.ranking, own, around[own]) if own else None
    people = people_of(slices)
    return Answer(header.total, offset, page, mine, people, is_final=True)


def _around(key: Key) -> PlaceOf:
    # A closed board counts both ways, whatever the ranking.
    return PlaceOf(key, 1, 1, Ranking.COMPETITION)


def _place(header: BoardHeader, ranking: Ranking, key: Key, found: Slice) -> Place:
    """Return the place at ``key``, which the board may no longer have."""
    rank = found.anchor + 1 if ranking is Ranking.ORDINAL else found.above + 1
    if ranking is Ranking.DENSE:
        rank = len(read_scores_above(header, key.debit)) + 1
    above = None
    if key in found.keys and found.keys[0] != key:
        above = -found.keys[0].debit
    score, reached_at = -key.debit, key.reached_at
    return Place(key.user, found.anchor + 1, rank, score, above, reached_at)
