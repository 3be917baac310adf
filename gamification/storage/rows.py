"""The values of the rows that stores write, in the order of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from operator import attrgetter
from typing import Any

from gamification.domain.celebrations import NoticeRow, notice_row
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.pending_counts import FilterCounts

#: Columns of the ledger in the order of ``Entry``, without the id.
ENTRY_FIELDS = Entry._fields[1:]

#: Reads the fields of a stored entry in the order of ``Entry``.
entry_values = attrgetter(*Entry._fields)


#: The columns of a user's row that a changeset sets.
PROGRESS_FIELDS = (
    "user_id",
    "total_xp",
    "level",
    "highest_level",
    "current_streak",
    "longest_streak",
    "highest_streak",
    "active_days",
    "last_active_on",
    "last_occurred_at",
    "pending_counts",
    "version",
    "updated_at",
)


def filter_counts(
    changeset: UserChangeset, longest: int = 0
) -> tuple[str, FilterCounts]:
    """Return the counts that stay pending, as a text, and what to add to tallies.

    The text has at most ``longest`` characters, if anything was counted.
    """
    if changeset.filters is None:
        return changeset.state.pending_counts, {}
    return changeset.filters.kept(longest)


def progress_values(changeset: UserChangeset, pending_counts: str) -> tuple[Any, ...]:
    """Return the values of ``PROGRESS_FIELDS`` after ``changeset``."""
    return (
        changeset.state.user_id,
        changeset.total_xp,
        changeset.level,
        changeset.highest_level,
        changeset.streak.current,
        changeset.streak.longest,
        changeset.highest_streak,
        changeset.active_days,
        changeset.streak.last_active_on,
        changeset.last_occurred_at,
        pending_counts,
        changeset.state.version + 1,
        changeset.now,
    )


def entry_rows(
    changeset: UserChangeset,
    snapshot: Callable[[Outcome], Any] = Outcome.snapshot,
    document: Callable[[Any], Any] = dict,
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of ``ENTRY_FIELDS``, with the outcome that a replay returns.

    ``snapshot`` returns an outcome, and ``document`` a mapping, in the form that the
    store takes.
    """
    outcomes = changeset.outcomes
    for place, entry in enumerate(changeset.entries):
        kept = outcomes.get(place) if entry.key is not None else None
        attributes, boosts = entry.attributes, entry.boosts
        yield (
            *entry[1:-3],
            document(attributes) if attributes else None,
            document(boosts) if boosts else None,
            kept and snapshot(kept),
        )


def notice_rows(changeset: UserChangeset) -> list[NoticeRow]:
    """Return the celebrations as rows.

    Celebrations of a user who wants none are made as expired.
    """
    if not changeset.celebrations:
        return []
    state, rules, now = changeset.state, changeset.rules, changeset.now
    wait = rules.celebration_ttl if state.celebrates else timedelta(0)
    ids = {key: rule.id for key, rule in rules.catalogue.achievements.items()}
    return [
        notice_row(each, state.user_id, ids, now, now + wait)
        for each in changeset.celebrations
    ]
