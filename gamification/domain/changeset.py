"""The changes of a request for one user: entries and everything they cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from gamification.domain.backfill import Moment
from gamification.domain.boosting import boosted_record
from gamification.domain.catalogue import AchievementRule, ActivityRule
from gamification.domain.celebrations import Peaks, notices
from gamification.domain.history import (
    StandingEntry,
    reversal_of,
    room_of,
)
from gamification.domain.limits import Limits
from gamification.domain.losses import Trial, find_lost
from gamification.domain.outcomes import (
    NO_REASON,
    CelebrationNotice,
    Entry,
    EntryKind,
    Outcome,
    Reason,
    Unlock,
    UnlockRow,
    Withheld,
)
from gamification.domain.series import highest_steps
from gamification.domain.settling import SettledTotals
from gamification.domain.state import NONE, Record, Rules, UserState
from gamification.domain.totals import Start


class UserChangeset(SettledTotals):
    """The changes of one request for one user.

    Each method books entries and everything that follows from them, and adds an
    outcome. A store then writes all changes together.
    """

    def __init__(
        self, state: UserState, rules: Rules, now: datetime, *, celebrate: bool = True
    ) -> None:
        super().__init__(state, rules, now)
        self.celebrate = celebrate
        #: Whether records are imported, which boosts leave out unless they say so.
        self.is_import = False
        #: Outcomes by the position of their entries.
        self.outcomes: dict[int, Outcome] = {}
        #: Ids of achievements of which no row is to remain.
        self.forgotten: frozenset[int] = NONE
        self.celebrations: tuple[CelebrationNotice, ...] = ()

    @property
    def plain_outcomes(self) -> list[Outcome]:
        """The outcomes without the ids of the database."""
        return [*self.outcomes.values()]

    def numbered(
        self, entry_ids: Sequence[int], celebration_ids: Mapping[tuple[Any, str], int]
    ) -> list[Outcome]:
        """Return the outcomes with the ids that the database gave."""
        return [
            outcome.numbered(
                entry_ids[position:],
                tuple(self._stored(outcome.celebrations, celebration_ids)),
            )
            for position, outcome in self.outcomes.items()
        ]

    def _stored(
        self,
        celebrations: Iterable[CelebrationNotice],
        ids: Mapping[tuple[Any, str], int],
    ) -> Iterator[CelebrationNotice]:
        """Yield the notices that were stored; the user already had the others."""
        for notice in celebrations:
            pk = ids.get((self.state.user_id, notice.dedupe_key))
            if pk is not None:
                yield replace(notice, id=pk)

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.state, self.now)

    @property
    def _present(self) -> Moment:
        return Moment(self.now, self.state.calendar.date_of(self.now))

    def record(self, record: Record, activity: ActivityRule, day: date) -> Outcome:
        """Record an activity on the user's date ``day``, with everything it earns."""
        rewarded, withheld = record.quantity, None
        if activity.daily_limit is not None or activity.cooldown is not None:
            rewarded, withheld = self._limits.admit(record, activity, day)
        calendar = self.state.calendar.as_of(self.now)
        entry = Entry(
            None,
            record.user_id,
            EntryKind.ACTIVITY.value,
            rewarded * activity.xp_reward,
            record.occurred_at,
            day,
            self.now,
            activity.id,
            None,
            record.quantity,
            rewarded,
            activity.xp_reward,
            activity.extends_streak and not calendar.is_neutral(day),
            record.key,
            record.fingerprint,
            record.source,
            attributes=record.attributes,
        )
        if self.rules.catalogue.boosts:
            entry, withheld = boosted_record(self, entry, withheld)
        return self._apply(entry, withheld, settles=True)

    def adjust(self, entry: Entry, *, settles: bool = False) -> Outcome:
        """Add an adjustment by staff; a gain ``settles`` what the user then meets."""
        return self._apply(entry, settles=settles or entry.amount > 0)

    def reverse(
        self,
        targets: Sequence[StandingEntry],
        *,
        room: Iterable[tuple[StandingEntry, int]] = (),
        rewards: Mapping[int, StandingEntry] = MappingProxyType({}),
        reason: Reason = NO_REASON,
    ) -> None:
        """Reverse entries, each on its own date. The state must have its days.

        ``room`` has the entries that now earn more XP, each with the units. ``rewards``
        has the rewards of the revocable achievements that the user holds, by
        achievement id: the user loses those that only these entries had earned. The
        last outcome includes all of this. Losses come before corrections, so that the
        user reaches no level only in passing.
        """
        start, now = self.start(), self.now
        *others, final = [reversal_of(each, now=now, reason=reason) for each in targets]
        for reversal in others:
            self._apply(reversal, settles=False)
        last = self.start()
        self.book(final)
        corrections = tuple(
            room_of(each, units, now=now, reason=reason) for each, units in room
        )
        lost = tuple(self._lose(start, rewards, reason, corrections))
        for entry in corrections:
            self.book(entry)
        gains = self.total_xp > start.total_xp
        unlocks = self._settle(final, start) if gains else []
        self._finish(last, final, unlocks, corrections=corrections, lost=lost)

    def correct(self, corrections: Iterable[Entry]) -> None:
        """Book ``corrections`` together, and unlock what the new total earns."""
        start = self.start()
        # Losses come first here, too.
        for entry in sorted(corrections, key=attrgetter("amount")):
            self.book(entry)
        if self.total_xp > start.total_xp:
            self._settle(self.entries[-1], start)

    def award(self, rule: AchievementRule, reason: Reason) -> Outcome:
        """Unlock ``rule`` by hand, now."""
        reward = self._reward(rule, self._present, reason)
        return self._apply(reward, unlocked=rule, settles=True)

    def backfill(self, rule: AchievementRule, reason: Reason) -> Outcome:
        """Unlock ``rule``, which the user meets, dated to when the ledger satisfied it.

        The state must have its ledger. If the ledger has no such date, it is now.
        """
        moment = self._met_at(rule) or self._present
        reward = self._reward(rule, moment, reason)
        return self._apply(reward, unlocked=rule, settles=True)

    def revoke(
        self, unlock: UnlockRow, reward: StandingEntry, reason: Reason
    ) -> Outcome:
        """Take an achievement away, with the XP of its ``reward``."""
        reversal = self._take_back(unlock, reward, reason)
        return self._apply(reversal, settles=reversal.amount > 0)

    def _apply(
        self,
        entry: Entry,
        withheld: Withheld | None = None,
        *,
        unlocked: AchievementRule | None = None,
        settles: bool,
    ) -> Outcome:
        start = self.start()
        self.book(entry)
        unlocks = [self._hold(unlocked, entry)] if unlocked else []
        if settles:
            unlocks += self._settle(entry, start)
        return self._finish(start, entry, unlocks, withheld=withheld)

    def _finish(
        self,
        start: Start,
        entry: Entry,
        unlocks: Sequence[Unlock] = (),
        *,
        withheld: Withheld | None = None,
        corrections: tuple[Entry, ...] = (),
        lost: tuple[Unlock, ...] = (),
    ) -> Outcome:
        """Store and return the outcome of ``entry`` and of its consequences."""
        outcome = Outcome(
            entry,
            entry.amount,
            withheld,
            self.total_xp,
            start.level,
            self.level,
            self.streak.current,
            self.streak.longest,
            tuple(unlocks),
            self._celebrations(unlocks, start),
            corrections=corrections,
            lost=lost,
        )
        self.outcomes[start.place] = outcome
        return outcome

    def _lose(
        self,
        start: Start,
        rewards: Mapping[int, StandingEntry],
        reason: Reason,
        corrections: Sequence[Entry] = (),
    ) -> Iterator[Unlock]:
        """Take back and yield revocable achievements that the user no longer meets.

        The XP of ``corrections``, which are booked afterwards, counts already.
        """
        known = self.rules.catalogue.achievements.values()
        held = {each: rewards[each.id].worth for each in known if each.id in rewards}
        freed = sum(entry.amount for entry in corrections)
        trials = [
            Trial(self, start, rewards, self.now),
            Trial(self, self.start(), rewards, self.now, corrections),
        ]
        facts = self.facts_at(start), self.facts_with(freed)
        before, after = zip(facts, trials, strict=True)
        lost = find_lost(held, before, after, self.rules.thresholds)
        self.needs_ledger |= any(trial.is_open for trial in trials)
        for rule in lost:
            reward = rewards[rule.id]
            unlock = self._unlock_row(rule, reward.entry)
            lapsed = unlock._replace(can_be_earned_again=True)
            self.book(self._take_back(lapsed, reward, reason))
            yield Unlock(rule.key, rule.name, rule.icon, reward.worth)

    def _take_back(
        self, unlock: UnlockRow, reward: StandingEntry, reason: Reason
    ) -> Entry:
        """Mark ``unlock`` as lost, and return the entry that reverses its reward."""
        self.held = self.held - {unlock.achievement_id}
        revoked = unlock._replace(
            revoked_at=self.now,
            revoked_by_id=reason.actor_id,
            revoke_reason=reason.note,
            internal_note=reason.internal_note,
        )
        self.unlocks += (revoked,)
        return reversal_of(reward, now=self.now, reason=reason)

    def _celebrations(
        self, unlocks: Sequence[Unlock], start: Start
    ) -> tuple[CelebrationNotice, ...]:
        before = Peaks(start.peak_level, start.peak_streak)
        after = Peaks(self.highest_level, self.highest_streak)
        if not self.celebrate or not (before != after or unlocks):
            return ()
        catalogue, milestones = self.rules.catalogue, self.rules.streak_milestones
        fresh = [unlock for unlock in unlocks if self._is_first(unlock)]
        shown = highest_steps(fresh, catalogue.achievements, start.held)
        planned = tuple(notices(shown, before, after, milestones, catalogue.levels))
        self.celebrations += planned
        return planned if self.state.celebrates else ()

    def _is_first(self, unlock: Unlock) -> bool:
        """Say whether the user holds the achievement for the first time."""
        pk = self.rules.catalogue.achievements[unlock.achievement].id
        return pk not in self.state.revoked and pk not in self.state.lapsed
