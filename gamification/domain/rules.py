"""What can be earned, and which facts unlock it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

#: The most XP that one unit or one achievement may be worth.
MAX_REWARD: Final = 1_000_000
#: The most units that one record may report.
MAX_QUANTITY: Final = 1_000_000
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


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a user when achievements are decided."""

    active_days: int = 0
    longest_streak: int = 0
    level: int = 1
    total_xp: int = 0
    achievements: int = 0
    #: Units per activity id; activities that are not in it are not judged.
    counts: Mapping[int, int] = field(default_factory=dict)

    def measures(self) -> Iterator[tuple[tuple[str, int | None], int]]:
        """Yield what each criterion measures, keyed as ``Catalogue.ladders`` is."""
        yield (Criterion.ACTIVE_DAYS, None), self.active_days
        yield (Criterion.LONGEST_STREAK, None), self.longest_streak
        yield (Criterion.LEVEL, None), self.level
        yield (Criterion.TOTAL_XP, None), self.total_xp
        yield (Criterion.ACHIEVEMENTS, None), self.achievements
        for activity_id, count in self.counts.items():
            yield (Criterion.ACTIVITY_COUNT, activity_id), count

    def measure(self, criterion: str, activity_id: int | None = None) -> int:
        """Return what a criterion measures; 0 where nothing is known."""
        return dict(self.measures()).get((criterion, activity_id), 0)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The active achievements of one criterion, by rising threshold."""

    thresholds: tuple[int, ...]
    rules: tuple[AchievementRule, ...]

    def reached(self, value: int) -> tuple[AchievementRule, ...]:
        return self.rules[: bisect_right(self.thresholds, value)]


class Catalogue:
    """All activities and achievements at one moment, by key and by criterion."""

    def __init__(
        self,
        activities: Iterable[ActivityRule] = (),
        achievements: Iterable[AchievementRule] = (),
    ) -> None:
        self.activities = {rule.key: rule for rule in activities}
        self.achievements = {rule.key: rule for rule in achievements}
        self.ladders = dict(_ladders(self.achievements.values()))

    def earned(self, facts: Facts, barred: AbstractSet[int]) -> list[AchievementRule]:
        """Return what ``facts`` unlock, by threshold, without the ids ``barred``."""
        earned = [
            rule
            for ladder_key, value in facts.measures()
            if (ladder := self.ladders.get(ladder_key))
            for rule in ladder.reached(value)
            if rule.id not in barred
        ]
        return sorted(earned, key=lambda rule: (rule.threshold, rule.id))


def _ladders(
    rules: Iterable[AchievementRule],
) -> Iterator[tuple[tuple[str, int | None], Ladder]]:
    grouped: dict[tuple[str, int | None], list[AchievementRule]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.threshold, rule.id)):
        if rule.status == AchievementStatus.ACTIVE:
            grouped.setdefault((rule.criterion, rule.activity_id), []).append(rule)
    for key, ladder in grouped.items():
        yield key, Ladder(tuple(rule.threshold for rule in ladder), tuple(ladder))
