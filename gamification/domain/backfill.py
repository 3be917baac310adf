"""Finds out from the ledger when a user met an achievement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate, repeat, tee
from typing import NamedTuple, TypeAlias

from gamification.domain.catalogue import Facts
from gamification.domain.conditions import ALWAYS, DateWindow
from gamification.domain.counting import Counted, Meter, change_of, with_new_dates
from gamification.domain.criteria import Criterion
from gamification.domain.days import Calendar
from gamification.domain.history import PastEntry
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.requirements import (
    NOWHERE,
    Goal,
    Judge,
    Possession,
    is_met,
    leaves_of,
)
from gamification.domain.rules import AchievementRule
from gamification.domain.spans import is_inside
from gamification.domain.state import NOTHING, Rules, UserState
from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_growth import longest_runs
from gamification.domain.streaks import Streak, extend_streak
from gamification.domain.trees import Tree, own_goal

Entries: TypeAlias = Iterable[PastEntry | Entry]


class Moment(NamedTuple):
    """An instant, and the user's date at that instant."""

    instant: datetime
    day: date


def qualifies(
    state: UserState, rule: AchievementRule, streaks: Mapping[int, int] = NOTHING
) -> bool:
    """Say whether the user meets ``rule``, does not hold it, and may earn it.

    The state must have the tally of the activity that the rule counts; ``streaks`` has
    the longest runs of streaks besides the daily one.
    """
    facts = Facts(
        state.active_days,
        state.streak.longest,
        state.level,
        state.total_xp,
        len(state.held),
        state.tallies,
        streaks,
    )
    barred = state.held | state.revoked
    return facts.meet(rule) and rule.id not in barred and not state.is_excluded


def met_at(
    rule: AchievementRule,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None = None,
) -> Moment | None:
    """Return when the user last began to meet ``rule``; None if they do not meet it.

    ``entries`` are those that last, each at its worth, in the order in which they
    occurred. A user stops meeting a rule only if staff take XP. For a season or a
    period, only the moments in it count. Achievements that must not be held are judged
    at that moment alone. ``book`` is that of a user whose streaks may forgive
    something.
    """
    if rule.conditions is None:
        return _own_met_at(own_goal(rule), entries, calendar, rules, book)
    tree = rules.catalogue.tree_of(rule)
    copies = [*tee(entries, 1 + len(tree.goals))]
    streams = [
        values_of(goal, copies.pop(), calendar, rules, book) for goal in tree.goals
    ]
    history, counts = History(tree), _counting_in(tree.own, calendar)
    for entry, *values in zip(copies.pop(), *streams, strict=False):
        history.add(entry, values, is_judged=counts(entry))
    return history.since


def _own_met_at(
    goal: Goal,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Moment | None:
    measured, entries = tee(entries)
    since: Moment | None = None
    values = values_of(goal, measured, calendar, rules, book)
    for value, entry in zip(values, entries, strict=False):
        if value < goal.threshold:
            since = None
        elif since is None:
            since = Moment(entry.occurred_at, entry.local_date)
    return since


def last_value(
    goal: Goal,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None = None,
) -> int:
    """Return what ``goal`` measures in the end; for a season, when it is over."""
    last = 0
    for last in values_of(goal, entries, calendar, rules, book):  # noqa: B007
        pass
    return last


class History:
    """Since when a tree is met, while entries are added one by one."""

    def __init__(self, tree: Tree) -> None:
        self._requirement, self._goals = tree.requirement, tree.goals
        self._lacks = {
            leaf.achievement_id
            for leaf in leaves_of(tree.requirement)
            if isinstance(leaf, Possession) and not leaf.is_held
        }
        self._held = set[int]()
        #: Since when it is met, by the achievements it must lack that were held then.
        self._since: dict[frozenset[int], Moment | None] = {}

    @property
    def since(self) -> Moment | None:
        """The moment since which it has been met throughout; None if it is not met."""
        return next((moment for moment in self._since.values() if moment), None)

    def add(
        self,
        entry: PastEntry | Entry,
        values: Sequence[int],
        *,
        is_judged: bool = True,
    ) -> None:
        """Add an entry, after which the goals have these ``values``.

        It ``is_judged`` unless it is outside the season or the period.
        """
        if entry.kind == EntryKind.ACHIEVEMENT and entry.achievement_id is not None:
            self._held.add(entry.achievement_id)
        if not is_judged:
            return
        # Goals are told apart by their identity, because hashing them takes long.
        reached = {
            id(goal): value >= goal.threshold
            for goal, value in zip(self._goals, values, strict=True)
        }
        now = frozenset(self._lacks & self._held)
        self._since.setdefault(now, None)
        for held, since in self._since.items():
            is_met_now = is_met(self._requirement, self._judge(reached, held))
            if not is_met_now:
                self._since[held] = None
            elif held == now and since is None:
                self._since[held] = Moment(entry.occurred_at, entry.local_date)

    def _judge(self, reached: Mapping[int, bool], held: frozenset[int]) -> Judge:
        """Return the judge of now, if ``held`` were held when it was first met."""

        def judge(leaf: Goal | Possession) -> bool:
            if isinstance(leaf, Goal):
                return reached[id(leaf)]
            if leaf.achievement_id == NOWHERE:
                return False
            if leaf.is_held:
                return leaf.achievement_id in self._held
            return leaf.achievement_id not in held

        return judge


def values_of(
    goal: Goal,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Iterator[int]:
    """Yield the value that ``goal`` measures after each of ``entries``.

    A season or a period counts nothing else, except that a level is that of all XP.
    """
    if goal.within is None:
        return _values(goal, entries, calendar, rules, book)
    return _spanned(goal, entries, calendar, rules, book)


def _spanned(
    goal: Goal,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Iterator[int]:
    is_level = goal.counted.criterion == Criterion.LEVEL
    counts, (places, measured) = _counting_in(goal, calendar), tee(entries)
    inside = measured if is_level else filter(counts, measured)
    values, value = _values(goal, inside, calendar, rules, book), 0
    for entry in places:
        is_counted = counts(entry)
        if is_level or is_counted:
            now = next(values)
            value = now if is_counted else value
        yield value


def _counting_in(goal: Goal, calendar: Calendar) -> Callable[[PastEntry | Entry], bool]:
    """Return what says whether an entry is in the season or the period of ``goal``."""
    rule = goal.within

    def counts(entry: PastEntry | Entry) -> bool:
        if rule is None:
            return True
        day, instant = entry.local_date, entry.occurred_at
        return is_inside(rule, rule.period, day, instant, calendar)

    return counts


def _values(
    goal: Goal,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Iterator[int]:
    criterion, about, counting = goal.counted
    if criterion == Criterion.LONGEST_STREAK:
        return _longest_runs(goal.counted, entries, calendar, rules, book)
    if not counting.is_plain:
        return _metered(goal.counted, entries, calendar)
    match criterion:
        case Criterion.ACTIVITY_COUNT:
            return accumulate(e.quantity * (e.activity_id == about) for e in entries)
        case Criterion.ACTIVE_DAYS:
            return _active_days(entries)
        case Criterion.LEVEL:
            totals = accumulate(e.amount for e in entries)
            thresholds = rules.thresholds
            return (calculate_level_from_xp(total, thresholds) for total in totals)
        case Criterion.TOTAL_XP:
            return accumulate(e.amount for e in entries)
        case Criterion.ACHIEVEMENTS:
            return _held(entries)
    return repeat(0)


def _metered(counted: Counted, entries: Entries, calendar: Calendar) -> Iterator[int]:
    meter = Meter(counted, calendar)
    for entry, new_dates in with_new_dates(entries):
        change = change_of(counted, entry, new_dates)
        if change:
            meter.add(*change)
        yield meter.value


def _longest_runs(
    counted: Counted,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Iterator[int]:
    """Yield the longest run after each of ``entries``, of the dates in the window."""
    window = counted.counting.window or ALWAYS
    if counted.about not in rules.catalogue.active_streaks:
        return (0 for _entry in entries)
    streak = rules.catalogue.streak_of(counted.about)
    if book is None and streak.is_plain:
        return _longest_streaks(entries, calendar, window)
    return longest_runs(streak, entries, calendar, book or StreakBook(), window)


def _held(entries: Entries) -> Iterator[int]:
    held: set[int | None] = set()
    for entry in entries:
        if entry.kind == EntryKind.ACHIEVEMENT:
            held.add(entry.achievement_id)
        yield len(held)


def _active_days(entries: Entries) -> Iterator[int]:
    days: set[date] = set()
    for entry in entries:
        if entry.extends_streak:
            days.add(entry.local_date)
        yield len(days)


def _longest_streaks(
    entries: Entries, calendar: Calendar, window: DateWindow
) -> Iterator[int]:
    days: set[date] = set()
    streak = Streak()
    for entry in entries:
        day = entry.local_date
        if entry.extends_streak and day not in days and window.contains(day):
            days.add(day)
            streak = extend_streak(streak, day, days, calendar)
        yield streak.longest
