"""The values that answers show of an achievement, such as its rarity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gamification.api.pagination import Page
from gamification.models import Achievement
from gamification.services import get_rarity
from gamification.values import AchievementProgress


class AchievementRarity(NamedTuple):
    """How rare one achievement is."""

    #: None if no user has been active yet.
    fraction: float | None
    holders: int
    of: int
    worked_out_at: datetime


class AchievementSeason(NamedTuple):
    """When an achievement can be earned."""

    state: str
    starts_at: datetime | None
    ends_at: datetime | None
    zone: str


class VisibleAchievement(NamedTuple):
    """An achievement as a user sees it."""

    achievement: Achievement
    progress: AchievementProgress
    rarity: AchievementRarity

    @property
    def season(self) -> AchievementSeason | None:
        """The season with its state, if it has one."""
        return season_of(self.achievement, self.progress)


@dataclass(frozen=True, slots=True)
class AchievementPage(Page):
    """A page of achievements."""

    #: None if the site does not reveal it.
    secrets: int | None

    @classmethod
    def from_page(cls, page: Page, secrets: int | None) -> AchievementPage:
        """Return ``page`` with the number of secret achievements."""
        return cls(page.count, page.next, page.previous, page.results, secrets)


def with_rarity(rows: Iterable[AchievementProgress]) -> list[VisibleAchievement]:
    """Add the rarity of each achievement."""
    rarity = get_rarity()
    return [
        VisibleAchievement(
            row.achievement,
            row,
            AchievementRarity(
                rarity.share_of(row.achievement.pk),
                rarity.holders.get(row.achievement.pk, 0),
                rarity.denominator,
                rarity.worked_out_at,
            ),
        )
        for row in rows
    ]


def season_of(
    row: Achievement, progress: AchievementProgress
) -> AchievementSeason | None:
    """Return the season of an achievement with its state, if it has one."""
    if progress.season is None:
        return None
    ends = row.starts_at, row.ends_at
    return AchievementSeason(progress.season, *ends, row.season_zone)


class EditedAchievement(NamedTuple):
    """An achievement that was just saved, and whom it reaches."""

    achievement: Achievement
    progress: AchievementProgress
    rarity: AchievementRarity
    met_already: int
    problem: str

    @property
    def season(self) -> AchievementSeason | None:
        """The season with its state, if it has one."""
        return season_of(self.achievement, self.progress)
