"""Leaderboards: users in order of the XP that they earned in a period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import (
    BooleanField,
    Count,
    F,
    Max,
    Q,
    QuerySet,
    RowRange,
    Sum,
    TextChoices,
)
from django.db.models import Window as Over
from django.db.models.expressions import RawSQL
from django.db.models.functions import DenseRank, Lag, Rank, RowNumber
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.conf import conf
from gamification.domain.days import ZoneChange
from gamification.domain.periods import Period, Window, current_period
from gamification.exceptions import InvalidInstantError
from gamification.models import LedgerEntry, UserGamification, write_alias
from gamification.models.users import users_by_key, visible_users
from gamification.services.players.settings import check_time_zone
from gamification.services.validation import (
    UserRef,
    check_choice,
    check_whole,
    user_id_of,
)
from gamification.suggestions import shown

__all__ = [
    "LeaderboardEntry",
    "LeaderboardPage",
    "Period",
    "Ranking",
    "Window",
    "aget_leaderboard",
    "get_leaderboard",
]

PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 100
MAX_PAGE: Final = 10_000_000


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


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """A part of a leaderboard, and the viewer's own place on it."""

    period: Period
    ranking: Ranking
    #: Number of ranked users on all pages.
    count: int
    #: Number of ranked users before this page.
    offset: int
    page_size: int
    entries: tuple[LeaderboardEntry, ...]
    #: The viewer's own entry, on this page or not; None if they are not ranked.
    me: LeaderboardEntry | None


class _Place(NamedTuple):
    """A row of the query that ranks users."""

    user_id: Any
    position: int
    rank: int
    score: int
    #: Score of the row before.
    above: int | None
    reached_at: datetime
    #: Rows in all.
    total: int


#: The one ordering, from which positions, ranks, gaps and pages follow.
_ORDERING: Final = (F("score").desc(), F("reached_at").asc(), F("user_id").asc())

_RANKS: Final = {
    Ranking.COMPETITION: Over(Rank(), order_by=F("score").desc()),
    Ranking.DENSE: Over(DenseRank(), order_by=F("score").desc()),
    # The whole ordering has no ties.
    Ranking.ORDINAL: Over(Rank(), order_by=_ORDERING),
}


_LEDGER: Final = LedgerEntry._meta.db_table

#: True for entries that added XP and are still worth some. It is SQL, because Django
#: would compile it again for each expression that is based on it.
_LASTING_GAIN: Final = RawSQL(  # noqa: S611 - without parameters
    f"""{_LEDGER}.amount > 0 AND {_LEDGER}.kind <> 'reversal'
    AND coalesce({_LEDGER}.corrects, {_LEDGER}.id) NOT IN (
        SELECT r.reverses FROM {_LEDGER} r WHERE r.reverses IS NOT NULL
        UNION ALL SELECT c.corrects
        FROM {_LEDGER} c JOIN {_LEDGER} e ON e.id = c.corrects
        GROUP BY c.corrects, e.amount HAVING e.amount + sum(c.amount) <= 0)""",
    (),
    output_field=BooleanField(),
)


def get_leaderboard(
    window: Window | str,
    *,
    zone: str | None = None,
    ranking: Ranking | str = Ranking.COMPETITION,
    page: int = 1,
    page_size: int = PAGE_SIZE,
    around: UserRef | None = None,
    viewer: UserRef | None = None,
    now: datetime | None = None,
) -> LeaderboardPage:
    """Return a page of the leaderboard of the current period, in two queries.

    The period is the one around ``now`` (an aware datetime; None means the present) in
    the IANA zone ``zone`` (None means the site's). It ranks public, active users with
    more than 0 XP in the period; if two have equal scores, the one who reached the
    score first comes first.

    ``around`` selects the page with this user in the middle, or nearer to an end of the
    leaderboard, so that the page is full; if the user is not ranked, it is the first
    page. ``page`` is then ignored. ``me`` is the entry of ``viewer``; None means
    ``around``.

    Raises ``InvalidTimeZoneError``, ``InvalidInstantError``, ``UnknownUserError``, and
    ``InvalidRequestError`` for any other invalid value.
    """
    check_choice("window", window, Window.values)
    check_choice("ranking", ranking, Ranking.values)
    check_whole("page", page, least=1, most=MAX_PAGE)
    check_whole("page_size", page_size, least=1, most=MAX_PAGE_SIZE)
    period, ranking = _period(Window(window), zone, now), Ranking(ranking)
    focus = _key_of(around)
    own = focus if viewer is None else _key_of(viewer)
    offset = (page - 1) * page_size if around is None else 0
    # The first query ranks users: for the page, around the focus, and the viewer.
    places = _places(_rank(period, ranking), offset, page_size, focus, own)
    total = next(iter(places.values())).total if places else 0
    if focus in places:
        centred = places[focus].position - 1 - page_size // 2
        offset = max(0, min(centred, total - page_size))
    on_page = range(offset + 1, offset + page_size + 1)
    listed = [place for place in places.values() if place.position in on_page]
    # The second fetches the users, for their names.
    entries = _entries([*listed, *(places[key] for key in {own} & places.keys())])
    shown = tuple(entries[row.user_id] for row in listed if row.user_id in entries)
    me = entries.get(own)
    return LeaderboardPage(period, ranking, total, offset, page_size, shown, me)


aget_leaderboard = sync_to_async(get_leaderboard)


def _key_of(user: UserRef | None) -> Any:
    """Return the user's primary key; None for nobody, or for an anonymous visitor."""
    if user is None or isinstance(user, AnonymousUser):
        return None
    return user_id_of(user)


def _period(window: Window, zone: str | None, now: datetime | None) -> Period:
    calendar = conf.default_calendar
    if zone is not None:
        calendar = replace(calendar, zones=(ZoneChange(0, check_time_zone(zone)),))
    now = timezone.now() if now is None else now
    if not isinstance(now, datetime) or timezone.is_naive(now):
        raise InvalidInstantError(f"now is {shown(now)}, which is no aware datetime.")
    try:
        return current_period(window, calendar, now)
    except (OverflowError, ValueError) as error:
        message = f"now is {now}, but calendars end with the year 9999."
        raise InvalidInstantError(message) from error


def _rank(period: Period, ranking: Ranking) -> QuerySet[LedgerEntry, Any]:
    """Return the ranked users of ``period`` as rows of ``_Place``, in order."""
    users = UserGamification.objects.ranked().values("user")
    entries = LedgerEntry.objects.using(write_alias()).filter(user__in=users)
    if period.starts_at and period.ends_at:
        entries = entries.filter(
            occurred_at__gte=period.starts_at, occurred_at__lt=period.ends_at
        )
    return (
        entries.values("user_id")
        .annotate(score=Sum("amount"))
        .annotate(reached_at=Max("occurred_at", filter=_LASTING_GAIN))
        .filter(score__gt=0)
        .annotate(
            position=Over(RowNumber(), order_by=_ORDERING),
            rank=_RANKS[ranking],
            above=Over(Lag("score"), order_by=_ORDERING),
            total=Over(Count("*")),
        )
        .order_by("position")
    )


def _places(
    ranked: QuerySet[LedgerEntry, Any],
    offset: int,
    page_size: int,
    focus: Any,
    own: Any,
) -> dict[Any, _Place]:
    """Return the places that the page may show, by user.

    They are the page after ``offset``, all that can be on a page with the user
    ``focus``, the place of the user ``own``, and the first place, for its total.
    """
    is_shown = Q(position=1) | Q(user=own)
    is_shown |= Q(position__range=(offset + 1, offset + page_size))
    if focus is not None:
        reach = RowRange(1 - page_size, page_size - 1)
        is_focus = Count("user", filter=Q(user=focus))
        ranked = ranked.annotate(near=Over(is_focus, order_by=_ORDERING, frame=reach))
        is_shown |= Q(near=1)
    shown = ranked.annotate(is_shown=is_shown).filter(is_shown=True)
    places = [_Place(*row) for row in shown.values_list(*_Place._fields)]
    return {place.user_id: place for place in places}


def _entries(places: list[_Place]) -> dict[Any, LeaderboardEntry]:
    """Return the entries by user, without users who were just deleted."""
    keys = [each.user_id for each in places]
    users = users_by_key(visible_users().filter(pk__in=keys))
    return {
        place.user_id: LeaderboardEntry(
            place.rank,
            place.user_id,
            users[place.user_id],
            # Sums are decimals on PostgreSQL.
            int(place.score),
            None if place.above is None else int(place.above - place.score),
            place.reached_at,
        )
        for place in places
        if place.user_id in users
    }
