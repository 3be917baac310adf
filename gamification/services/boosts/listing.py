"""The boosts that hold for a user now, and those that are coming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.boost_times import BEHIND, spans_for
from gamification.domain.days import Calendar
from gamification.models import Activity, Boost, UserGamification, write_alias
from gamification.models.progress import calendar_of
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, user_id_of
from gamification.storage.boosts import read_groups

#: The most that are listed.
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class UserBoost:
    """A boost as it holds for one user."""

    key: str
    name: str
    description: str
    factor: Decimal
    #: When it begins and ends for the user.
    starts_at: datetime
    ends_at: datetime
    #: Whether it holds now.
    is_running: bool
    #: Keys of the activities that it boosts; empty for all.
    activities: Sequence[str]
    #: Conditions on attributes of a record: attribute, operator and value.
    where: Sequence[Sequence[Any]]


@naming_errors
def get_boosts(user: UserRef) -> list[UserBoost]:
    """Return the boosts that hold for ``user`` now or are coming, the next end first.

    Those that hold now come before the others. Boosts for groups are listed for their
    members alone. At most 50 are returned.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id, now = user_id_of(user), timezone.now()
    rows = Boost.objects.filter(is_active=True, ends_at__gt=now - _REACH)
    boosts = [*rows]
    groups = {each.group_id for each in boosts if each.group_id is not None}
    mine = read_groups(write_alias(), [user_id], sorted(groups)).get(
        user_id, frozenset()
    )
    calendar = _calendar(user_id) if boosts else conf.default_calendar
    found = [
        _for_user(each, calendar, now)
        for each in boosts
        if each.group_id is None or each.group_id in mine
    ]
    return sorted(filter(None, found), key=_order)[:MOST]


#: A boost on each user's own clock may end this much later than its time says.
_REACH: Final = BEHIND + timedelta(hours=4)


def _order(boost: UserBoost) -> tuple[bool, datetime, str]:
    at = boost.ends_at if boost.is_running else boost.starts_at
    return not boost.is_running, at, boost.key


def _calendar(user_id: Any) -> Calendar:
    rows = UserGamification.objects.filter(user=user_id)
    zones = rows.values_list("zone_history", flat=True).first()
    return calendar_of(zones or [], conf.default_calendar)


def _for_user(boost: Boost, calendar: Calendar, now: datetime) -> UserBoost | None:
    """Return the boost as it holds for the user now or next; None if it is over."""
    spans = spans_for(boost.starts_at, boost.ends_at, boost.zone, calendar)
    left = [span for span in spans if span[1] > now]
    if not left:
        return None
    starts_at, ends_at = left[0]
    return UserBoost(
        boost.key,
        boost.name,
        boost.description,
        boost.factor,
        starts_at,
        ends_at,
        starts_at <= now,
        boost.activities,
        boost.where,
    )


def activity_names(boost: Boost) -> list[str]:
    """Return the names of the activities that a boost chooses, in order."""
    if not boost.activities:
        return []
    rows = Activity.objects.filter(key__in=boost.activities)
    return [*rows.order_by("name").values_list("name", flat=True)]
