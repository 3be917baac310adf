"""Finds achievements to earn again, or in a season, that a user has met."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from operator import attrgetter
from typing import TYPE_CHECKING

from gamification.domain.backfill import last_value
from gamification.domain.catalogue import AchievementRule, Criterion, Facts, Measure
from gamification.domain.history import lasting_with
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.spans import (
    SpanCounts,
    is_inside,
    period_of,
    subject_of,
)
from gamification.domain.state import Earned, Rules, UserState

if TYPE_CHECKING:
    from gamification.domain.history import PastEntry


def goal_of(
    rule: AchievementRule, number: int = 1, period: date | None = None
) -> AchievementRule:
    """Return what earning ``rule`` for the time ``number`` takes."""
    threshold = rule.threshold + (number - 1) * (rule.repeat_every or 0)
    return replace(rule, threshold=threshold, number=number, period=period)


def times_met(rule: AchievementRule, value: int) -> int:
    """Return how often ``value`` earns a rule that is earned again every so much."""
    if value < rule.threshold:
        return 0
    every = rule.repeat_every
    times = 1 if every is None else (value - rule.threshold) // every + 1
    return times if rule.max_times is None else min(times, rule.max_times)


def touches(rule: AchievementRule, entry: PastEntry | Entry) -> bool:
    """Say whether ``entry`` may change what ``rule`` counts."""
    match rule.criterion:
        case Criterion.ACTIVITY_COUNT:
            return entry.activity_id == rule.activity_id
        case Criterion.ACTIVE_DAYS:
            return entry.extends_streak
        case Criterion.TOTAL_XP:
            return entry.amount != 0
        case Criterion.LONGEST_STREAK:
            return entry.activity_id is not None
        case Criterion.ACHIEVEMENTS:
            return entry.kind == EntryKind.ACHIEVEMENT
    return True


class GoalKeeper:
    """What a user has earned of special achievements, and counts for them."""

    def __init__(self, state: UserState, rules: Rules) -> None:
        self.state = state
        self.rules = rules
        #: Rows by achievement id and number.
        self.rows: dict[int, dict[int, Earned]] = {
            pk: {row.number: row for row in rows} for pk, rows in state.numbers.items()
        }
        #: Whether something cannot be decided without the ledger, which is missing.
        self.needs_ledger = False
        self._booked: list[Entry] = []
        if state.ledger is not None:
            self._counts = SpanCounts.of_ledger(state.calendar, state.ledger)
        else:
            query, counts = state.spans or (None, {})
            self._counts = SpanCounts(state.calendar, query, counts)
        self._knows_counts = state.ledger is not None or state.spans is not None

    def note(self, entry: Entry) -> None:
        """Count an entry that was booked."""
        self._booked.append(entry)
        self._counts.add(entry)

    def hold(self, goal: AchievementRule) -> None:
        """Add what the user has earned."""
        rows = self.rows.setdefault(goal.id, {})
        rows[goal.number] = Earned(
            goal.number, is_held=True, is_lapsed=False, period=goal.period
        )

    def lose(self, pk: int, number: int, *, is_lapsed: bool) -> bool:
        """Take away one number; say whether the user holds no other one."""
        rows = self.rows.get(pk, {})
        if number in rows:
            rows[number] = rows[number]._replace(is_held=False, is_lapsed=is_lapsed)
        return not any(row.is_held for row in rows.values())

    def due(
        self, new: Sequence[Entry], facts: Facts, barred: Collection[int]
    ) -> list[AchievementRule]:
        """Return what the user has met with ``new`` entries, and has not earned.

        ``barred`` has the ids of achievements that the user holds or has lost to staff.
        """
        values = dict(facts.measures())
        goals: list[AchievementRule] = []
        for rule in self.rules.catalogue.special:
            if rule.criterion == Criterion.MANUAL:
                continue
            if not rule.is_repeated and rule.id in barred:
                continue
            goals += self._due(rule, self._periods(rule, new), values)
        return sorted(goals, key=attrgetter("threshold", "id", "number"))

    def all_due(self, rule: AchievementRule, facts: Facts) -> list[AchievementRule]:
        """Return all that the user has met of ``rule``; the state has the ledger."""
        if not rule.is_repeated and rule.id in self.state.held | self.state.revoked:
            return []
        entries = [*lasting_with(self.state.ledger or (), self._booked)]
        return [*self._due(rule, self._periods(rule, entries), dict(facts.measures()))]

    def _periods(
        self, rule: AchievementRule, entries: Iterable[PastEntry | Entry]
    ) -> list[date | None]:
        """Return the periods that ``entries`` belong to; one that is None for none."""
        if not rule.is_spanned:
            return [None]
        calendar = self.state.calendar
        found = {
            period_of(rule, entry.local_date)
            for entry in entries
            if touches(rule, entry)
            and is_inside(rule, None, entry.local_date, entry.occurred_at, calendar)
        }
        return sorted(found, key=lambda period: period or date.min)

    def _due(
        self,
        rule: AchievementRule,
        periods: Iterable[date | None],
        values: Mapping[Measure, int],
    ) -> Iterator[AchievementRule]:
        known, left = self.rows.get(rule.id, {}), rule.max_times
        done = {n for n, row in known.items() if not row.is_lapsed or row.is_held}
        last = max(known, default=0)
        for period in periods:
            value = self._value(rule, period, values)
            if value is None:
                self.needs_ledger = True
            elif period is None:
                met = times_met(rule, value)
                if len(done) < met or max(done, default=0) > met:
                    yield from (
                        goal_of(rule, n) for n in range(1, met + 1) if n not in done
                    )
            elif value >= rule.threshold and (left is None or len(done) < left):
                rows = [row for row in known.values() if row.period == period]
                if any(row.number in done for row in rows):
                    continue
                number = rows[0].number if rows else last + 1
                last = max(last, number)
                done.add(number)
                yield goal_of(rule, number, period)

    def _value(
        self, rule: AchievementRule, period: date | None, values: Mapping[Measure, int]
    ) -> int | None:
        """Return what ``rule`` counts; None if only the missing ledger says so."""
        if not rule.is_spanned:
            return values.get(rule.fact, 0)
        if subject_of(rule) is not None:
            is_known = self._knows(rule, period)
            return self._counts.value(rule, period) if is_known else None
        if self.state.ledger is not None:
            entries, state = self._entries(), self.state
            return last_value(rule, entries, state.calendar, self.rules, state.book)
        # What a user never reached, they did not reach in a season.
        ever = self.state.highest_level if rule.criterion == Criterion.LEVEL else 0
        most = max(ever, values.get(rule.fact, 0))
        return 0 if most < rule.threshold else None

    def _entries(self) -> Iterator[PastEntry | Entry]:
        return lasting_with(self.state.ledger or (), self._booked)

    def was_met(
        self, goal: AchievementRule, new: Sequence[Entry], before: Facts
    ) -> bool:
        """Say whether ``goal`` may have been met without ``new`` entries."""
        if not goal.is_spanned:
            return before.meet(goal)
        if subject_of(goal) is None:
            return True
        return self._counts.value(goal, goal.period, new) >= goal.threshold

    def spans(
        self, goals: Iterable[AchievementRule], without: Sequence[Entry] = ()
    ) -> dict[tuple[str, int | None], int]:
        """Return what each goal with a season or period counts, by its measure."""
        counted = [g for g in goals if g.is_spanned and subject_of(g) is not None]
        if not all(self._knows(goal, goal.period) for goal in counted):
            self.needs_ledger = True
        return {
            goal.measure: self._counts.value(goal, goal.period, without)
            for goal in counted
        }

    def _knows(self, rule: AchievementRule, period: date | None) -> bool:
        return self._knows_counts and self._counts.knows(rule, period)

    def progress(
        self, rule: AchievementRule, day: date, facts: Facts
    ) -> tuple[int, int, bool]:
        """Return how far the user has come, and how far to go to earn it once more.

        The last value says whether the user cannot earn it once more for now.
        """
        period = period_of(rule, day)
        value = self._value(rule, period, dict(facts.measures()))
        if value is None:
            self.needs_ledger = True
        rows = self.rows.get(rule.id, {}).values()
        done = {row.number for row in rows if row.is_held or not row.is_lapsed}
        number = next(n for n in range(1, len(done) + 2) if n not in done)
        is_over = rule.max_times is not None and len(done) >= rule.max_times
        if period is not None:
            is_over |= any(r.period == period and r.number in done for r in rows)
        elif is_over:
            number = max(done, default=1)
        return value or 0, goal_of(rule, number).threshold, is_over
