"""The input of a decision: a user's stored state, and the rules of the game."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gamification.domain.boosts import BoostStrategy
from gamification.domain.catalogue import Catalogue
from gamification.domain.conditions import AttributeValue
from gamification.domain.days import Calendar
from gamification.domain.history import PastEntry
from gamification.domain.nearby import Nearby
from gamification.domain.spans import Counts, SpanQuery
from gamification.domain.streak_book import StreakBook
from gamification.domain.streaks import Streak
from gamification.domain.trees import NOT_ASKED, Asked

#: Units that a user recorded on a date, and how many of them earned XP.
Usage = tuple[int, int]

#: All users share one: a batch has thousands of them.
NONE: Final = frozenset[Any]()
NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class Rules(NamedTuple):
    """The rules that staff and the site's settings make."""

    catalogue: Catalogue
    thresholds: tuple[int, ...]
    #: Lengths of a streak, in days, that are celebrated when first reached.
    streak_milestones: tuple[int, ...] = ()
    celebration_ttl: timedelta = timedelta(days=7)
    #: Whether leaderboards are kept as records arrive.
    keeps_boards: bool = True
    #: How the factors of several boosts are combined.
    boost_strategy: str = BoostStrategy.PRODUCT.value


class Earned(NamedTuple):
    """A row of an achievement that users can earn more than once."""

    #: Which time it is: 1 for the first.
    number: int
    is_held: bool
    #: Whether a reversal took it back, so that the user can earn it again.
    is_lapsed: bool = False
    #: The first date of the period for which it was earned, if any.
    period: date | None = None


@dataclass(slots=True)
class UserState:
    """The stored state of one user; a user without a row has version 0."""

    user_id: Any
    calendar: Calendar
    version: int = 0
    total_xp: int = 0
    level: int = 1
    highest_level: int = 1
    #: In days. It never falls.
    highest_streak: int = 0
    active_days: int = 0
    streak: Streak = field(default_factory=Streak)
    #: Whether staff have excluded the user from the game.
    is_excluded: bool = False
    #: The latest time at which something in the ledger occurred.
    last_occurred_at: datetime | None = None
    #: Ids of achievements: those the user holds, those that staff revoked, and those
    #: that a reversal took back, which the user can earn again.
    held: frozenset[int] = NONE
    revoked: frozenset[int] = NONE
    lapsed: frozenset[int] = NONE
    #: Units by activity id, for the activities that the request names.
    tallies: Mapping[int, int] = field(default_factory=dict)
    #: By activity id and date, for activities with a daily limit.
    usage: Mapping[tuple[int, date], Usage] = field(default_factory=dict)
    #: Instants of rewarded records by activity id, for activities with a cooldown.
    rewarded_at: Mapping[int, list[datetime]] = field(default_factory=dict)
    #: Activities by active date; None until a decision needs them.
    days: Mapping[date, int] | None = None
    #: The active dates around those of the request, which are enough for a plain daily
    #: streak; None until a decision needs them.
    nearby: Nearby | None = None
    #: The standing entries at their worth, in order of occurrence, which can be read
    #: any number of times; None until a decision needs them.
    ledger: Iterable[PastEntry] | None = None
    #: Whether the user wants to be shown celebrations.
    celebrates: bool = True
    #: Whether freezes, pauses or repaired dates exist for the user.
    has_exceptions: bool = False
    #: Ids of the user's groups, as far as boosts are for them.
    groups: frozenset[int] = NONE
    #: The rows of achievements that can be earned more than once, by id.
    numbers: Mapping[int, Sequence[Earned]] = field(default_factory=dict)
    #: Counts for seasons and periods; None until they are read.
    spans: tuple[SpanQuery, Counts] | None = None
    #: The exceptions themselves; None until a decision needs them.
    book: StreakBook | None = None
    #: Counts by id of a filter and by bucket, and which filters and tallies were read.
    filters: Mapping[int, Mapping[str, int]] | None = None
    asked: Asked = NOT_ASKED
    #: Counts that the tallies of filters lack, as a text: ``domain.pending_counts``.
    pending_counts: str = ""


class Record(NamedTuple):
    """A request to record an activity, checked except against the catalogue."""

    user_id: Any
    activity: str
    quantity: int
    occurred_at: datetime
    key: str | None = None
    fingerprint: str = ""
    source: str = ""
    #: Its values by attribute; None if it has none.
    attributes: Mapping[str, AttributeValue] | None = None
