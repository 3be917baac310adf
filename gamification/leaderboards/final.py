"""Answers questions from a closed board.

It has its first keys, and the number of users with each score.
"""

from __future__ import annotations

from gamification.leaderboards.closing import KEPT
from gamification.leaderboards.headers import Header
from gamification.leaderboards.kept import Part, places
from gamification.leaderboards.runs import (
    AfterOffset,
    AroundKey,
    Run,
    read_runs,
    read_scores_above,
)
from gamification.leaderboards.values import Answer, Key, Place, Question, Ranking


def answer(header: Header, question: Question) -> Answer | None:
    """Return the answer of a closed board; None if somebody has just opened it."""
    focus = header.counted.get(question.focus)
    own = header.counted.get(question.own)
    first = max(0, question.offset - 1)
    wish = AfterOffset(first, question.offset - first + question.page_size)
    if focus or question.after:
        wish = AfterOffset(0, KEPT)
    keys = [key for key in (focus, own) if key]
    runs = read_runs(header, [wish, *(AroundKey(key, 1, 1) for key in keys)])
    if runs is None:
        return None
    part, around = Part(header, runs[0]), dict(zip(keys, runs[1:], strict=True))
    offset = question.offset
    if focus:
        offset = question.offset_around(around[focus].anchor + 1, header.total)
    elif question.after:
        offset = part.before(question.after) + int(part.has(question.after))
    page = [*places(part, question.ranking, offset, question.page_size)]
    mine = _place(header, question.ranking, own, around[own]) if own else None
    return Answer(header.total, offset, page, mine, is_final=True)


def _place(header: Header, ranking: Ranking, key: Key, run: Run) -> Place:
    """Return the place at ``key``, which the board may no longer have."""
    rank = run.anchor + 1 if ranking is Ranking.ORDINAL else run.above + 1
    if ranking is Ranking.DENSE:
        rank = len(read_scores_above(header, key.debit)) + 1
    above = None
    if key in run.keys and run.keys[0] != key:
        above = -run.keys[0].debit
    score, reached_at = -key.debit, key.reached_at
    return Place(key.user, run.anchor + 1, rank, score, above, reached_at)
