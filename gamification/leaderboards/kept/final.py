"""Answers questions from a closed board.

Such a board keeps its first keys, and the number of users with each score.
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
from gamification.leaderboards.upkeep import closing
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking
from gamification.models import BoardSegment


def answer(header: BoardHeader, question: Question) -> Answer | None:
    """Return the answer of a closed board; None if somebody has just opened it."""
    sought = {question.focus, question.own}
    keys = [key for user in sought if (key := header.counted.get(user))]
    first = max(0, question.offset - 1)
    wish = AfterOffset(first, question.offset - first + question.page_size)
    if header.counted.get(question.focus) or question.after:
        wish = AfterOffset(0, closing.KEPT)
    slices = read_slices(header, [wish, *(_around(key) for key in keys)])
    if slices is None:
        return None
    part, found = Part(header, slices[0]), zip(keys, slices[1:], strict=True)
    around = {key.user: (key, at) for key, at in found if _had(header, key, at)}
    offset = question.offset
    if question.focus in around:
        anchor = around[question.focus][1].anchor
        offset = question.offset_around(anchor + 1, header.total)
    elif question.after:
        offset = part.before(question.after) + int(part.has(question.after))
    page = [*places(part, question.ranking, offset, question.page_size)]
    own = around.get(question.own)
    mine = _place(header, question.ranking, *own) if own else None
    people, dropped = people_of(slices), max(0, header.total - closing.KEPT)
    return Answer(header.total, offset, page, mine, people, dropped, is_final=True)


def _around(key: Key) -> PlaceOf:
    # On a closed board, the slice brings both counts, whatever the ranking.
    return PlaceOf(key, 1, 1, Ranking.COMPETITION)


def _had(header: BoardHeader, key: Key, found: Slice) -> bool:
    """Say whether somebody had this key when the board was closed.

    The ledger also gives keys to users who were not ranked at that time. Beyond the
    keys that the board keeps, it is enough that somebody had the same score.
    """
    if key in found.keys or not found.is_last or header.kept <= closing.KEPT:
        return key in found.keys
    return BoardSegment.objects.filter(board=header.id, debit=key.debit).exists()


def _place(header: BoardHeader, ranking: Ranking, key: Key, found: Slice) -> Place:
    """Return the place at ``key``, which the board may not have kept."""
    rank = found.anchor + 1 if ranking is Ranking.ORDINAL else found.above + 1
    if ranking is Ranking.DENSE:
        rank = len(read_scores_above(header, key.debit)) + 1
    above = None
    if key in found.keys and found.keys[0] != key:
        above = -found.keys[0].debit
    score, reached_at = -key.debit, key.reached_at
    return Place(key.user, found.anchor + 1, rank, score, above, reached_at)
