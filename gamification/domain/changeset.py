"""The changes of a request for one user: entries and everything they cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from gamification.domain.backfill import Moment, met_at
from gamification.domain.catalogue import AchievementRule, ActivityRule
from gamification.domain.celebrations import NoticeRow, Peaks, notice_row, notices
from gamification.domain.history import (
    Ledger,
    StandingEntry,
    correction_of,
    reversal_of,
)
from gamification.domain.limits import Limits
from gamification.domain.outcomes import (
    CelebrationNotice,
    Entry,
    EntryKind,
    Outcome,
    Unlock,
    UnlockRow,
    Withheld,
)
from gamification.domain.state import Record, Rules, UserState
from gamification.domain.totals import RunningTotals, Start


class UserChangeset(RunningTotals):
    """The changes of one request for one user.

    Each method books entries and everything that follows from them, and adds an
    outcome. A store then writes all changes together.
    """

    def __init__(
        self,
        state: UserState,
        rules: Rules,
        now: datetime,
        *,
        celebrate: bool = True,
    ) -> None:
        super().__init__(state, rules)
        self.now = now
        self.celebrate = celebrate
        #: Whether dating an unlock takes the whole ledger, which the state lacks. The
        #: caller then loads the ledger and makes a new changeset.
        self.needs_ledger = False
        #: Outcomes, each with the position of its entry.
        self.outcomes: list[tuple[int, Outcome]] = []
        self.unlocks: list[UnlockRow] = []
        #: Ids of achievements of which no row is to remain.
        self.forgotten: set[int] = set()
        self.celebrations: list[CelebrationNotice] = []

    def notice_rows(self) -> list[NoticeRow]:
        """Return the celebrations as rows."""
        expires_at = self.now + self.rules.celebration_ttl
        known = self.rules.catalogue.achievements
        ids = {key: rule.id for key, rule in known.items()}
        return [
            notice_row(each, self.state.user_id, ids, self.now, expires_at)
            for each in self.celebrations
        ]

    @property
    def plain_outcomes(self) -> list[Outcome]:
        """The outcomes without the ids of the database."""
        return [outcome for _, outcome in self.outcomes]

    def numbered(
        self, entry_ids: Sequence[int], celebration_ids: Mapping[tuple[Any, str], int]
    ) -> list[Outcome]:
        """Return the outcomes with the ids that the database gave."""
        return [
            outcome.numbered(
                entry_ids[position:],
                tuple(self._stored(outcome.celebrations, celebration_ids)),
            )
            for position, outcome in self.outcomes
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
        )
        return self._apply(entry, withheld, settles=True)

    def adjust(self, entry: Entry) -> Outcome:
        """Add an adjustment by staff."""
        return self._apply(entry, settles=entry.amount > 0)

    def reverse(
        self,
        targets: Sequence[StandingEntry],
        *,
        room: Iterable[tuple[StandingEntry, int]] = (),
        rewards: Mapping[int, StandingEntry] = MappingProxyType({}),
        actor_id: Any = None,
        note: str = "",
    ) -> None:
        """Reverse entries, each on its own date. The state must have its days.

        ``room`` has the entries that now earn more XP, each with the units. ``rewards``
        has the rewards of the revocable achievements that the user holds, by
        achievement id: the user loses those that only these entries had earned. The
        last outcome includes all of this, so that no level counts as reached that
        the user only passed through.
        """
        start, by = self._start(), {"actor_id": actor_id, "note": note}
        for target in targets[:-1]:
            self._apply(reversal_of(target, now=self.now, **by), settles=False)
        last = self._start()
        reversal = reversal_of(targets[-1], now=self.now, **by)
        corrections = [
            correction_of(
                standing,
                units * standing.xp_reward,
                rewarded=units,
                now=self.now,
                **by,
            )
            for standing, units in room
        ]
        for entry in (reversal, *corrections):
            self.book(entry)
        lost = tuple(self._lose(start, rewards, **by))
        gains = self.total_xp > start.facts.total_xp
        unlocks = self._settle(reversal, start) if gains else []
        self._finish(last, reversal, unlocks, corrections=tuple(corrections), lost=lost)

    def correct(self, corrections: Iterable[Entry]) -> None:
        """Book ``corrections`` together, and unlock what the new total earns."""
        start = self._start()
        # Losses come first, so that the user reaches no level only in passing.
        for entry in sorted(corrections, key=attrgetter("amount")):
            self.book(entry)
        if self.total_xp > start.facts.total_xp:
            self._settle(self.entries[-1], start)

    def award(self, rule: AchievementRule, *, actor_id: Any, note: str) -> Outcome:
        """Unlock ``rule`` by hand, now."""
        moment = Moment(self.now, self.state.calendar.date_of(self.now))
        reward = self._reward(rule, moment, actor_id=actor_id, note=note)
        return self._apply(reward, unlocked=rule, settles=True)

    def backfill(self, rule: AchievementRule, *, actor_id: Any, note: str) -> Outcome:
        """Unlock ``rule``, which the user meets, dated to when the ledger satisfied it.

        The state must have its ledger. If the ledger has no such date, it is now.
        """
        now = Moment(self.now, self.state.calendar.date_of(self.now))
        moment = self._met_at(rule) or now
        reward = self._reward(rule, moment, actor_id=actor_id, note=note)
        return self._apply(reward, unlocked=rule, settles=True)

    def revoke(
        self, unlock: UnlockRow, reward: StandingEntry, *, actor_id: Any, reason: str
    ) -> Outcome:
        """Take an achievement away, with the XP of its ``reward``."""
        self.held = self.held - {unlock.achievement_id}
        self.unlocks.append(
            unlock._replace(
                revoked_at=self.now, revoked_by_id=actor_id, revoke_reason=reason
            )
        )
        reversal = reversal_of(reward, now=self.now, actor_id=actor_id, note=reason)
        return self._apply(reversal, settles=reversal.amount > 0)

    def mark(self, job_id: int) -> None:
        """Name the job that makes these changes."""
        self.entries = [entry._replace(job_id=job_id) for entry in self.entries]

    def _apply(
        self,
        entry: Entry,
        withheld: Withheld | None = None,
        *,
        unlocked: AchievementRule | None = None,
        settles: bool,
    ) -> Outcome:
        start = self._start()
        self.book(entry)
        unlocks = [self._hold(unlocked, entry)] if unlocked else []
        if settles:
            unlocks += self._settle(entry, start)
        return self._finish(start, entry, unlocks, withheld=withheld)

    def _start(self) -> Start:
        peaks = Peaks(self.highest_level, self.highest_streak)
        place = len(self.entries)
        return Start(place, self.level, peaks, self.facts(), self.last_occurred_at)

    def _finish(
        self, start: Start, entry: Entry, unlocks: list[Unlock], **results: Any
    ) -> Outcome:
        """Store and return the outcome of ``entry`` and of its consequences."""
        outcome = Outcome(
            entry=entry,
            credited=entry.amount,
            withheld=results.pop("withheld", None),
            total_xp=self.total_xp,
            level_before=start.level,
            level=self.level,
            current_streak=self.streak.current,
            longest_streak=self.streak.longest,
            unlocks=tuple(unlocks),
            celebrations=self._celebrations(unlocks, start.peaks),
            **results,
        )
        self.outcomes.append((start.place, outcome))
        if entry.key is not None:
            self.entries[start.place] = entry.with_outcome(outcome.snapshot())
        return outcome

    def _settle(self, cause: Entry, start: Start) -> list[Unlock]:
        """Unlock what the new state earns, until no further unlock follows."""
        unlocks: list[Unlock] = []
        catalogue, is_dated = self.rules.catalogue, start.dates(cause)
        while earned := catalogue.earned(self.changed_facts(), self._barred()):
            for rule in earned:
                # A rule that the user met before, or one after it, needs the ledger.
                is_dated = is_dated and not start.meets(rule)
                moment = Moment(cause.occurred_at, cause.local_date)
                if not is_dated:
                    moment = self._met_at(rule) or moment
                reward = self._reward(rule, moment)
                self.book(reward)
                unlocks.append(self._hold(rule, reward))
        return unlocks

    def _met_at(self, rule: AchievementRule) -> Moment | None:
        """Return when the ledger, with the booked entries, satisfied ``rule``."""
        if self.state.ledger is None:
            self.needs_ledger = True
            return None
        ledger: Ledger = [*self.state.ledger, *self.entries]
        return met_at(rule, ledger, self.state.calendar, self.rules)

    def _lose(
        self, start: Start, rewards: Mapping[int, StandingEntry], **by: Any
    ) -> Iterator[Unlock]:
        """Take back and yield revocable achievements that the user no longer meets."""
        rules = [
            rule
            for rule in self.rules.catalogue.achievements.values()
            if rule.id in rewards and start.meets(rule)
        ]
        is_complete = False
        while not is_complete:
            is_complete, facts = True, self.facts()
            for rule in rules:
                if rule.id in self.held and not facts.meet(rule):
                    is_complete = False
                    reward = rewards[rule.id]
                    self.held = self.held - {rule.id}
                    self.unlocks.append(self._lapsed(reward, **by))
                    self.book(reversal_of(reward, now=self.now, **by))
                    yield Unlock(rule.key, rule.name, rule.icon, reward.worth)

    def _lapsed(self, reward: StandingEntry, *, actor_id: Any, note: str) -> UnlockRow:
        entry = reward.entry
        return UnlockRow(
            entry.user_id,
            entry.achievement_id or 0,
            entry.occurred_at,
            entry.amount,
            self.now,
            actor_id,
            note,
            can_be_earned_again=True,
        )

    def _celebrations(
        self, unlocks: list[Unlock], before: Peaks
    ) -> tuple[CelebrationNotice, ...]:
        after = Peaks(self.highest_level, self.highest_streak)
        if not self.celebrate or (after == before and not unlocks):
            return ()
        fresh = [unlock for unlock in unlocks if self._is_first(unlock)]
        milestones = self.rules.streak_milestones
        planned = tuple(notices(fresh, before, after, milestones))
        self.celebrations += planned
        return planned

    def _is_first(self, unlock: Unlock) -> bool:
        """Say whether the user holds the achievement for the first time."""
        pk = self.rules.catalogue.achievements[unlock.achievement].id
        return pk not in self.state.revoked and pk not in self.state.lapsed

    def _barred(self) -> AbstractSet[int]:
        revoked = self.state.revoked
        return self.held | revoked if revoked else self.held

    def _reward(
        self,
        rule: AchievementRule,
        moment: Moment,
        *,
        actor_id: Any = None,
        note: str = "",
    ) -> Entry:
        return Entry(
            id=None,
            user_id=self.state.user_id,
            kind=EntryKind.ACHIEVEMENT.value,
            amount=rule.xp_reward,
            occurred_at=moment.instant,
            local_date=moment.day,
            recorded_at=self.now,
            achievement_id=rule.id,
            actor_id=actor_id,
            note=note,
        )

    def _hold(self, rule: AchievementRule, reward: Entry) -> Unlock:
        self.held = self.held | {rule.id}
        self.unlocks.append(
            UnlockRow(reward.user_id, rule.id, reward.occurred_at, reward.amount)
        )
        return Unlock(rule.key, rule.name, rule.icon, reward.amount)
