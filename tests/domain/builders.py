"""Shortcuts for the values from which decisions start."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.history import PastEntry, StandingEntry
from gamification.domain.outcomes import Entry
from gamification.domain.rules import AchievementRule, ActivityRule
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


def standing(original: Entry | None = None, **fields: Any) -> StandingEntry:
    """Return an entry that stands, worth what it is worth without corrections."""
    original = original or entry(id=3)
    defaults = {
        "entry": original,
        "worth": original.amount,
        "rewarded": original.rewarded,
        "xp_reward": original.xp_reward,
    }
    return StandingEntry(**{**defaults, **fields})


#: Nine o'clock on the first day of the ledgers that are made with ``on``.
FIRST = datetime(2026, 1, 1, 9, tzinfo=UTC)


def on(day: int, **fields: Any) -> PastEntry:
    """Return a walk worth 10 XP at nine o'clock of that day of January."""
    at = FIRST + timedelta(days=day - 1)
    defaults = {
        "id": day,
        "kind": "activity",
        "amount": 10,
        "activity_id": 1,
        "quantity": 1,
        "extends_streak": True,
        "occurred_at": at,
        "local_date": at.date(),
        "reverses": None,
        "corrects": None,
    }
    return PastEntry(**{**defaults, **fields})


def reward(day: int, amount: int = 50, **fields: Any) -> PastEntry:
    """Return the reward of an achievement that was unlocked on that day."""
    nothing = {"activity_id": None, "quantity": 0, "extends_streak": False}
    defaults = {"achievement_id": 1_000 + day, **nothing}
    return on(day, kind="achievement", amount=amount, **{**defaults, **fields})


def reversed_(original: PastEntry, number: int = 99) -> PastEntry:
    """Return the entry that takes ``original`` back."""
    return original._replace(
        id=number,
        kind="reversal",
        amount=-original.amount,
        quantity=-original.quantity,
        reverses=original.id,
    )


def corrected(original: PastEntry, amount: int, number: int = 98) -> PastEntry:
    """Return the entry that makes ``original`` worth ``amount`` more."""
    return original._replace(
        id=number, kind="correction", amount=amount, quantity=0, corrects=original.id
    )
