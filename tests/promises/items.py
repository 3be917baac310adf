"""The items in the naive books, and the measures of achievements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from tests.promises.walls import Zones, runs_of

THRESHOLDS = [0, 50, 150, 300, 500, 750, 1_050, 1_400, 1_800, 2_250, 2_750, 3_300]


@dataclass
class Activity:
    """An activity; its reward can be edited."""

    key: str
    xp: int
    limit: int | None = None
    #: Hours.
    cooldown: int = 0
    extends: bool = True


@dataclass
class Achievement:
    """An achievement; its threshold and its status can be edited."""

    key: str
    criterion: str
    threshold: int
    xp: int = 0
    activity: str | None = None
    status: str = "active"
    revocable: bool = False


class Request(NamedTuple):
    """A request to record something."""

    user: int
    activity: str
    quantity: int
    at: datetime
    key: str | None
    source: str


class Refused(Exception):  # noqa: N818 - it is not an error of the model
    """The model refuses the request, for this reason."""


@dataclass(eq=False)
class Item:
    """A standing item of the books: a record, an adjustment, or a reward."""

    at: datetime
    day: date
    #: XP of each unit of a record, or of the whole of another item.
    xp: int
    source: str = ""
    activity: Activity | None = None
    units: int = 0
    #: Units that earn XP.
    rewarded: int = 0
    extends: bool = False
    achievement: str | None = None
    #: The factor that multiplies the XP of a record.
    factor: Fraction = Fraction(1)

    @property
    def worth(self) -> int:
        return self.worth_at(self.xp)

    def worth_at(self, xp: int) -> int:
        """Return what the item would be worth with this many XP."""
        return int(self.rewarded * xp * self.factor) if self.activity else xp

    @property
    def withheld(self) -> int:
        return self.units - self.rewarded

    def is_near(self, other: Item) -> bool:
        """Say whether the cooldown lets only one of the two items earn XP."""
        return abs(self.at - other.at) < timedelta(hours=self.activity.cooldown)


def level_of(total: int) -> int:
    return max(1, sum(total >= threshold for threshold in THRESHOLDS))


def measure(
    achievement: Achievement, items: list[Item], zones: Zones, held: int
) -> int:
    """Return what the achievement measures of these items."""
    total = sum(item.worth for item in items)
    days = {item.day for item in items if item.extends}
    match achievement.criterion:
        case "activity_count":
            return sum(
                item.units
                for item in items
                if item.activity and item.activity.key == achievement.activity
            )
        case "active_days":
            return len(days)
        case "longest_streak":
            return max(runs_of([*days], zones), default=0)
        case "level":
            return level_of(total)
        case "total_xp":
            return total
        case "achievements":
            return held
    return -1
