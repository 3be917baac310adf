"""The values that leaderboards take and return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.periods import Period


class Ranking(TextChoices):
    """The way in which users with equal scores are numbered."""

    COMPETITION = "competition", _("1, 2, 2, 4")
    DENSE = "dense", _("1, 2, 2, 3")
    ORDINAL = "ordinal", _("1, 2, 3, 4")


@dataclass(frozen=True, slots=True)
class LeaderboardEntry:
    """A user's place on a leaderboard."""

    rank: int
    user_id: Any
    user: AbstractBaseUser
    #: XP of the period, 1 or more.
    score: int
    #: XP that the entry right above is ahead; None for the first.
    gap_to_next: int | None
    #: When, in the period, the user last gained XP that was not reversed.
    reached_at: datetime


class PeriodState(TextChoices):
    """What can still happen to the board of a period."""

    OPEN = "open", _("open")
    SETTLING = "settling", _("provisional")
    FINAL = "final", _("final")


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """A part of a leaderboard, and the viewer's own place on it.

    A final board keeps its first 1,000 places; others are known by ``me`` alone.
    """

    period: Period
    state: PeriodState
    ranking: Ranking
    #: Number of ranked users on all pages.
    count: int
    #: Number of ranked users before this page.
    offset: int
    page_size: int
    entries: tuple[LeaderboardEntry, ...]
    #: The viewer's own entry, on this page or not; None if they are not ranked.
    me: LeaderboardEntry | None


class Place(NamedTuple):
    """A ranked user, before anything else is known of them."""

    user_id: Any
    #: From 1 on, without ties.
    position: int
    rank: int
    score: int
    #: Score of the place before.
    above: int | None
    reached_at: datetime


class Question(NamedTuple):
    """A request for a part of a board."""

    period: Period
    ranking: Ranking
    offset: int
    page_size: int
    #: Key of the user in whose middle the part lies, instead of ``offset``.
    focus: Any
    #: Key of the user whose own place is wanted.
    own: Any

    def offset_around(self, position: int, total: int) -> int:
        """Return the offset of the full page around the place at ``position``."""
        centred = position - 1 - self.page_size // 2
        return max(0, min(centred, total - self.page_size))


class Answer(NamedTuple):
    """A part of a board, and the place of the user who asked."""

    total: int
    offset: int
    places: Sequence[Place]
    own: Place | None
