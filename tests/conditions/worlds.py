"""Plays random histories on the site and in the naive model side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from gamification.exceptions import GamificationError
from gamification.models import (
    Achievement,
    Activity,
    Job,
    LedgerEntry,
    UserAchievement,
)
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    explain_achievement,
    get_achievements,
    record_activities,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.services.catalogue.filters.syncing import sync_filters
from gamification.staff import run_next_step
from tests.conditions.naive import Line, Naive, Rule, Time, holds, measure
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

XP = {"read": 10, "walk": 7}
ATTRIBUTES = {"genre": "string", "pages": "integer", "fresh": "boolean"}


def make_catalogue(rules: Sequence[dict[str, Any]], status: str = "active") -> None:
    """Give the site these achievements and no others, as if saved directly."""
    Achievement.objects.all().delete()
    ActivityFactory(key="read", xp_reward=XP["read"], attributes=ATTRIBUTES)
    ActivityFactory(key="walk", xp_reward=XP["walk"])
    ids = dict(Activity.objects.values_list("key", "pk"))
    for rule in rules:
        own = dict(rule["own"])
        activity = own.pop("activity", None)
        AchievementFactory(
            key=rule["key"],
            xp_reward=rule["xp"],
            criterion=own.pop("criterion"),
            threshold=own.pop("threshold"),
            activity_id=ids[activity] if activity else None,
            counting=own,
            conditions=rule["tree"],
            repeat_every=rule.get("every") or None,
            repeat_period=rule.get("period", ""),
            max_times=rule.get("times", 1),
            starts_at=rule.get("since"),
            ends_at=rule.get("until"),
            status=status,
        )


def build_filters() -> None:
    """Add the filters that achievements need, and build them."""
    sync_filters()
    for job in Job.objects.filter(kind="filters", finished_at=None):
        while not run_next_step(job.pk, actor=None).finished_at:
            pass


class World:
    """One user on the site, and in the naive model."""

    def __init__(self, rules: Sequence[dict[str, Any]]) -> None:
        self.user = UserFactory()
        self.naive = Naive([Rule(**rule) for rule in rules])
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        #: The standing lines of the naive model, by the id of the entry.
        self.lines: dict[int, Line] = {}
        self._minute = 0

    def play(self, steps: Sequence[tuple[str, Any]]) -> None:
        for kind, given in steps:
            getattr(self, kind)(given)

    def at(self, record: dict[str, Any]) -> datetime:
        moment = datetime(2026, 6, record["day"], record["hour"], tzinfo=UTC)
        self.now = max(self.now, moment)
        return moment

    def record(self, given: dict[str, Any]) -> None:
        self.batch([given])

    def batch(self, records: Sequence[dict[str, Any]]) -> None:
        asked = [
            ActivityRecord(
                self.user,
                each["activity"],
                self.at(each),
                each["quantity"],
                attributes=each["attributes"],
            )
            for each in records
        ]
        with time_machine.travel(self.now, tick=False):
            if len(asked) == 1:
                [each] = asked
                record_activity(
                    self.user,
                    each.activity,
                    occurred_at=each.occurred_at,
                    quantity=each.quantity,
                    attributes=each.attributes,
                    historical=True,
                )
            else:
                record_activities(asked, historical=True)
        for each in sorted(asked, key=lambda record: record.occurred_at):
            self.naive.record(
                Line(
                    each.occurred_at,
                    XP[each.activity] * each.quantity,
                    each.activity,
                    each.quantity,
                    dict(each.attributes),
                )
            )

    def entries(self) -> list[LedgerEntry]:
        rows = LedgerEntry.objects.filter(user=self.user).order_by("id")
        gone = {row.reverses for row in rows}
        kinds = {"activity", "adjustment"}
        return [row for row in rows if row.kind in kinds and row.pk not in gone]

    def reverse(self, place: int) -> None:
        entries = self.entries()
        if place >= len(entries):
            return
        entry = entries[place]
        with time_machine.travel(self.now, tick=False):
            reverse_entry(self.user, entry_id=entry.pk)
        self.naive.reverse(self.same_line(entry))

    def same_line(self, entry: LedgerEntry) -> Line:
        mine = [line for line in self.naive.lines if not line.achievement]
        return mine[[row.pk for row in self._standing_before(entry)].index(entry.pk)]

    def _standing_before(self, entry: LedgerEntry) -> list[LedgerEntry]:
        rows = LedgerEntry.objects.filter(user=self.user).order_by("id")
        gone = {row.reverses for row in rows} - {entry.pk}
        kinds = {"activity", "adjustment"}
        return [row for row in rows if row.kind in kinds and row.pk not in gone]

    def adjust(self, amount: int) -> None:
        try:
            with time_machine.travel(self.now, tick=False):
                adjust_xp(self.user, amount=amount, note="Why not.")
        except GamificationError:
            return
        self.naive.adjust(self.now, amount)

    def revoke(self, place: int) -> None:
        held = sorted(self.naive.held, key=str)
        if place >= len(held):
            return
        time = held[place]
        # Entries that are reversed at the same moment go together.
        with time_machine.travel(self.now + timedelta(seconds=1), tick=False):
            revoke_achievement(self.user, time[0], number=self._number(time))
        self.naive.revoke(time)

    def _number(self, time: Time) -> int:
        key, number, period = time
        if period is None:
            return number
        rows = UserAchievement.objects.filter(user=self.user, achievement__key=key)
        return rows.get(period=period).number

    def found(self) -> dict[Time, datetime]:
        """Return when the site says that each achievement was unlocked."""
        rows = UserAchievement.objects.filter(user=self.user, revoked_at=None)
        return {
            (key, number if period is None else 1, period): at
            for key, number, period, at in rows.values_list(
                "achievement__key", "number", "period", "unlocked_at"
            )
        }

    def expected(self) -> dict[Time, datetime]:
        """Return when the naive model says that each achievement was unlocked."""
        return {time: line.at for time, line in self.naive.held.items()}

    @property
    def plain(self) -> list[Rule]:
        """The rules that are not held, and are earned once, at any time."""
        held = {key for key, _number, _period in self.naive.held}
        rules = self.naive.rules
        return [each for each in rules if not each.is_special and each.key not in held]

    def progress(self) -> dict[str, Any]:
        """Return what the site shows of each achievement that is not held."""
        return {
            each.achievement.key: (each.current, each.target, shown(each.conditions))
            for each in get_achievements(self.user)
            if each.achievement.key in {rule.key for rule in self.plain}
        }

    def explained(self) -> dict[str, Any]:
        """Return what explanations say of each achievement that is not held."""
        keys = [rule.key for rule in self.plain]
        found = {key: explain_achievement(self.user, key) for key in keys}
        return {
            key: (each.current, each.target, shown(each.conditions))
            for key, each in found.items()
        }

    def expected_progress(self) -> dict[str, Any]:
        """Return what the naive model says of each achievement that is not held."""
        lines = self.naive.in_order()
        return {
            rule.key: (
                measure(rule.own, lines),
                rule.own["threshold"],
                standing(rule.tree, lines),
            )
            for rule in self.plain
        }


def shown(progress: Any) -> Any:
    """Return how far the site says that each part of a tree is."""
    if progress is None:
        return None
    values = progress.current, progress.target, progress.is_met, progress.missing
    return (*values, [shown(part) for part in progress.parts])


def standing(tree: Any, lines: list[Line]) -> Any:
    """Return how far the naive model says that each part of a tree is."""
    if tree is None:
        return None
    is_met = holds(tree, lines, lines)
    if "holds" in tree or "lacks" in tree:
        return int(is_met), 1, is_met, int(not is_met), []
    if "criterion" in tree:
        value, target = measure(tree, lines), tree["threshold"]
        return value, target, is_met, 0 if is_met else target - value, []
    parts = [
        standing(part, lines) for part in tree.get("of") or next(iter(tree.values()))
    ]
    if "any" in tree:
        best = max(parts, key=lambda part: 1.0 if part[2] else part[0] / part[1])
        value, target = best[:2]
    else:
        target = tree.get("at_least") or len(parts)
        value = min(target, sum(part[2] for part in parts))
    return value, target, is_met, 0 if is_met else max(0, target - value), parts
