"""A user's game: all that one page shows, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.http import Http404
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from gamification.admin.players.heatmap import Heatmap, first_day
from gamification.admin.players.ledger import LedgerPage, get_ledger_page
from gamification.admin.ui.charts import spelled
from gamification.admin.ui.formatting import celebrated
from gamification.exceptions import GamificationError, UnknownUserError
from gamification.models import (
    Celebration,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.services import (
    AchievementProgress,
    ProfileSummary,
    explain_achievement,
    get_calendar,
    get_progress,
)
from gamification.staff import (
    get_all_achievements,
    user_id_of,
)

#: Celebrations that are shown, the latest.
_CELEBRATIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Badge:
    """An achievement, how far the user is with it, and their row if they have one."""

    progress: AchievementProgress
    row: UserAchievement | None

    @property
    def achievement(self) -> Any:
        return self.progress.achievement

    @property
    def unlocked_at(self) -> Any:
        """When it was unlocked; None while it is not."""
        return self.progress.unlocked_at

    @property
    def is_held(self) -> bool:
        return self.unlocked_at is not None

    @property
    def is_revoked(self) -> bool:
        return self.row is not None and self.row.revoked_at is not None

    @property
    def is_open(self) -> bool:
        """Whether it can still be earned by the user."""
        return self.row is None and self.achievement.status == "active"


@dataclass(frozen=True, slots=True)
class Notice:
    """A celebration in words."""

    celebration: Celebration
    text: str
    #: ``shown``, ``pending`` or ``expired``.
    state: str


@dataclass(frozen=True)
class Game:
    """Where a user stands, and how they got there."""

    user: Any
    #: None for who never did anything.
    row: UserGamification | None
    progress: ProfileSummary
    heatmap: Heatmap
    badges: Sequence[Badge]
    statement: LedgerPage
    notices: Sequence[Notice]

    @property
    def total_xp(self) -> str:
        return spelled(self.progress.level.total_xp)

    @property
    def thresholds(self) -> tuple[str, str]:
        """XP at which the level begins, and at which the next one does, if any."""
        level = self.progress.level
        ends = level.next_threshold
        return spelled(level.previous_threshold), "" if ends is None else spelled(ends)

    @property
    def missing(self) -> str:
        """XP to the next level; empty at the top."""
        level = self.progress.level
        if level.next_threshold is None:
            return ""
        return spelled(level.next_threshold - level.total_xp)

    @property
    def lost_at(self) -> datetime | None:
        """When the streak is lost, by the user's own clock."""
        lost_at = self.progress.streak.lost_at
        return lost_at and lost_at.astimezone(ZoneInfo(self.progress.time_zone))

    @cached_property
    def held(self) -> list[Badge]:
        """What the user holds, the latest first."""
        held = [badge for badge in self.badges if badge.is_held]
        return sorted(held, key=lambda badge: badge.unlocked_at, reverse=True)

    @cached_property
    def revoked(self) -> list[Badge]:
        return [badge for badge in self.badges if badge.is_revoked]

    @cached_property
    def open(self) -> list[Badge]:
        """What is still to be earned, the nearest first."""
        still = [badge for badge in self.badges if badge.is_open]
        return sorted(still, key=lambda badge: -badge.progress.fraction)


def find_player(text: str) -> Any:
    """Return the user with this primary key, or raise ``Http404``."""
    users = get_user_model()._base_manager.using(write_alias())
    try:
        user = users.filter(pk=user_id_of(text)).first()
    except UnknownUserError as error:
        raise Http404 from error
    if user is None:
        raise Http404
    return user


def get_player_page(user: Any, *, before: int | None = None) -> Game:
    """Return the game of ``user``, with its ledger before the entry with this id."""
    profile = UserGamification.objects.using(write_alias()).filter(user=user).first()
    today = (profile or UserGamification()).calendar.date_of(timezone.now())
    days = get_calendar(user, since=first_day(today), until=today)
    return Game(
        user=user,
        row=profile,
        progress=get_progress(user),
        heatmap=Heatmap(days, today),
        badges=_badges(user),
        statement=get_ledger_page(user.pk, before=before),
        notices=_notices(user),
    )


def explain(user: Any, key: str) -> str:
    """Say in words why ``user`` does not hold an achievement, or that they do."""
    try:
        return explain_achievement(user, key).text
    except GamificationError as error:
        return str(error)


def _badges(user: Any) -> list[Badge]:
    rows = UserAchievement.objects.using(write_alias()).filter(user=user)
    by_achievement = {
        row.achievement_id: row for row in rows.select_related("revoked_by")
    }
    return [
        Badge(progress, by_achievement.get(progress.achievement.pk))
        for progress in get_all_achievements(user)
    ]


def _notices(user: Any) -> list[Notice]:
    rows = Celebration.objects.using(write_alias()).filter(user=user)
    now = timezone.now()
    return [
        Notice(row, celebrated(row), _state(row, now))
        for row in rows.order_by("-id")[:_CELEBRATIONS]
    ]


def _state(celebration: Celebration, now: datetime) -> str:
    if celebration.acknowledged_at:
        return _("shown")
    return _("expired") if celebration.expires_at <= now else _("pending")
