"""The rules of activities and achievements, and the facts that unlock them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.boosts import BoostRule, BoostTable
from gamification.domain.conditions import PLAIN, Condition, Counting
from gamification.domain.criteria import Criterion as Criterion
from gamification.domain.criteria import Measure
from gamification.domain.levels import LevelRule, thresholds_of
from gamification.domain.requirements import Ids
from gamification.domain.streak_rules import DAILY, STRICT, StreakRule
from gamification.domain.trees import FilterRule, Tree, Trees, make_tree

#: The most XP that one unit or one achievement may be worth.
MAX_REWARD: Final = 1_000_000
#: The most units that one record may report.
MAX_QUANTITY: Final = 1_000_000
#: The most steps of a series.
MAX_STEPS: Final = 100
#: The most times that a user can earn an achievement, unless there is no limit.
MAX_TIMES: Final = 1_000_000
#: The longest cooldown, in seconds: a year.
MAX_COOLDOWN: Final = 31_536_000
#: The largest total of XP or units, positive or negative: JSON keeps it exact.
MAX_TOTAL: Final = 2**53
#: A catalogue caches the next thresholds for at most this many sets of achievements.
MAX_KEPT: Final = 1_024
#: A threshold that nobody reaches.
NEVER: Final = MAX_TOTAL + 1


class AchievementStatus(TextChoices):
    """Whether users can earn an achievement, and who sees it."""

    DRAFT = "draft", _("draft")
    ACTIVE = "active", _("active")
    RETIRED = "retired", _("retired")


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """The fields of an activity that decisions need."""

    id: int
    key: str
    xp_reward: int
    #: Units per day and user that earn XP; None means no limit.
    daily_limit: int | None = None
    #: Seconds between rewarded records; None means no cooldown.
    cooldown: int | None = None
    extends_streak: bool = True
    is_active: bool = True
    #: The types of the attributes that a record can have, by key.
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class AchievementRule:
    """The fields of an achievement that decisions need."""

    id: int
    key: str
    name: str
    xp_reward: int
    criterion: str
    threshold: int
    activity_id: int | None = None
    status: str = AchievementStatus.ACTIVE
    icon: str = ""
    revocable: bool = False
    #: The streak that is measured; None means the daily one.
    streak_id: int | None = None
    #: Which records count for the criterion, and what users must meet besides.
    counting: Counting = PLAIN
    conditions: Condition | None = None
    #: The series of which it is a step; "" for none.
    series: str = ""
    step: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether users can earn it."""
        return self.status == AchievementStatus.ACTIVE

    @property
    def is_tree(self) -> bool:
        """Whether it requires more than that its criterion reaches a number."""
        return self.conditions is not None or not self.counting.is_plain

    @property
    def measure(self) -> Measure:
        """What is measured."""
        about = self.streak_id if self.activity_id is None else self.activity_id
        return self.criterion, about


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

    def measures(self) -> Iterator[tuple[Measure, int]]:
        """Yield each measure with its value."""
        yield from zip(_MEASURES, self[:-2], strict=True)
        for pk, count in self.counts.items():
            yield (_ACTIVITY_COUNT, pk), count
        for pk, longest in self.streaks.items():
            yield (_LONGEST_STREAK, pk), longest

    def measure(self, criterion: str, about: int | None = None) -> int:
        """Return the value that a criterion measures; 0 if it is not known.

        ``about`` is the id of the activity or of the streak.
        """
        return dict(self.measures()).get((criterion, about), 0)

    def meet(self, rule: AchievementRule) -> bool:
        """Say whether these facts unlock ``rule``."""
        return self.measure(*rule.measure) >= rule.threshold


class Catalogue:
    """What staff define, at one moment: activities, achievements and levels."""

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
        #: Active achievements by measure, in order of rising threshold, without those
        #: that require more than that.
        self.ladders = _ladders(self.achievements.values())
        #: The achievements that require more than one criterion.
        self.trees = Trees(self.achievements.values(), self.ids, filters)
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
        return known if known and known.rule == rule else make_tree(rule, self.ids)

    def with_achievement(self, rule: AchievementRule) -> Catalogue:
        """Return the catalogue with ``rule`` instead of the one with the same id."""
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
        if rule.is_active and not rule.is_tree:
            ladders.setdefault(rule.measure, []).append(rule)
    return ladders
