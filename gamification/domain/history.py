"""The worth of ledger entries, and which of them stand.

An entry stands unless another one reverses it. Its worth is its amount plus the
corrections that name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from heapq import merge
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar

from gamification.domain.boosted import worth_of
from gamification.domain.conditions import AttributeValue
from gamification.domain.outcomes import Entry, EntryKind, Reason


class PastEntry(NamedTuple):
    """The fields of a stored entry that show when the user reached something."""

    id: int
    kind: str
    amount: int
    activity_id: int | None
    quantity: int
    extends_streak: bool
    occurred_at: datetime
    local_date: date
    reverses: int | None
    corrects: int | None
    achievement_id: int | None = None
    #: Values of the record, by attribute of its activity.
    attributes: Mapping[str, AttributeValue] | None = None


class Line(Protocol):
    """The fields of an entry that say what it does to totals and unlocks."""

    @property
    def id(self) -> int | None: ...

    @property
    def amount(self) -> int: ...

    @property
    def recorded_at(self) -> datetime: ...

    @property
    def job_id(self) -> int | None: ...

    @property
    def kind(self) -> str: ...

    @property
    def achievement_id(self) -> int | None: ...

    @property
    def number(self) -> int | None: ...


AnyLine = TypeVar("AnyLine", bound=Line)


#: Entries of one user in the order in which they were recorded.
Ledger = Sequence[PastEntry | Entry]


class StandingEntry(NamedTuple):
    """An entry that was not reversed, with its corrections."""

    entry: Entry
    #: XP.
    worth: int
    #: Units that earn XP.
    rewarded: int
    #: XP of a unit.
    xp_reward: int

    @property
    def withheld(self) -> int:
        """Units that earn nothing."""
        return self.entry.quantity - self.rewarded


def lasting(ledger: Ledger) -> Ledger:
    """Return the entries that were never reversed, in order of occurrence.

    The amount of each entry is its worth: it includes the corrections.
    """
    undone = {entry.reverses for entry in ledger if entry.reverses is not None}
    more: dict[int | None, int] = {}
    for entry in ledger:
        if entry.corrects is not None:
            more[entry.corrects] = more.get(entry.corrects, 0) + entry.amount
    standing = (
        entry
        for entry in ledger
        if entry.reverses is None and entry.corrects is None and entry.id not in undone
    )
    worth = [
        entry._replace(amount=entry.amount + more[entry.id])
        if entry.id in more
        else entry
        for entry in (standing if undone or more else ledger)
    ]
    return sorted(worth, key=attrgetter("occurred_at"))


def peak_of(lines: Sequence[Line], undone: Mapping[int, int]) -> int:
    """Return the highest total, ignoring jobs that were taken back later.

    ``undone`` has these jobs by the job that took each of them back, for this user or
    for others.
    """
    jobs = {line.job_id for line in lines}
    here = {undo: job for undo, job in undone.items() if undo in jobs}
    total = peak = 0
    for line in lines:
        total += 0 if is_undone(line, here) else line.amount
        peak = max(peak, total)
    return peak


def is_undone(line: Line, undone: Mapping[int, int]) -> bool:
    """Say whether ``line`` is a gain by a job taken back, or the loss that undid it.

    ``undone`` has the jobs that were taken back from this user.
    """
    return line.job_id in (undone.values() if line.amount > 0 else undone)


def takes_unlocks(line: Line, undone: Mapping[int, int]) -> bool:
    """Say whether ``line`` may have taken achievements with what had earned them.

    A reward that staff take back takes no others. ``undone`` has the jobs that were
    taken back, by the job that did it.
    """
    is_reward = line.achievement_id is not None
    return line.job_id in undone or (line.kind == EntryKind.REVERSAL and not is_reward)


def lapsed_ids(
    lines: Iterable[Line], undone: Mapping[int, int]
) -> AbstractSet[int | None]:
    """Return the ids of the losses that went with what had earned the achievement.

    Each is written after it, at the same moment; it can be earned again. ``lines`` may
    leave out those that neither are of achievements nor take any.
    """
    ids, taken_at = set[int | None](), None
    for line in lines:
        if line.achievement_id is not None and line.recorded_at == taken_at:
            ids.add(line.id)
        if takes_unlocks(line, undone):
            taken_at = line.recorded_at
    return ids


def unlocks_of(
    lines: Iterable[AnyLine], undone: Mapping[int, int]
) -> dict[tuple[int, int], tuple[AnyLine, AnyLine | None]]:
    """Return the last reward of each achievement, and the reversal that took it back.

    They are by id of the achievement, and which time it was earned. Where a job awarded
    an achievement and was taken back, it is as it was before.
    """
    states: dict[tuple[int, int], list[tuple[AnyLine, AnyLine | None]]] = {}
    for line in lines:
        if line.achievement_id is None:
            continue
        known = states.setdefault((line.achievement_id, line.number or 1), [])
        if line.kind == EntryKind.ACHIEVEMENT:
            known.append((line, None))
        elif known and line.job_id in undone:
            known.pop()
        elif known:
            known.append((known[-1][0], line))
    return {place: known[-1] for place, known in states.items() if known}


def lasting_with(
    past: Iterable[PastEntry], new: Sequence[Entry]
) -> Iterator[PastEntry | Entry]:
    """Yield what ``lasting`` returns of a ledger to which ``new`` entries are added.

    ``past`` are the entries that lasted until now, in order of occurrence.
    """
    undone = {entry.reverses for entry in new if entry.reverses is not None}
    more: dict[int | None, int] = {}
    for entry in new:
        if entry.corrects is not None:
            more[entry.corrects] = more.get(entry.corrects, 0) + entry.amount
    kept: Iterator[PastEntry | Entry] = (
        entry._replace(amount=entry.amount + more[entry.id])
        if entry.id in more
        else entry
        for entry in past
        if entry.id not in undone
    )
    standing = (e for e in new if e.reverses is None and e.corrects is None)
    added: Iterable[PastEntry | Entry]
    added = sorted(standing, key=attrgetter("occurred_at"))
    yield from merge(kept, added, key=attrgetter("occurred_at"))


def standing_entries(entries: Iterable[Entry]) -> Iterator[StandingEntry]:
    """Yield the entries that stand, each with its worth.

    ``entries`` come in order of id, and include all their reversals and corrections.
    """
    worth: dict[Any, StandingEntry] = {}
    for entry in entries:
        if entry.kind == EntryKind.REVERSAL:
            worth.pop(entry.reverses, None)
        elif entry.kind != EntryKind.CORRECTION:
            worth[entry.id] = StandingEntry(
                entry, entry.amount, entry.rewarded, entry.xp_reward
            )
        elif before := worth.get(entry.corrects):
            worth[entry.corrects] = StandingEntry(
                before.entry,
                before.worth + entry.amount,
                before.rewarded + entry.rewarded,
                entry.xp_reward,
            )
    yield from worth.values()


def correction_of(
    standing: StandingEntry,
    amount: int,
    *,
    rewarded: int,
    now: datetime,
    reason: Reason,
    xp_reward: int | None = None,
) -> Entry:
    """Return the entry that adds ``amount`` of XP to the worth of another one.

    ``rewarded`` more of its units earn XP. A unit is worth ``xp_reward`` from now on,
    or as much as before if that is None.
    """
    entry = standing.entry
    return entry._replace(
        id=None,
        kind=EntryKind.CORRECTION.value,
        amount=amount,
        quantity=0,
        rewarded=rewarded,
        xp_reward=standing.xp_reward if xp_reward is None else xp_reward,
        recorded_at=now,
        key=None,
        fingerprint="",
        corrects=entry.id,
        job_id=None,
        boosts=None,
        outcome=None,
        **reason._asdict(),
    )


def room_of(
    standing: StandingEntry, units: int, *, now: datetime, reason: Reason
) -> Entry:
    """Return the correction that credits ``units`` more, at the entry's own factor."""
    boosts, reward = standing.entry.boosts, standing.xp_reward
    before, after = (
        worth_of(rewarded * reward, boosts)
        for rewarded in (standing.rewarded, standing.rewarded + units)
    )
    correction = correction_of(
        standing, after - before, rewarded=units, now=now, reason=reason
    )
    return correction._replace(boosts=boosts)


def reversal_of(standing: StandingEntry, *, now: datetime, reason: Reason) -> Entry:
    """Return the entry that takes back what another one is worth, on its own date."""
    entry = standing.entry
    return entry._replace(
        id=None,
        kind=EntryKind.REVERSAL.value,
        amount=-standing.worth,
        quantity=-entry.quantity,
        rewarded=-standing.rewarded,
        recorded_at=now,
        key=None,
        fingerprint="",
        reverses=entry.id,
        job_id=None,
        boosts=None,
        outcome=None,
        **reason._asdict(),
    )
