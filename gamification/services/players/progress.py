"""A user's present progress."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from django.db import connections
from django.utils import timezone
from django.utils.translation import get_language

from gamification.conf import conf
from gamification.domain.days import Calendar
from gamification.domain.levels import (
    LevelProgress,
    LevelRule,
    calculate_level_from_xp,
    get_level_progress,
    thresholds_of,
)
from gamification.domain.streak_rules import DAILY
from gamification.domain.streaks import Streak, StreakStatus, streak_status
from gamification.models import write_alias
from gamification.models.progress import calendar_of
from gamification.models.users import prepare_key
from gamification.services.streaks.status import load_anyone, status_of
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, user_id_of
from gamification.storage.catalogue import levels_sql, make_levels
from gamification.storage.tables import PROFILES, STREAKS, UNLOCKS


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """A user's progress and settings at one instant."""

    level: LevelProgress
    #: The name of the level in the active language, and its icon; both may be "".
    level_name: str
    level_icon: str
    #: The highest level that the user ever reached.
    highest_level: int
    streak: StreakStatus
    #: Days on which the user was active, and achievements that they hold.
    active_days: int
    achievements: int
    #: The IANA zone that the user's days follow.
    time_zone: str
    #: The user's own days: the date of an instant, and which dates are neutral.
    calendar: Calendar
    #: The zone that the days will follow and its start, if a change is pending.
    pending_time_zone: str | None
    effective_at: datetime | None
    #: Whether others can see the user's progress.
    is_public: bool
    #: How celebrations are shown to the user: ``all``, ``quiet`` or ``none``.
    celebration_mode: str
    #: Grows with every change; 0 for a user without a row.
    version: int


@naming_errors
def get_progress(user: UserRef) -> ProfileSummary:
    """Return the present progress of ``user``, in one query.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    user_id, now = user_id_of(user), timezone.now()
    row = stored_progress(user_id)
    calendar = row.calendar
    last = calendar.zones[-1]
    waits = last.since > now.timestamp()
    levels = row.level_table
    level = get_level_progress(row.total_xp, thresholds_of(levels))
    called = levels[level.level - 1]
    return ProfileSummary(
        level=level,
        level_name=called.name_in(get_language()),
        level_icon=called.icon,
        highest_level=max(row.highest_level, level.level),
        streak=_streak_of(user_id, row, calendar, now),
        active_days=row.active_days,
        achievements=row.held,
        time_zone=calendar.zone_at(now).key,
        calendar=calendar,
        pending_time_zone=last.zone if waits else None,
        effective_at=datetime.fromtimestamp(last.since, UTC) if waits else None,
        is_public=row.is_public,
        celebration_mode=row.celebration_mode,
        version=row.version,
    )


def _streak_of(
    user_id: Any, row: StoredProgress, calendar: Calendar, now: datetime
) -> StreakStatus:
    """Return the daily streak; only one that may forgive something takes more reads."""
    if row.forgives:
        loaded = load_anyone(user_id)
        return status_of(loaded, loaded.catalogue.daily, now)
    streak = Streak(row.current_streak, row.longest_streak, row.last_active_on)
    return streak_status(streak, calendar, now)


class StoredProgress(NamedTuple):
    """The stored progress of a user; the defaults are for a user without a row."""

    #: The levels that staff defined, as JSON.
    levels: str
    total_xp: int = 0
    highest_level: int = 1
    current_streak: int = 0
    longest_streak: int = 0
    last_active_on: date | None = None
    active_days: int = 0
    #: As JSON.
    zone_history: str = "[]"
    is_public: bool = True
    celebration_mode: str = "all"
    version: int = 0
    #: Achievements that the user holds.
    held: int = 0
    #: Whether the daily streak may forgive the user something.
    forgives: bool = False

    @property
    def level_table(self) -> tuple[LevelRule, ...]:
        """The levels in effect."""
        return conf.level_table(make_levels(self.levels))

    @property
    def calendar(self) -> Calendar:
        """The days of the user."""
        return calendar_of(json.loads(self.zone_history), conf.default_calendar)

    @property
    def level(self) -> int:
        """The level that the total XP reaches."""
        return calculate_level_from_xp(self.total_xp, thresholds_of(self.level_table))


#: Plain SQL, because Django takes longer to build the query than to run it. It gives a
#: row, with the levels, even for a user without one.
_ROW_SQL: Final = f"""SELECT l.levels, {", ".join(StoredProgress._fields[1:-2])}, (
    SELECT COUNT(DISTINCT u.achievement_id) FROM {UNLOCKS} u
    WHERE u.user_id = p.user_id AND u.revoked_at IS NULL
), p.has_exceptions OR EXISTS (
    SELECT 1 FROM {STREAKS} s WHERE s.key = '{DAILY}' AND NOT (
        s.initial_freezes = 0 AND s.freeze_every IS NULL
        AND s.weekdays = '[]' AND s.former = '[]')
) FROM (SELECT %s AS levels) l LEFT JOIN {PROFILES} p ON p.user_id = %%s"""


def stored_progress(user_id: Any) -> StoredProgress:
    """Return the stored progress of the user with this primary key, in one query."""
    connection = connections[write_alias()]
    sql = _ROW_SQL % levels_sql(connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(sql, [prepare_key(user_id, connection.alias)])
        levels, *row = cursor.fetchone()
    is_stored = row[0] is not None
    return StoredProgress(levels, *(row if is_stored else ()))
