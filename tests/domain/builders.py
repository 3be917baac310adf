"""Short ways to the values that decisions start from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from gamification.domain.catalogue import AchievementRule, ActivityRule, Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import Entry
from gamification.domain.state import Record, Rules, UserState

CALENDAR = Calendar((ZoneChange(0, "UTC"),))
THRESHOLDS = (0, 50, 150, 300, 500, 750)
TODAY = date(2026, 6, 10)
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)

_ids = count(1)


def activity(**fields: Any) -> ActivityRule:
    return ActivityRule(**{"id": 1, "key": "walk", "xp_reward": 10, **fields})


def achievement(criterion: str, threshold: int, **fields: Any) -> AchievementRule:
    number = next(_ids)
    defaults = {
        "id": number,
        "key": f"achievement_{number}",
        "name": "",
        "xp_reward": 0,
    }
    return AchievementRule(
        **{**defaults, "criterion": criterion, "threshold": threshold, **fields}
    )


def state(**fields: Any) -> UserState:
    return UserState(**{"user_id": 7, "calendar": CALENDAR, "version": 1, **fields})


def record(at: datetime = NOW, *, quantity: int = 1, key: str | None = None) -> Record:
    return Record(7, "walk", quantity, at, key)


def changeset(
    *achievements: AchievementRule,
    start: UserState | None = None,
    celebrate: bool = True,
    milestones: tuple[int, ...] = (),
) -> UserChangeset:
    rules = Rules(Catalogue((), achievements), THRESHOLDS, milestones)
    return UserChangeset(start or state(), rules, NOW, celebrate=celebrate)


def entry(**fields: Any) -> Entry:
    defaults = {
        "id": None,
        "user_id": 7,
        "kind": "activity",
        "amount": 10,
        "occurred_at": NOW,
        "local_date": TODAY,
        "recorded_at": NOW,
    }
    return Entry(**{**defaults, **fields})
