"""The rules of activities and achievements: what decisions need of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.conditions import PLAIN, Condition, Counting
from gamification.domain.criteria import Criterion, Measure
from gamification.domain.seasons import Season

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
#: A threshold that nobody reaches.
NEVER: Final = MAX_TOTAL + 1
#: The criteria that can be counted in a season, a period, or within some days.
SPANNED: Final = frozenset(
    {Criterion.ACTIVITY_COUNT, Criterion.ACTIVE_DAYS, Criterion.TOTAL_XP}
)


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
    #: The series that it belongs to; "" for none.
    series: str = ""
    step: int | None = None
    #: How often a user can earn it; None means without end.
    max_times: int | None = 1
    #: How much more of the criterion earns it again, or the period for each of which
    #: it is earned; neither if it is earned once.
    repeat_every: int | None = None
    repeat_period: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    season_zone: str = ""
    #: Not columns: which time of earning it this is about, and for which period, named
    #: by its first date. The threshold is that of this time.
    number: int = 1
    period: date | None = None

    @property
    def season(self) -> Season | None:
        """When it counts what happens; None means always."""
        if self.starts_at is None and self.ends_at is None:
            return None
        return Season(self.starts_at, self.ends_at, self.season_zone)

    @property
    def is_repeated(self) -> bool:
        """Whether users can earn it more than once."""
        return self.repeat_every is not None or self.repeat_period != ""

    @property
    def is_spanned(self) -> bool:
        """Whether it counts only what happens in a season or a period."""
        return self.season is not None or self.repeat_period != ""

    @property
    def is_special(self) -> bool:
        """Whether more than one value of a user decides about it."""
        return self.is_repeated or self.is_spanned

    @property
    def is_active(self) -> bool:
        """Whether users can earn it."""
        return self.status == AchievementStatus.ACTIVE

    @property
    def is_tree(self) -> bool:
        """Whether it requires more than a number of its criterion."""
        counting = self.counting
        is_plain = counting is PLAIN or counting.is_plain
        return self.conditions is not None or not is_plain

    @property
    def measure(self) -> Measure:
        """The measure: of the season or the period alone, if it has one."""
        criterion, about = self.fact
        if self.is_spanned and criterion in SPANNED:
            return f"{criterion} {self.period or ''}", self.id
        return criterion, about

    @property
    def first(self) -> AchievementRule:
        """The achievement itself, if this is about some time of earning it."""
        more = (self.number - 1) * (self.repeat_every or 0)
        return replace(self, threshold=self.threshold - more, number=1, period=None)

    @property
    def fact(self) -> Measure:
        """The measure over all time."""
        about = self.streak_id if self.activity_id is None else self.activity_id
        return self.criterion, about
