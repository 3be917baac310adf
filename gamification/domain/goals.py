"""Finds achievements to earn again, or in a season, that a user has met."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from gamification.domain.backfill import last_value
from gamification.domain.catalogue import Facts
from gamification.domain.conditions import Quantity
from gamification.domain.criteria import Criterion
from gamification.domain.history import lasting_with
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.rules import NEVER, AchievementRule
from gamification.domain.spans import (
    SpanCounts,
    is_inside,
    period_of,
    subject_of,
)
from gamification.domain.state import Earned, Rules, UserState
from gamification.domain.trees import own_goal

if TYPE_CHECKING:
    from gamification.domain.history import PastEntry
    from gamification.domain.judging import Judge
    from gamification.domain.requirements import Goal

#: Says whether what is required besides the criterion is met.
Meets: TypeAlias = Callable[[AchievementRule], bool]


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
    if rule.conditions is not None:
        return True
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
    """The special achievements that a user has earned, and the counts for them."""

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
        self,
        new: Sequence[Entry],
        barred: Collection[int],
        judge: Judge,
        meets: Meets,
        *,
        is_latest: bool = True,
    ) -> list[AchievementRule]:
        """Return what the user has met with ``new`` entries, and has not earned.

        ``is_latest`` says that nothing in the ledger is later.

        ``barred`` has the ids of achievements that the user holds or has lost to staff.
        ``judge`` measures, and ``meets`` says whether all else is met.
        """
        goals: list[AchievementRule] = []
        catalogue = self.rules.catalogue
        activities = frozenset(e.activity_id for e in self._booked if e.activity_id)
        affected = catalogue.trees.affected_by(activities).special
        for rule in catalogue.special:
            if rule.criterion == Criterion.MANUAL:
                continue
            if not rule.is_repeated and rule.id in barred:
                continue
            if rule.is_tree and rule.id not in affected:
                continue
            if not rule.is_tree and rule.activity_id not in {None, *activities}:
                # A record of that activity brings it; here, its tally may be unread.
                continue
            entries: Iterable[PastEntry | Entry] = new
            if rule.is_spanned and not is_latest and self._is_moved(rule, judge):
                # It may now have been met in any later season or period.
                self.needs_ledger |= self.state.ledger is None
                entries = self._entries()
            goals += self._due(rule, self._periods(rule, entries), judge, meets)
        return sorted(goals, key=attrgetter("threshold", "id", "number"))

    def _is_moved(self, rule: AchievementRule, judge: Judge) -> bool:
        """Say whether a record from before a season or a period may count in it.

        It may with conditions, and with values that carry over, such as a level.
        """
        if rule.conditions is not None:
            return True
        if subject_of(rule) is not None:
            return False
        goal = goal_of(rule, _first_not_in(self._done(rule)))
        return judge.limit(own_goal(goal)) >= goal.threshold

    def all_due(
        self, rule: AchievementRule, judge: Judge, meets: Meets
    ) -> list[AchievementRule]:
        """Return all that the user has met of ``rule``; the state has the ledger."""
        if not rule.is_repeated and rule.id in self.state.held | self.state.revoked:
            return []
        return [*self._due(rule, self._periods(rule, self._entries()), judge, meets)]

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
        judge: Judge,
        meets: Meets,
    ) -> Iterator[AchievementRule]:
        known, done = self.rows.get(rule.id, {}), self._done(rule)
        last = max(known, default=0)
        for period in periods:
            if rule.max_times is not None and len(done) >= rule.max_times:
                return
            if period is None:
                yield from self._due_numbers(rule, done, judge, meets)
                continue
            rows = [row for row in known.values() if row.period == period]
            if any(row.number in done for row in rows):
                continue
            goal = goal_of(rule, rows[0].number if rows else last + 1, period)
            if self._reaches(goal, judge) and meets(goal):
                last = max(last, goal.number)
                done.add(goal.number)
                yield goal

    def _done(self, rule: AchievementRule) -> set[int]:
        """Return the numbers that are held, or that staff took away."""
        rows = self.rows.get(rule.id, {})
        return {n for n, row in rows.items() if row.is_held or not row.is_lapsed}

    def _due_numbers(
        self, rule: AchievementRule, done: set[int], judge: Judge, meets: Meets
    ) -> Iterator[AchievementRule]:
        """Yield the times of earning ``rule`` that are met and not ``done``."""
        number = _first_not_in(done)
        if not self._reaches(goal_of(rule, number), judge):
            return
        value = self.value(rule, judge) or 0
        for number in range(1, times_met(rule, value) + 1):
            goal = goal_of(rule, number)
            if number not in done and meets(goal):
                yield goal

    def _reaches(self, goal: AchievementRule, judge: Judge) -> bool:
        """Say whether ``goal`` is reached; without the ledger that tells, it is not."""
        value = self.value(goal, judge)
        if value is not None:
            return value >= goal.threshold
        if judge.limit(own_goal(goal)) >= goal.threshold:
            self.needs_ledger = True
        return False

    def value(self, goal: AchievementRule, judge: Judge) -> int | None:
        """Return what ``goal`` counts; None if only the missing ledger says so."""
        if goal.is_tree:
            return judge.value(self.rules.catalogue.tree_of(goal).own)
        if goal.is_spanned:
            return judge.value(own_goal(goal))
        return judge.facts.get(goal.fact, 0)

    def inside(self, goal: Goal, place: int | None = None) -> int | None:
        """Return what ``goal`` counts in its season or period.

        Of what was booked, only the entries before ``place`` count. None says that only
        the missing ledger tells.
        """
        rule, ledger = goal.within, self.state.ledger
        assert rule  # noqa: S101 - it has a season or a period
        later = () if place is None else self._booked[place:]
        if not rule.counting.is_plain or subject_of(rule) is None:
            if ledger is None:
                return None
            entries = lasting_with(ledger, self._booked[:place])
            state = self.state
            return last_value(goal, entries, state.calendar, self.rules, state.book)
        if not self._knows(rule, rule.period):
            return None
        return self._counts.value(rule, rule.period, later)

    def limit(self, goal: Goal, place: int | None = None) -> int:
        """Return the most that ``goal`` can be if only the ledger tells its value."""
        rule = goal.within
        is_sum = goal.counted.counting.quantity == Quantity.SUM
        if rule is None or is_sum or subject_of(rule) is None:
            return NEVER
        if not self._knows(rule, rule.period):
            return NEVER
        later = () if place is None else self._booked[place:]
        return self._counts.value(rule, rule.period, later)

    def _entries(self) -> Iterator[PastEntry | Entry]:
        return lasting_with(self.state.ledger or (), self._booked)

    def was_met(
        self, goal: AchievementRule, new: Sequence[Entry], before: Facts
    ) -> bool:
        """Say whether ``goal``, no tree, may have been met without ``new`` entries."""
        if not goal.is_spanned:
            return before.meet(goal)
        if subject_of(goal) is None:
            return True
        return self._counts.value(goal, goal.period, new) >= goal.threshold

    def spans(
        self, goals: Iterable[AchievementRule], without: Sequence[Entry] = ()
    ) -> dict[tuple[str, int | None], int]:
        """Return what each goal with a season or period counts, by its measure."""
        counted = [
            goal
            for goal in goals
            if goal.is_spanned and not goal.is_tree and subject_of(goal) is not None
        ]
        if not all(self._knows(goal, goal.period) for goal in counted):
            self.needs_ledger = True
        return {
            goal.measure: self._counts.value(goal, goal.period, without)
            for goal in counted
        }

    def _knows(self, rule: AchievementRule, period: date | None) -> bool:
        return self._knows_counts and self._counts.knows(rule, period)

    def progress(
        self, rule: AchievementRule, day: date, judge: Judge
    ) -> tuple[int, int, bool]:
        """Return how far the user has come, and how far to go to earn it once more.

        The last value says whether the user cannot earn it once more for now.
        """
        period = period_of(rule, day)
        value = self.value(goal_of(rule, period=period), judge)
        if value is None:
            self.needs_ledger = True
        rows = self.rows.get(rule.id, {}).values()
        done = self._done(rule)
        number = _first_not_in(done)
        is_over = rule.max_times is not None and len(done) >= rule.max_times
        if period is not None:
            is_over |= any(r.period == period and r.number in done for r in rows)
        elif is_over:
            number = max(done, default=1)
        return value or 0, goal_of(rule, number).threshold, is_over


def _first_not_in(numbers: Collection[int]) -> int:
    """Return the first number, from 1, that is missing."""
    return next(n for n in range(1, len(numbers) + 2) if n not in numbers)
