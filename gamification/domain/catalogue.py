"""What can be earned, and which facts unlock it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

#: The most XP that one unit or one achievement may be worth.
MAX_REWARD: Final = 1_000_000
#: The most units that one record may report.
MAX_QUANTITY: Final = 1_000_000
#: The longest cooldown, in seconds: a year.
MAX_COOLDOWN: Final = 31_536_000
#: The largest total of XP or of units, either way: whole numbers that JSON keeps.
MAX_TOTAL: Final = 2**53


class Criterion(TextChoices):
    """What an achievement measures."""

    ACTIVITY_COUNT = "activity_count", _("count of an activity")
    ACTIVE_DAYS = "active_days", _("active days")
    LONGEST_STREAK = "longest_streak", _("longest streak")
    LEVEL = "level", _("level")
    TOTAL_XP = "total_xp", _("total XP")
    ACHIEVEMENTS = "achievements", _("achievements held")
    MANUAL = "manual", _("awarded by hand")


class AchievementStatus(TextChoices):
    """Whether an achievement can be earned and who sees it."""

    DRAFT = "draft", _("draft")
    ACTIVE = "active", _("active")
    RETIRED = "retired", _("retired")


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """An activity as the decision needs it."""

    id: int
    key: str
    xp_reward: int
    #: Units per user's day that earn XP; None is no limit.
    daily_limit: int | None = None
    #: Seconds between rewarded records; None is none.
    cooldown: int | None = None
    extends_streak: bool = True
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class AchievementRule:
    """An achievement as the decision needs it."""

    id: int
    key: str
    name: str
    xp_reward: int
    criterion: str
    threshold: int
    activity_id: int | None = None
    status: str = AchievementStatus.ACTIVE
    icon: str = ""


#: What an achievement measures: the criterion, and the activity that it counts.
Measure = tuple[str, int | None]

_ACTIVE_DAYS: Final[Measure] = (Criterion.ACTIVE_DAYS.value, None)
_LONGEST_STREAK: Final[Measure] = (Criterion.LONGEST_STREAK.value, None)
_LEVEL: Final[Measure] = (Criterion.LEVEL.value, None)
_TOTAL_XP: Final[Measure] = (Criterion.TOTAL_XP.value, None)
_ACHIEVEMENTS: Final[Measure] = (Criterion.ACHIEVEMENTS.value, None)
_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value


class Facts(NamedTuple):
    """What is known of a user when achievements are decided."""

    active_days: int = 0
    longest_streak: int = 0
    level: int = 1
    total_xp: int = 0
    achievements: int = 0
    #: Units per activity id; activities that are not in it are not judged.
    counts: Mapping[int, int] = {}

    def measures(self) -> list[tuple[Measure, int]]:
        """Return all that is measured."""
        return [
            (_ACTIVE_DAYS, self.active_days),
            (_LONGEST_STREAK, self.longest_streak),
            (_LEVEL, self.level),
            (_TOTAL_XP, self.total_xp),
            (_ACHIEVEMENTS, self.achievements),
            *(((_ACTIVITY_COUNT, pk), count) for pk, count in self.counts.items()),
        ]

    def measure(self, criterion: str, activity_id: int | None = None) -> int:
        """Return what a criterion measures; 0 where nothing is known."""
        return dict(self.measures()).get((criterion, activity_id), 0)


class Catalogue:
    """All activities and achievements at one moment, by key and by criterion."""

    def __init__(
        self,
        activities: Iterable[ActivityRule] = (),
        achievements: Iterable[AchievementRule] = (),
    ) -> None:
        self.activities = {rule.key: rule for rule in activities}
        self.achievements = {rule.key: rule for rule in achievements}
        #: Active achievements by what they measure, each by rising threshold.
        self.ladders = _ladders(self.achievements.values())

    def earned(self, facts: Facts, barred: AbstractSet[int]) -> list[AchievementRule]:
        """Return what ``facts`` unlock, by threshold, without the ids ``barred``."""
        earned = []
        for measure, value in facts.measures():
            for rule in self.ladders.get(measure, ()):
                if rule.threshold > value:
                    break
                if rule.id not in barred:
                    earned.append(rule)
        return sorted(earned, key=_by_threshold) if earned else earned


def _by_threshold(rule: AchievementRule) -> tuple[int, int]:
    return rule.threshold, rule.id


def _ladders(rules: Iterable[AchievementRule]) -> dict[Measure, list[AchievementRule]]:
    ladders: dict[Measure, list[AchievementRule]] = {}
    for rule in sorted(rules, key=_by_threshold):
        if rule.status == AchievementStatus.ACTIVE:
            ladders.setdefault((rule.criterion, rule.activity_id), []).append(rule)
    return ladders
