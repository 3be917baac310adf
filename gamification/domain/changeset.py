"""The decision: what a request changes for one user, as a changeset over its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from gamification.domain.catalogue import (
    AchievementRule,
    ActivityRule,
)
from gamification.domain.celebrations import NoticeRow, Peaks, notices
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
from gamification.domain.totals import RunningTotals


class UserChangeset(RunningTotals):
    """The changes of one request for one user.

    Each verb takes what was asked, books it with all that follows, and returns an
    outcome. What it adds up is written by a store in one go.
    """

    def __init__(
        self, state: UserState, rules: Rules, now: datetime, *, celebrate: bool = True
    ) -> None:
        super().__init__(state, rules)
        self.now = now
        self.celebrate = celebrate
        #: What each verb returned, with the position of its entry.
        self.outcomes: list[tuple[int, Outcome]] = []
        self.unlocks: list[UnlockRow] = []
        self.celebrations: list[CelebrationNotice] = []

    def notice_rows(self) -> Iterator[NoticeRow]:
        """Yield the celebrations as rows."""
        expires_at = self.now + self.rules.celebration_ttl
        for notice in self.celebrations:
            yield NoticeRow(
                self.state.user_id,
                notice.kind,
                notice.dedupe_key,
                notice.data,
                self.now,
                expires_at,
            )

    def numbered(
        self, entry_ids: Sequence[int], celebration_ids: Mapping[tuple[Any, str], int]
    ) -> Iterator[Outcome]:
        """Yield the outcomes again, with the ids that the database gave."""
        user_id = self.state.user_id
        for position, outcome in self.outcomes:
            notices = tuple(
                replace(notice, id=celebration_ids[user_id, notice.dedupe_key])
                for notice in outcome.celebrations
            )
            yield outcome.numbered(entry_ids[position], notices)

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
            activity.extends_streak and not calendar.is_neutral(day),
            record.key,
            record.fingerprint,
            record.source,
        )
        return self._apply(entry, withheld, settle=True)

    def adjust(self, entry: Entry) -> Outcome:
        """Add an adjustment by staff."""
        return self._apply(entry, settle=entry.amount > 0)

    def reverse(self, entry: Entry, *, actor_id: Any = None, note: str = "") -> Outcome:
        """Take ``entry`` back, on its own date. The state must have its days."""
        reversal = entry._replace(
            id=None,
            kind=EntryKind.REVERSAL.value,
            amount=-entry.amount,
            quantity=-entry.quantity,
            rewarded=-entry.rewarded,
            recorded_at=self.now,
            key=None,
            fingerprint="",
            reverses=entry.id,
            actor_id=actor_id,
            note=note,
            outcome=None,
        )
        return self._apply(reversal, settle=reversal.amount > 0)

    def award(self, rule: AchievementRule, *, actor_id: Any, note: str) -> Outcome:
        """Unlock ``rule`` by hand, now."""
        day = self.state.calendar.date_of(self.now)
        entry = self._reward(rule, self.now, day, actor_id=actor_id, note=note)
        return self._apply(entry, unlocked=rule, settle=True)

    def revoke(
        self, unlock: UnlockRow, entry: Entry, *, actor_id: Any, reason: str
    ) -> Outcome:
        """Take an achievement away, with the XP of its ``entry``."""
        self.held = self.held - {unlock.achievement_id}
        self.unlocks.append(
            unlock._replace(
                revoked_at=self.now, revoked_by_id=actor_id, revoke_reason=reason
            )
        )
        return self.reverse(entry, actor_id=actor_id, note=reason)

    def _apply(
        self,
        entry: Entry,
        withheld: Withheld | None = None,
        *,
        unlocked: AchievementRule | None = None,
        settle: bool = False,
    ) -> Outcome:
        level, position = self.level, len(self.entries)
        peaks = Peaks(self.highest_level, self.streak.longest)
        self.book(entry)
        unlocks = [self._hold(unlocked, entry)] if unlocked else []
        if settle:
            unlocks += self._settle(entry)
        outcome = Outcome(
            entry=entry,
            credited=entry.amount,
            withheld=withheld,
            total_xp=self.total_xp,
            level_before=level,
            level=self.level,
            current_streak=self.streak.current,
            longest_streak=self.streak.longest,
            unlocks=tuple(unlocks),
            celebrations=self._celebrations(unlocks, peaks),
        )
        self.outcomes.append((position, outcome))
        if entry.key is not None:
            self.entries[position] = entry.with_outcome(outcome.snapshot())
        return outcome

    def _settle(self, cause: Entry) -> list[Unlock]:
        """Unlock what the new state earns, until nothing more follows from it."""
        unlocks: list[Unlock] = []
        catalogue = self.rules.catalogue
        while earned := catalogue.earned(self.facts(), self._barred()):
            for rule in earned:
                reward = self._reward(rule, *self._moment_of(rule, cause))
                self.book(reward)
                unlocks.append(self._hold(rule, reward))
        return unlocks

    def _moment_of(self, rule: AchievementRule, cause: Entry) -> tuple[datetime, date]:
        """Return when ``rule``, which follows from ``cause``, is unlocked."""
        return cause.occurred_at, cause.local_date

    def _celebrations(
        self, unlocks: list[Unlock], before: Peaks
    ) -> tuple[CelebrationNotice, ...]:
        after = Peaks(self.highest_level, self.streak.longest)
        if not self.celebrate or (after == before and not unlocks):
            return ()
        milestones = self.rules.streak_milestones
        planned = tuple(
            notice
            for notice in notices(unlocks, before, after, milestones)
            if notice.dedupe_key not in self.state.celebrated
        )
        self.celebrations += planned
        return planned

    def _barred(self) -> AbstractSet[int]:
        revoked = self.state.revoked
        return self.held | revoked if revoked else self.held

    def _reward(
        self,
        rule: AchievementRule,
        at: datetime,
        day: date,
        *,
        actor_id: Any = None,
        note: str = "",
    ) -> Entry:
        return Entry(
            id=None,
            user_id=self.state.user_id,
            kind=EntryKind.ACHIEVEMENT.value,
            amount=rule.xp_reward,
            occurred_at=at,
            local_date=day,
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
