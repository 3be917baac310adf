"""Takes back a job, which leaves a user as if the job had never run.

The entries that a job wrote are compared with the ledger without them. Each difference
becomes an entry that makes up for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import dropwhile
from operator import attrgetter

from gamification.domain.boosted import worth_of
from gamification.domain.changeset import UserChangeset
from gamification.domain.history import (
    StandingEntry,
    correction_of,
    lapsed_ids,
    peak_of,
    reversal_of,
    standing_entries,
    takes_unlocks,
    unlocks_of,
)
from gamification.domain.keys import own_key
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.limits import crowded_units
from gamification.domain.outcomes import Entry, Reason
from gamification.domain.rewards import Place, UnlockRow, place_of, row_of
from gamification.domain.rules import ActivityRule


@dataclass(frozen=True, slots=True)
class Undoing:
    """The entries that take a job back for a user, and what becomes of unlocks."""

    entries: Sequence[Entry] = ()
    #: Rows of achievements as they were before.
    unlocks: Sequence[UnlockRow] = ()
    #: Achievements for which the user had no row before.
    forgotten: AbstractSet[Place] = frozenset()
    #: Ids of the achievements that the user holds afterwards.
    held: AbstractSet[int] = frozenset()
    #: Achievements that the user would hold without the job, too.
    safe: AbstractSet[Place] = frozenset()


def restored_key(entry_id: int | None) -> str:
    """Return the key of the entry that stands in for a reversed one."""
    return own_key("restored", entry_id)


def undo_job(
    ledger: Sequence[Entry],
    job_id: int,
    *,
    now: datetime,
    reason: Reason,
    undo_id: int,
    undone: Mapping[int, int],
    activities: Iterable[ActivityRule],
) -> Undoing:
    """Return what takes back all that ``job_id`` did to the owner of ``ledger``.

    ``undone`` has the jobs that were taken back, by the job that did it, ``undo_id``
    included. ``ledger`` is complete and in order of id. Entries that others have since
    taken back or given again stay as they are. Where records come back, later ones lose
    what the limits of ``activities`` would have withheld.
    """
    before = [entry for entry in ledger if entry.job_id != job_id]
    stands, stood = _standing(ledger), _standing(before)
    entries = [*_taken_back(stands, stood, job_id, now, reason)]
    back = [*_coming_back(stands, stood, ledger)]
    restored = [_restored(each, now, reason) for each in back]
    newer = {entry.id for entry in _since(ledger, job_id)}
    crowded = crowded_units(back, [*stood.values()], newer, activities)
    withheld = [_withheld(each, units, now, reason) for each, units in crowded]
    rows = _rows_before(entries, before, undone)
    unlocks = [row for row in rows.values() if row]
    regained = [each for each in restored if each.achievement_id is not None]
    unlocks += map(row_of, regained)
    rewards = [e.entry for e in stands.values() if e.entry.achievement_id is not None]
    left = {*map(place_of, rewards)} - rows.keys() | {*map(place_of, regained)}
    made = [entry._replace(job_id=undo_id) for entry in (*entries, *restored)]
    return Undoing(
        # What is withheld makes up for no entry of the job, so it is none of the undo.
        [*made, *withheld],
        unlocks,
        {place for place, row in rows.items() if row is None},
        {pk for pk, _number in left},
        _safe(rewards, ledger, job_id, undone),
    )


def _coming_back(
    stands: Mapping[int | None, StandingEntry],
    stood: Mapping[int | None, StandingEntry],
    ledger: Iterable[Entry],
) -> Iterator[StandingEntry]:
    """Yield the entries that the job took, and that nobody has given again."""
    held = {place_of(each.entry) for each in stands.values()}
    keys = {entry.key for entry in ledger}
    for pk, each in stood.items():
        is_held = each.entry.achievement_id is not None and place_of(each.entry) in held
        if not (pk in stands or restored_key(pk) in keys or is_held):
            yield each


def _rows_before(
    entries: Iterable[Entry], before: Sequence[Entry], undone: Mapping[int, int]
) -> dict[Place, UnlockRow | None]:
    """Return the row of each achievement of ``entries`` before the job, if any."""
    known, lapsed = unlocks_of(before, undone), lapsed_ids(before, undone)
    places = [place_of(each) for each in entries if each.achievement_id is not None]
    return {
        place: _lost_row(*known[place], lapsed) if place in known else None
        for place in places
    }


def _safe(
    rewards: Iterable[Entry],
    ledger: Sequence[Entry],
    job_id: int,
    undone: Mapping[int, int],
) -> set[Place]:
    """Return the achievements that were unlocked before the job, and that nothing took.

    Only a reversal, or the end of another job, would have taken them without the job.
    """
    since = [*_since(ledger, job_id)]
    others = (entry for entry in since if entry.job_id != job_id)
    if any(takes_unlocks(entry, undone) for entry in others):
        return set()
    later = {entry.id for entry in since}
    return {place_of(reward) for reward in rewards if reward.id not in later}


def _since(ledger: Iterable[Entry], job_id: int) -> Iterator[Entry]:
    """Return the entries from the first one of the job on."""
    return dropwhile(lambda entry: entry.job_id != job_id, ledger)


def _standing(ledger: Iterable[Entry]) -> dict[int | None, StandingEntry]:
    return {each.entry.id: each for each in standing_entries(ledger)}


def _taken_back(
    stands: dict[int | None, StandingEntry],
    stood: dict[int | None, StandingEntry],
    job_id: int,
    at: datetime,
    reason: Reason,
) -> Iterator[Entry]:
    """Yield reversals of the job's entries, and corrections of those it corrected."""
    for pk, now in stands.items():
        before = stood.get(pk)
        if now.entry.job_id == job_id:
            yield reversal_of(now, now=at, reason=reason)
        elif before and before != now:
            yield correction_of(
                now,
                before.worth - now.worth,
                rewarded=before.rewarded - now.rewarded,
                now=at,
                reason=reason,
                xp_reward=before.xp_reward,
            )


def _restored(standing: StandingEntry, now: datetime, reason: Reason) -> Entry:
    """Return the entry that stands in for one that the job reversed."""
    entry = standing.entry
    return entry._replace(
        id=None,
        amount=standing.worth,
        rewarded=standing.rewarded,
        xp_reward=standing.xp_reward,
        recorded_at=now,
        key=restored_key(entry.id),
        fingerprint="",
        outcome=None,
        **reason._asdict(),
    )


def _withheld(
    standing: StandingEntry, units: int, now: datetime, reason: Reason
) -> Entry:
    """Return the correction that withholds ``units`` of a record."""
    left = (standing.rewarded - units) * standing.xp_reward
    return correction_of(
        standing,
        worth_of(left, standing.entry.boosts) - standing.worth,
        rewarded=-units,
        now=now,
        reason=reason,
        xp_reward=standing.xp_reward,
    )


def _lost_row(
    reward: Entry, loss: Entry | None, lapsed: AbstractSet[int | None]
) -> UnlockRow:
    """Return the row of an achievement that ``loss`` had taken back before the job.

    ``lapsed`` has the ids of the losses that went with what had earned them.
    """
    assert loss  # noqa: S101 - a job awards what the user does not hold
    return row_of(reward)._replace(
        revoked_at=loss.recorded_at,
        revoked_by_id=loss.actor_id,
        revoke_reason=loss.note,
        internal_note=loss.internal_note,
        can_be_earned_again=loss.id in lapsed,
    )


class UndoChangeset(UserChangeset):
    """The changes that take a job back for one user."""

    def undo(
        self,
        undoing: Undoing,
        ledger: Sequence[Entry],
        undone: Mapping[int, int],
        *,
        rewards: Mapping[Place, StandingEntry],
        reason: Reason,
    ) -> None:
        """Book what takes the job back. The state must have its days.

        ``undone`` has the jobs that were taken back, this one included, by the job
        that did it. ``rewards`` are those of the revocable achievements that the user
        holds: they lose the ones that they no longer meet, and have only by the job.
        """
        start = self.start()
        peak = peak_of(ledger, undone)
        # Losses come first, so that the user reaches no level only in passing.
        for entry in sorted(undoing.entries, key=attrgetter("amount")):
            self.book(entry)
        self._put_back(undoing)
        thresholds = self.rules.thresholds
        if self.state.highest_level <= calculate_level_from_xp(peak, thresholds):
            without = peak_of([*ledger, *self.entries], undone)
            level = calculate_level_from_xp(without, thresholds)
            self.highest_level = max(self.level, level)
        taken = {(row.achievement_id, row.number) for row in self.unlocks}
        gone = taken | self.forgotten
        kept = {place: each for place, each in rewards.items() if place not in gone}
        lost = tuple(self._lose(start, kept, reason, safe=undoing.safe))
        # Achievements that the user has met meanwhile unlock with their next entry.
        self._finish(start, self.entries[0], lost=lost)

    def _put_back(self, undoing: Undoing) -> None:
        """Give the achievements back the rows that they had."""
        self.unlocks += tuple(undoing.unlocks)
        self.forgotten |= undoing.forgotten
        self.held = frozenset(undoing.held)
