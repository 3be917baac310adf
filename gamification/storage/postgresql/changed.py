"""Collects the rows that changesets make, as PostgreSQL takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, Self

from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Outcome
from gamification.storage.postgresql.arrays import TableRows
from gamification.storage.postgresql.sql.writing import CHANGES
from gamification.storage.rows import (
    entry_rows,
    filter_counts,
    notice_rows,
    progress_values,
)

Rows = list[tuple[Any, ...]]

#: The most pending counts in a user's row, in characters.
MAX_PENDING: Final = 1_000


class ChangedRows:
    """The rows of some changesets, by table."""

    def __init__(self) -> None:
        self.users: Rows = []
        self.entries: Rows = []
        #: The rows of each of ``CHANGES``, in its order.
        self.changes: dict[str, Rows] = {name: [] for name in CHANGES}
        #: Whether the users have no rows yet, and whether their boards are kept.
        self.are_new = self.keeps_boards = False

    @classmethod
    def of(cls, changesets: Iterable[UserChangeset]) -> Self:
        """Return the rows of ``changesets``, of which it keeps none."""
        rows = cls()
        for changeset in changesets:
            rows.add(changeset)
        return rows

    @property
    def are_of_record(self) -> bool:
        """Whether there is one user and one entry, which tell the tally and the day.

        That is so for a record that extends the streak and unlocks nothing.
        """
        if self.are_new or not len(self.users) == len(self.entries) == 1:
            return False
        tallies, days, lost, *_ = self.changes.values()
        user_id, now = self.users[0][0], self.users[0][-1]
        _, _, amount, _, day, _, activity_id, _, quantity, *_ = self.entries[0]
        return (
            tallies == [(user_id, activity_id, quantity, now)]
            and days == [(user_id, day, "active", 1, amount)]
            and not lost
        )

    @property
    def made(self) -> tuple[list[str], list[TableRows]]:
        """The names of the tables of ``CHANGES`` that change, and their rows."""
        names = [name for name, rows in self.changes.items() if rows]
        tables = [TableRows(CHANGES[name][0], self.changes[name]) for name in names]
        return names, tables

    def add(self, changeset: UserChangeset) -> None:
        """Add the rows of one user."""
        user_id, now, changes = changeset.state.user_id, changeset.now, self.changes
        self.are_new = not changeset.state.version
        self.keeps_boards = changeset.rules.keeps_boards
        pending, counts = filter_counts(changeset, MAX_PENDING)
        self.users.append(progress_values(changeset, pending))
        self.entries += entry_rows(changeset, Outcome.snapshot_text, json.dumps)
        for activity_id, quantity in changeset.tallies.items():
            changes["tallies"].append((user_id, activity_id, quantity, now))
        lost = changeset.lost_days
        days = changeset.changed_days if lost else changeset.days
        for day, change in days.items():
            changes["days"].append((user_id, day, "active", *change))
        for day in lost:
            changes["lost_days"].append((user_id, day))
        for (pk, bucket), count in counts.items():
            changes["filters"].append((pk, user_id, bucket, count))
        for place in changeset.forgotten:
            changes["forgotten"].append((user_id, *place))
        changes["unlocks"] += changeset.unlocks
        if changeset.streaks.days is not None:
            changes["freezes"] += changeset.streaks.freeze_rows(now)
        if changeset.celebrations:
            for row in notice_rows(changeset):
                fields = row._asdict() | {"data": json.dumps(row.data)}
                changes["celebrations"].append(tuple(fields.values()))
