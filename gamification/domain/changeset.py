"""The changes of a request for one user: entries and everything they cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from gamification.domain.backfill import Moment
from gamification.domain.boosting import boosted_record
from gamification.domain.catalogue import Facts
from gamification.domain.celebrations import Peaks, notices, stored_notices
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
    Withheld,
)
from gamification.domain.rewards import (
    Place,
    UnlockRow,
    lost_row,
    row_of,
    rules_held,
    unlock_of,
    unlocks_to_show,
)
from gamification.domain.rules import AchievementRule, ActivityRule
from gamification.domain.settling import SettledTotals
from gamification.domain.state import NONE, Record, Rules, UserState
from gamification.domain.totals import Start

_ACTIVITY: Final = EntryKind.ACTIVITY.value


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
        #: Achievements whose rows must go.
        self.forgotten: frozenset[Place] = NONE
        self.celebrations: tuple[CelebrationNotice, ...] = ()

    def numbered(
        self, entry_ids: Sequence[int], celebration_ids: Mapping[tuple[Any, str], int]
    ) -> list[Outcome]:
        """Return the outcomes with the ids that the database gave."""
        user_id = self.state.user_id
        return [
            each.numbered(
                entry_ids[place:],
                stored_notices(each.celebrations, celebration_ids, user_id),
            )
            for place, each in self.outcomes.items()
        ]

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
            _ACTIVITY,
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
        if self.rules.catalogue.boosts.rules:
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
        rewards: Mapping[Place, StandingEntry] = MappingProxyType({}),
        reason: Reason = NO_REASON,
    ) -> None:
        """Reverse entries, each on its own date. The state must have its days.

        ``room`` has the entries that now earn more XP, each with the units. ``rewards``
        has the rewards of the revocable achievements that the user holds: the user
        loses those that only these entries had earned. The last outcome includes all of
        this. Losses come before corrections, so that the user reaches no level only in
        passing.
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

        The state must have its ledger. If the ledger has no such date, it is now. What
        can be earned again is unlocked as often as the user has met it.
        """
        start, unlocks, first = self.start(), list[Unlock](), len(self.entries)
        for goal in self.all_due(rule) if rule.is_special else [rule]:
            moment = self._met_at(goal) or self._present
            reward = self._reward(goal, moment, reason)
            self.book(reward)
            unlocks.append(self._hold(goal, reward))
        reward = self.entries[first]
        unlocks += self._settle(reward, start)
        return self._finish(start, reward, unlocks)

    def revoke(
        self, unlocks: Sequence[tuple[UnlockRow, StandingEntry]], reason: Reason
    ) -> Outcome:
        """Take an achievement away, with the XP of its rewards.

        There are several if the user has earned it more than once. The outcome is that
        of the last reward, and has the others among its losses.
        """
        start = self.start()
        *others, (unlock, reward) = unlocks
        reversal = self._take_back(unlock, reward, reason)
        self.book(reversal)
        lost = []
        for row, each in others:
            self.book(self._take_back(row, each, reason))
            rule = self.rules.catalogue.rule_of(row.achievement_id)
            lost.append(unlock_of(rule, each.worth, row.number))
        gained = self._settle(reversal, start) if reversal.amount > 0 else []
        return self._finish(start, reversal, gained, lost=tuple(lost))

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
        if entry.kind == EntryKind.REVERSAL:
            # A run that is longer without an entry is reached silently.
            start = start._replace(peak_streak=self.highest_streak)
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
        rewards: Mapping[Place, StandingEntry],
        reason: Reason,
        corrections: Sequence[Entry] = (),
        safe: AbstractSet[Place] = NONE,
    ) -> Iterator[Unlock]:
        """Take back and yield revocable achievements that the user no longer meets.

        The XP of ``corrections``, which are booked afterwards, counts already.
        Achievements that are ``safe`` stay.
        """
        by_rule = rules_held(self.rules.catalogue.achievements, rewards)
        held = {rule: reward.worth for rule, reward in by_rule.items()}
        trials = [
            Trial(self, start, rewards, self.now),
            Trial(self, self.start(), rewards, self.now, corrections),
        ]
        facts = self._facts_around(start, by_rule, corrections)
        before, after = zip(facts, trials, strict=True)
        at_risk = {rule for rule in held if (rule.id, rule.number) not in safe}
        lost = find_lost(held, before, after, self.rules.thresholds, at_risk)
        self.needs_ledger |= any(trial.is_open for trial in trials)
        for rule in lost:
            reward = by_rule[rule]
            lapsed = row_of(reward.entry)._replace(can_be_earned_again=True)
            self.book(self._take_back(lapsed, reward, reason))
            yield unlock_of(rule, reward.worth)

    def _facts_around(
        self,
        start: Start,
        held: Iterable[AchievementRule],
        corrections: Sequence[Entry],
    ) -> tuple[Facts, Facts]:
        """Return the facts at ``start``, and now with the XP of ``corrections``."""
        freed = sum(entry.amount for entry in corrections)
        before, after = self.facts_at(start), self.facts_with(freed)
        if self.goals is None:
            return before, after
        spans = self.goals.spans(held, self.entries[start.place :])
        now = self.goals.spans(held)
        self.needs_ledger |= self.goals.needs_ledger
        return before._replace(spans=spans), after._replace(spans=now)

    def _take_back(
        self, unlock: UnlockRow, reward: StandingEntry, reason: Reason
    ) -> Entry:
        """Mark ``unlock`` as lost, and return the entry that reverses its reward."""
        pk, is_lapsed = unlock.achievement_id, unlock.can_be_earned_again
        goals = self.goals
        if goals is None or goals.lose(pk, unlock.number, is_lapsed=is_lapsed):
            self.held = self.held - {pk}
        self.unlocks += (lost_row(unlock, self.now, reason),)
        return reversal_of(reward, now=self.now, reason=reason)

    def _celebrations(
        self, unlocks: Sequence[Unlock], start: Start
    ) -> tuple[CelebrationNotice, ...]:
        before = Peaks(start.peak_level, start.peak_streak)
        after = Peaks(self.highest_level, self.highest_streak)
        if not self.celebrate or not (before != after or unlocks):
            return ()
        catalogue, milestones = self.rules.catalogue, self.rules.streak_milestones
        shown = unlocks_to_show(unlocks, catalogue.achievements, self.state, start.held)
        planned = tuple(notices(shown, before, after, milestones, catalogue.levels))
        self.celebrations += planned
        return planned if self.state.celebrates else ()
