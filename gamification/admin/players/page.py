"""The data of the page of one user, read in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from gamification.admin.players.heatmap import Heatmap, first_day
from gamification.admin.players.ledger import LedgerPage, get_ledger_page
from gamification.admin.players.streak_actions import streaks_of
from gamification.admin.ui.formatting import format_number
from gamification.exceptions import UnknownUserError
from gamification.models import (
    Achievement,
    ActiveDay,
    Celebration,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.services import (
    ProfileSummary,
    explain_achievement,
    get_calendar,
    get_progress,
)
from gamification.staff import (
    achievements_shown,
    read_streaks,
    sees_celebrations,
    sees_ledgers,
    unknown_definition,
    user_id_of,
)
from gamification.values import AchievementProgress, StreakStatus

#: The number of celebrations on the page.
_MAX_CELEBRATIONS: Final = 20


@dataclass(frozen=True, slots=True)
class PlayerAchievement:
    """An achievement with the user's progress, and their row if they have one."""

    progress: AchievementProgress
    row: UserAchievement | None
    #: Further rows, in order, if the user has earned the achievement more than once.
    again: Sequence[UserAchievement] = ()

    @property
    def achievement(self) -> Any:
        return self.progress.achievement

    @property
    def unlocked_at(self) -> Any:
        """When the user unlocked it, or None if they do not hold it."""
        return self.progress.unlocked_at

    @property
    def is_held(self) -> bool:
        return self.unlocked_at is not None

    @property
    def is_revoked(self) -> bool:
        return self.row is not None and self.row.revoked_at is not None

    @property
    def times(self) -> int:
        """How often the user holds it."""
        return self.progress.times

    @property
    def numbers(self) -> list[UserAchievement]:
        """The rows that the user holds, if there are several."""
        rows = [self.row, *self.again]
        held = [row for row in rows if row is not None and row.revoked_at is None]
        return held if len(held) > 1 else []

    @property
    def is_open(self) -> bool:
        """Whether the user can still unlock it."""
        is_active = self.achievement.status == "active"
        return self.row is None and is_active and self.progress.is_open


@dataclass(frozen=True, slots=True)
class PlayerCelebration:
    """A celebration with its title and state."""

    celebration: Celebration
    title: str
    #: A translated text: shown, pending or expired.
    state: str


@dataclass(frozen=True)
class PlayerPage:
    """The progress and history of a user."""

    user: Any
    #: None if the user has no history.
    row: UserGamification | None
    progress: ProfileSummary
    #: All streaks, the daily one first.
    streaks: Sequence[StreakStatus]
    heatmap: Heatmap
    achievements: Sequence[PlayerAchievement]
    #: None if the viewer may not see it.
    ledger: LedgerPage | None
    celebrations: Sequence[PlayerCelebration] | None

    @property
    def total_xp(self) -> str:
        return format_number(self.progress.level.total_xp)

    @property
    def thresholds(self) -> tuple[str, str]:
        """The XP at which the level and the next one begin; the latter may be empty."""
        level = self.progress.level
        following = level.next_threshold
        return (
            format_number(level.previous_threshold),
            "" if following is None else format_number(following),
        )

    @property
    def missing(self) -> str:
        """The XP that the next level needs; empty at the highest level."""
        level = self.progress.level
        if level.next_threshold is None:
            return ""
        return format_number(level.next_threshold - level.total_xp)

    @property
    def lost_at(self) -> datetime | None:
        """When the streak will be lost, in the user's own time zone."""
        lost_at = self.progress.streak.lost_at
        return lost_at and lost_at.astimezone(ZoneInfo(self.progress.time_zone))

    @cached_property
    def held(self) -> list[PlayerAchievement]:
        """The achievements that the user holds, newest first."""
        held = [each for each in self.achievements if each.is_held]
        return sorted(held, key=lambda each: each.unlocked_at, reverse=True)

    @cached_property
    def revoked(self) -> list[PlayerAchievement]:
        return [each for each in self.achievements if each.is_revoked]

    @cached_property
    def open(self) -> list[PlayerAchievement]:
        """The achievements that the user can still unlock, closest first."""
        remaining = [each for each in self.achievements if each.is_open]
        return sorted(remaining, key=lambda each: -each.progress.fraction)


def find_player(text: str) -> Any:
    """Return the user with this primary key, or raise ``Http404``."""
    users = get_user_model()._base_manager.using(write_alias())
    try:
        return get_object_or_404(users, pk=user_id_of(text))
    except UnknownUserError as error:
        raise Http404 from error


def get_player_page(user: Any, *, viewer: Any, before: int | None = None) -> PlayerPage:
    """Return what ``viewer`` may see of ``user``.

    The page of the ledger ends before the entry ``before``.
    """
    profile = UserGamification.objects.filter(user=user).first()
    today = (profile or UserGamification()).calendar.date_of(timezone.now())
    progress = get_progress(user)
    return PlayerPage(
        user=user,
        row=profile,
        progress=progress,
        streaks=_streaks(user, progress),
        heatmap=Heatmap(_days(user, progress, today), today),
        achievements=_achievements(user, viewer),
        ledger=get_ledger_page(user_id_of(user), before=before)
        if sees_ledgers(viewer)
        else None,
        celebrations=_celebrations(user) if sees_celebrations(viewer) else None,
    )


def explain(page: PlayerPage, key: str) -> str:
    """Return the reason why the user does not hold an achievement, or that they do."""
    if not any(each.achievement.key == key for each in page.achievements):
        return str(unknown_definition(Achievement, key))
    return explain_achievement(page.user, key).text


def _days(user: Any, progress: ProfileSummary, today: date) -> Sequence[ActiveDay]:
    """Return the year of a user who was ever active."""
    if not progress.active_days:
        return []
    return get_calendar(user, since=first_day(today), until=today)


def _streaks(user: Any, progress: ProfileSummary) -> Sequence[StreakStatus]:
    """Return all streaks; ``progress`` has the daily one, often the only one."""
    others = [each for each in streaks_of(user) if each.is_active]
    if {each.key for each in others} <= {progress.streak.key}:
        return [progress.streak]
    return read_streaks(user)


def _achievements(user: Any, viewer: Any) -> list[PlayerAchievement]:
    rows = UserAchievement.objects.filter(user=user)
    by_achievement: dict[int, list[UserAchievement]] = {}
    # A row that the user still holds comes before those that were taken back.
    for row in rows.select_related("revoked_by").order_by("number"):
        by_achievement.setdefault(row.achievement_id, []).append(row)
    found = []
    for progress in achievements_shown(user, viewer=viewer):
        known = by_achievement.get(progress.achievement.pk, [])
        known.sort(key=lambda row: row.revoked_at is not None)
        first = known[0] if known else None
        found.append(PlayerAchievement(progress, first, known[1:]))
    return found


def _celebrations(user: Any) -> list[PlayerCelebration]:
    rows = Celebration.objects.filter(user=user)
    now = timezone.now()
    return [
        PlayerCelebration(row, row.title, _state(row, now))
        for row in rows.order_by("-id")[:_MAX_CELEBRATIONS]
    ]


def _state(celebration: Celebration, now: datetime) -> str:
    if celebration.acknowledged_at:
        return _("shown")
    return _("expired") if celebration.expires_at <= now else _("pending")
