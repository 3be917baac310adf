"""The values that leaderboards take and return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import EPOCH, instant_at
from gamification.domain.periods import Period

_MICROSECOND: Final = timedelta(microseconds=1)


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
    #: XP by which the entry right above is ahead; None for the first.
    gap_to_next: int | None
    #: When, in the period, the user last gained XP that was not reversed.
    reached_at: datetime


class PeriodState(TextChoices):
    """The states of the board of a period."""

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
    #: Whether the period is over, and late records may still arrive.
    is_provisional: bool
    ranking: Ranking
    #: Number of ranked users.
    count: int
    #: Number of places on all pages; a final board keeps its first 1,000.
    listed: int
    #: Number of ranked users before this page.
    offset: int
    page_size: int
    entries: tuple[LeaderboardEntry, ...]
    #: What ``after`` takes to continue behind the last entry; None at the end.
    cursor: str | None
    #: The viewer's own entry, on this page or not; None if they are not ranked.
    me: LeaderboardEntry | None
    #: Whether the viewer opted out of leaderboards.
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Winners:
    """Places 1 to 3 of a period, with all who share them."""

    period: Period
    state: PeriodState
    entries: tuple[LeaderboardEntry, ...]


class Group(NamedTuple):
    """Users with the same value of a lookup, such as the people of one company."""

    #: A name in ``LEADERBOARD_GROUPS``; empty for all users.
    grouping: str = ""
    #: The value, as a text.
    key: str = ""


EVERYBODY: Final = Group()


class Subject(NamedTuple):
    """The period and the users of a board."""

    period: Period
    group: Group = EVERYBODY


#: The values of the columns of users, by stored key. The values are empty if Django has
#: to read the user, and None if the user is not ranked any longer.
People: TypeAlias = Mapping[Any, Sequence[Any] | None]


class Place(NamedTuple):
    """The place of a ranked user, of whom only the key is known."""

    #: The key of the user, as the database has it.
    user: Any
    #: From 1 on, without ties.
    position: int
    rank: int
    score: int
    #: Score of the place before.
    above: int | None
    reached_at: datetime


class Key(NamedTuple):
    """The place of a score: keys in ascending order are the order of the board."""

    debit: int
    #: Microseconds since 1970.
    reached: int
    #: The key of the user, as the database has it and sorts it.
    user: Any

    @classmethod
    def of(cls, user: Any, score: int, reached_at: datetime) -> Key:
        return cls(-int(score), (reached_at - EPOCH) // _MICROSECOND, user)

    @property
    def reached_at(self) -> datetime:
        return instant_at(self.reached)


class Question(NamedTuple):
    """A request for a part of a board. Users are named by stored keys."""

    subject: Subject
    ranking: Ranking
    offset: int
    page_size: int
    #: The user in the middle of the part, instead of ``offset``.
    focus: Any
    #: The user whose own place is wanted.
    own: Any
    #: The place behind which the part begins, instead of ``offset``.
    after: Key | None = None

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
    #: The columns of users that were read along with their places.
    people: People = MappingProxyType({})
    #: Number of places at the end that a final board does not keep.
    dropped: int = 0
    is_final: bool = False

    @property
    def listed(self) -> int:
        """The number of places that pages have."""
        return self.total - self.dropped
