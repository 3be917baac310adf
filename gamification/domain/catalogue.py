"""The definitions of staff at one moment, and the facts that unlock achievements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, NamedTuple

from gamification.domain.boosts import BoostRule, BoostTable
from gamification.domain.criteria import Criterion, Measure
from gamification.domain.levels import LevelRule, thresholds_of
from gamification.domain.requirements import Ids
from gamification.domain.rules import (
    NEVER,
    AchievementRule,
    ActivityRule,
)
from gamification.domain.streak_rules import DAILY, STRICT, StreakRule
from gamification.domain.trees import FilterRule, Tree, Trees, make_tree

#: A catalogue caches the next thresholds for at most this many sets of achievements.
MAX_KEPT: Final = 1_024

_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value
_LONGEST_STREAK: Final = Criterion.LONGEST_STREAK.value

#: The measures of the fields of ``Facts``, in their order, except the mappings.
_MEASURES: Final[tuple[Measure, ...]] = (
    (Criterion.ACTIVE_DAYS.value, None),
    (Criterion.LONGEST_STREAK.value, None),
    (Criterion.LEVEL.value, None),
    (Criterion.TOTAL_XP.value, None),
    (Criterion.ACHIEVEMENTS.value, None),
)


class Facts(NamedTuple):
    """The values that the criteria of achievements measure for a user."""

    active_days: int = 0
    longest_streak: int = 0
    level: int = 1
    total_xp: int = 0
    achievements: int = 0
    #: Units by activity id; activities that are missing here unlock nothing.
    counts: Mapping[int, int] = {}
    #: The longest runs by id of streaks besides the daily one; in the same way.
    streaks: Mapping[int, int] = {}
    #: Counts of seasons and periods, by measure.
    spans: Mapping[Measure, int] = {}

    def measures(self) -> Iterator[tuple[Measure, int]]:
        """Yield each measure with its value."""
        yield from zip(_MEASURES, self[:-3], strict=True)
        for pk, count in self.counts.items():
            yield (_ACTIVITY_COUNT, pk), count
        for pk, longest in self.streaks.items():
            yield (_LONGEST_STREAK, pk), longest
        yield from self.spans.items()

    def measure(self, criterion: str, about: int | None = None) -> int:
        """Return the value that a criterion measures; 0 if it is not known.

        ``about`` is the id of the activity or of the streak.
        """
        return dict(self.measures()).get((criterion, about), 0)

    def meet(self, rule: AchievementRule) -> bool:
        """Say whether these facts unlock ``rule``."""
        return self.measure(*rule.measure) >= rule.threshold


class Catalogue:
    """The definitions of staff at one moment: activities, achievements and levels."""

    def __init__(
        self,
        activities: Iterable[ActivityRule] = (),
        achievements: Iterable[AchievementRule] = (),
        levels: Iterable[LevelRule] = (),
        streaks: Iterable[StreakRule] = (),
        boosts: Iterable[BoostRule] = (),
        filters: Iterable[FilterRule] = (),
    ) -> None:
        self.activities = {rule.key: rule for rule in activities}
        self.achievements = {rule.key: rule for rule in achievements}
        #: The levels that staff defined, by number; empty if they defined none.
        self.levels = {level.number: level for level in levels}
        self.thresholds = thresholds_of(self.levels.values())
        self.streaks = {rule.key: rule for rule in streaks}
        self.daily = self.streaks.get(DAILY, STRICT)
        #: Whether consecutive dates alone make the daily streak of most users.
        self.is_strict = self.daily.is_plain
        others = (rule for key, rule in self.streaks.items() if key != DAILY)
        self.other_streaks = tuple(rule for rule in others if rule.is_active)
        #: Ids of the activities that staff chose for some streak.
        self.chosen_activities = frozenset(
            activity_id
            for rule in self.other_streaks
            for version in rule.versions
            for activity_id in version.activities
        )
        #: The boosts that are active.
        self.boosts = BoostTable(boosts)
        rules = self.achievements.values()
        special = [each for each in rules if each.is_special]
        #: Active achievements that are earned again, or in a season only.
        self.special = tuple([each for each in special if each.is_active])
        #: Whether any achievement is earned again, or in a season only.
        self.has_special = bool(special)
        #: Ids of all achievements that can be earned again.
        self.repeated = tuple([each.id for each in special if each.is_repeated])
        #: The active ones that need no more than one value of a user, by measure, in
        #: order of rising threshold.
        self.ladders = _ladders(
            [e for e in rules if e.is_active and not (e.is_special or e.is_tree)]
        )
        #: The achievements that require more than one criterion.
        self.trees = Trees(rules, self.ids, filters)
        self._next_thresholds: dict[frozenset[int], Facts] = {}

    @property
    def ids(self) -> Ids:
        """The ids of activities, streaks and achievements by key."""
        return Ids(
            {key: rule.id for key, rule in self.activities.items()},
            {key: rule.id for key, rule in self.streaks.items()},
            {key: rule.id for key, rule in self.achievements.items()},
        )

    @property
    def achievement_keys(self) -> dict[int, str]:
        """The keys of achievements by id."""
        return {rule.id: key for key, rule in self.achievements.items()}

    def rule_of(self, pk: int) -> AchievementRule:
        """Return the achievement with this id."""
        return self.achievements[self.achievement_keys[pk]]

    def streak_of(self, streak_id: int | None) -> StreakRule:
        """Return the streak with this id; None is for the daily one."""
        others = (each for each in self.streaks.values() if each.id == streak_id)
        return next(others, self.daily)

    @property
    def active_streaks(self) -> set[int | None]:
        """The ids of the streaks that are measured; None is the daily one."""
        return {None, *(rule.id for rule in self.other_streaks)}

    def tree_of(self, rule: AchievementRule) -> Tree:
        """Return all that an achievement requires."""
        known = self.trees.known.get(rule.id)
        if known is None:
            return make_tree(rule, self.ids)
        if known.rule == rule:
            return known
        is_same = known.rule == rule.first
        return known.at(rule) if is_same else make_tree(rule, self.ids)

    def with_achievement(self, rule: AchievementRule) -> Catalogue:
        """Return the catalogue with ``rule`` instead of the one with the same id."""
        if self.achievements.get(rule.key) == rule:
            return self
        others = [each for each in self.achievements.values() if each.id != rule.id]
        return self._with([*others, rule])

    def with_rewards(self, rewards: Mapping[str, int]) -> Catalogue:
        """Return the catalogue with other XP for unlocks, by key of achievement."""
        rules = [
            replace(rule, xp_reward=rewards.get(rule.key, rule.xp_reward))
            for rule in self.achievements.values()
        ]
        return self._with(rules)

    def with_filters(self, filters: Iterable[FilterRule]) -> Catalogue:
        """Return the catalogue with these filters."""
        return self._with(self.achievements.values(), filters)

    def _with(
        self,
        rules: Iterable[AchievementRule],
        filters: Iterable[FilterRule] | None = None,
    ) -> Catalogue:
        return Catalogue(
            self.activities.values(),
            rules,
            self.levels.values(),
            self.streaks.values(),
            self.boosts.rules,
            self.trees.filters if filters is None else filters,
        )

    def next_thresholds(self, barred: frozenset[int]) -> Facts:
        """Return the lowest threshold of each measure, except of rules in ``barred``.

        A measure without such a rule has ``NEVER``; a count without one is left out.
        Answers are cached, because many users hold the same achievements.
        """
        known = self._next_thresholds
        if barred not in known:
            if len(known) >= MAX_KEPT:
                known.clear()
            known[barred] = self._find_next_thresholds(barred)
        return known[barred]

    def _find_next_thresholds(self, barred: frozenset[int]) -> Facts:
        lowest = {
            measure: rule.threshold
            for measure, rules in self.ladders.items()
            for rule in reversed(rules)
            if rule.id not in barred
        }
        counts, streaks = (
            {
                pk: threshold
                for (criterion, pk), threshold in lowest.items()
                if criterion == each and pk is not None
            }
            for each in (_ACTIVITY_COUNT, _LONGEST_STREAK)
        )
        days, streak, level, xp, held = (lowest.get(each, NEVER) for each in _MEASURES)
        return Facts(days, streak, level, xp, held, counts, streaks)

    def earned(self, facts: Facts, barred: AbstractSet[int]) -> list[AchievementRule]:
        """Return the rules that ``facts`` unlock, by threshold, except ``barred``."""
        earned = []
        for measure, value in facts.measures():
            for rule in self.ladders.get(measure, ()):
                if rule.threshold > value:
                    break
                if rule.id not in barred:
                    earned.append(rule)
        return sorted(earned, key=by_threshold) if earned else earned


def top_threshold(criterion: str, *, levels: int, achievements: int) -> int | None:
    """Return the highest threshold that anybody can reach; None if there is none.

    ``levels`` is how many there are, ``achievements`` how many others a user can hold.
    """
    tops = {Criterion.LEVEL: levels, Criterion.ACHIEVEMENTS: achievements}
    return tops.get(Criterion(criterion))


def by_threshold(rule: AchievementRule) -> tuple[int, int]:
    """Return the key by which achievements that unlock together are sorted."""
    return rule.threshold, rule.id


def _ladders(rules: Iterable[AchievementRule]) -> dict[Measure, list[AchievementRule]]:
    ladders: dict[Measure, list[AchievementRule]] = {}
    for rule in sorted(rules, key=by_threshold):
        ladders.setdefault(rule.measure, []).append(rule)
    return ladders
