"""What a decision starts from: a user's stored state, and the rules of the game."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from gamification.domain.catalogue import Catalogue
from gamification.domain.days import Calendar
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.streaks import Streak

#: Units that a user recorded on a date, and those of them that earned XP.
Usage = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """What staff and the site's settings decide."""

    catalogue: Catalogue
    thresholds: tuple[int, ...]
    #: Lengths of a run, in days, that are celebrated when first reached.
    streak_milestones: tuple[int, ...] = ()
    celebration_ttl: timedelta = timedelta(days=7)

    def level_at(self, total_xp: int) -> int:
        return calculate_level_from_xp(total_xp, self.thresholds)


@dataclass(slots=True)
class UserState:
    """What is stored of one user; a user without a row has version 0."""

    user_id: Any
    calendar: Calendar
    version: int = 0
    total_xp: int = 0
    level: int = 1
    highest_level: int = 1
    active_days: int = 0
    streak: Streak = field(default_factory=Streak)
    #: Ids of achievements held, and of those taken away by staff.
    held: AbstractSet[int] = frozenset()
    revoked: AbstractSet[int] = frozenset()
    #: Units by activity id, for the activities that the request names.
    tallies: Mapping[int, int] = field(default_factory=dict)
    #: By activity id and date, for activities with a daily limit.
    usage: Mapping[tuple[int, date], Usage] = field(default_factory=dict)
    #: Instants of rewarded records by activity id, for activities with a cooldown.
    rewarded_at: Mapping[int, list[datetime]] = field(default_factory=dict)
    #: Activities by active date; None until a decision needs them.
    days: Mapping[date, int] | None = None
    #: Dedupe keys of those celebrations, planned by a first try, that exist already.
    celebrated: AbstractSet[str] = frozenset()


class Record(NamedTuple):
    """A request to record an activity, checked but for what the catalogue says."""

    user_id: Any
    activity: str
    quantity: int
    occurred_at: datetime
    key: str | None = None
    fingerprint: str = ""
    source: str = ""
