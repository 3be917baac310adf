"""Keeps a user's filtered tallies up to date while entries are booked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from gamification.domain.counting import (
    Change,
    Counted,
    Meter,
    change_of,
    with_new_dates,
)
from gamification.domain.history import PastEntry
from gamification.domain.outcomes import Entry
from gamification.domain.pending_counts import FilterCounts, add_pending, read_pending
from gamification.domain.state import UserState
from gamification.domain.trees import Trees

#: Counts by bucket.
Buckets: TypeAlias = Mapping[str, int]


class FilterKeeper:
    """The counts of one user's entries for the conditions of a catalogue."""

    __slots__ = (
        "_bases",
        "_changes",
        "_meters",
        "_pending",
        "_sums",
        "slots",
        "state",
        "trees",
    )

    def __init__(self, state: UserState, trees: Trees) -> None:
        self.state = state
        self.trees = trees
        #: Those in which something may have been counted.
        self.slots = frozenset[int]()
        #: The place of the entry, the slot, the bucket, and what was added.
        self._changes: list[tuple[int, int, str, int]] = []
        #: By slot: the sum of changes, what was counted before, and the values of now,
        #: with the number of changes that they include.
        self._sums: dict[int, int] = {}
        self._bases: dict[int, Buckets] = {}
        self._meters: dict[int, tuple[Meter, int]] = {}
        #: Pending counts by filter and bucket; None until they matter.
        self._pending: Mapping[int, Buckets] | None = None

    def note(self, entry: Entry, place: int, active_days: int) -> None:
        """Count the entry at ``place``; ``active_days`` is what it adds to dates."""
        counted = self.trees.counted
        slots = self.trees.slots.on(entry.activity_id, entry.attributes)
        self.slots |= slots
        for slot in slots:
            change = change_of(counted[slot], entry, active_days)
            if change:
                self._changes.append((place, slot, *change))
                self._sums[slot] = self._sums.get(slot, 0) + change[1]

    def kept(self, longest: int) -> tuple[str, FilterCounts]:
        """Return the counts that stay pending, as a text, and what to add to tallies.

        The text has at most ``longest`` characters. It drops what nobody counts any
        more.
        """
        pending = add_pending(self.state.pending_counts, self._added())
        if len(pending) <= longest:
            return pending, {}
        counts = read_pending(pending, self.trees.known_filters)
        counts = {key: amount for key, amount in counts.items() if amount}
        pending = add_pending("", counts)
        return (pending, {}) if len(pending) <= longest * 3 // 4 else ("", counts)

    def _added(self) -> FilterCounts:
        added: dict[tuple[int, str], int] = {}
        for _, slot, bucket, amount in self._changes:
            for pk in self.trees.filter_ids.get(slot, ()):
                added[pk, bucket] = added.get((pk, bucket), 0) + amount
        return {key: amount for key, amount in added.items() if amount}

    def value(self, slot: int) -> int | None:
        """Return the value of now; None if only the ledger has it."""
        if self.trees.counted[slot].is_number:
            base = self._base(slot)
            return None if base is None else base.get("", 0) + self._sums.get(slot, 0)
        meter, done = self._meters.get(slot) or (self._meter(slot), 0)
        if meter is None:
            return None
        for _, each, bucket, amount in self._changes[done:]:
            if each == slot:
                meter.add(bucket, amount)
        self._meters[slot] = meter, len(self._changes)
        return meter.value

    def value_at(self, slot: int, place: int, more: Iterable[Entry]) -> int | None:
        """Return the value before the entry at ``place`` was booked.

        It includes ``more`` entries, which are no records. None says that only the
        ledger has it.
        """
        meter = self._meter(slot)
        if meter is None:
            return None
        changes = [e[2:] for e in self._changes if e[0] < place and e[1] == slot]
        found = (change_of(self.trees.counted[slot], entry, 0) for entry in more)
        for bucket, amount in [*changes, *(change for change in found if change)]:
            meter.add(bucket, amount)
        return meter.value

    def _meter(self, slot: int) -> Meter | None:
        """Return what was counted before anything was booked."""
        base = self._base(slot)
        if base is None:
            return None
        meter = Meter(self.trees.counted[slot], self.state.calendar)
        meter.load(base)
        return meter

    def _base(self, slot: int) -> Buckets | None:
        state, pk = self.state, self.trees.answering.get(slot)
        if state.last_occurred_at is None:
            return {}
        if pk is not None and pk in state.asked.filters:
            return self._stored(pk)
        if state.ledger is None:
            return None
        if slot not in self._bases:
            self._bases = self._count_all(state.ledger)
        return self._bases[slot]

    def _stored(self, pk: int) -> Buckets:
        """Return the counts of a filter that were read, with the pending ones."""
        if self._pending is None:
            text, asked = self.state.pending_counts, self.state.asked.filters
            self._pending = _by_filter(read_pending(text, asked))
        stored = (self.state.filters or {}).get(pk, {})
        pending = self._pending.get(pk)
        if not pending:
            return stored
        return {
            bucket: stored.get(bucket, 0) + pending.get(bucket, 0)
            for bucket in stored.keys() | pending.keys()
        }

    def _count_all(self, ledger: Iterable[PastEntry]) -> dict[int, Buckets]:
        counted = self.trees.counted
        bases: list[dict[str, int]] = [{} for _ in counted]
        for slot, (bucket, amount) in changes_of(counted, ledger):
            bases[slot][bucket] = bases[slot].get(bucket, 0) + amount
        return dict(enumerate(bases))


def _by_filter(counts: FilterCounts) -> Mapping[int, Buckets]:
    found: dict[int, dict[str, int]] = {}
    for (pk, bucket), amount in counts.items():
        found.setdefault(pk, {})[bucket] = amount
    return found


def changes_of(
    counted: Iterable[Counted], entries: Iterable[PastEntry | Entry]
) -> Iterator[tuple[int, Change]]:
    """Yield what each of the standing ``entries`` adds to each of ``counted``.

    The first value is the place among ``counted``.
    """
    counted = [*counted]
    for entry, new_dates in with_new_dates(entries):
        for slot, each in enumerate(counted):
            change = change_of(each, entry, new_dates)
            if change:
                yield slot, change
