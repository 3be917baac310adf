"""The days of the user who sends the request that were not missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.fields import QuerySerializer, StrictDateField
from gamification.api.operations import operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet
from gamification.exceptions import InvalidSpanError
from gamification.models import ActiveDay, UserGamification
from gamification.services import get_calendar
from gamification.staff import user_id_of

#: Days before the last one by default: a year in total.
_BEFORE: Final = 364

EXAMPLE: Final = {
    "from": "2025-03-03",
    "to": "2026-03-02",
    "days": [{"date": "2026-03-01", "activities": 3, "xp": 35, "kind": "active"}],
}

# "from" is a keyword and cannot be written as an attribute.
CalendarQuery: type[QuerySerializer] = type(
    "CalendarQuery",
    (QuerySerializer,),
    {
        "__doc__": "Dates in the user's own time zone, both included.",
        "from": StrictDateField(
            required=False, help_text="The default is 364 days before ``to``."
        ),
        "to": StrictDateField(
            required=False, help_text="The default is the user's current date."
        ),
    },
)


class CalendarRange(NamedTuple):
    """A range of a user's calendar."""

    since: date
    until: date
    days: Sequence[ActiveDay]


class ActiveDaySerializer(ResponseSerializer):
    """A day on which the user was active, or which the daily streak forgave."""

    date = serializers.DateField()
    activities = serializers.IntegerField(help_text="Number of activities.")
    xp = serializers.IntegerField(help_text="XP earned with them.")
    kind = serializers.ChoiceField(
        choices=ActiveDay.Kind.values,
        help_text="Active, or why it broke nothing: a repair, a freeze, a pause, or a "
        "weekday off.",
    )


CalendarSerializer: type[ResponseSerializer] = type(
    "CalendarSerializer",
    (ResponseSerializer,),
    {
        "__doc__": "The days in a range of dates that were not missed.",
        "from": serializers.DateField(source="since"),
        "to": serializers.DateField(source="until"),
        "days": ActiveDaySerializer(many=True),
    },
)


class CalendarViewSet(GamificationViewSet):
    """The calendar of the user who sends the request: a single object."""

    is_singleton = True

    @operation(
        query=CalendarQuery,
        response=CalendarSerializer,
        errors=(InvalidSpanError,),
        is_polled=True,
        response_example=EXAMPLE,
    )
    def retrieve(self, request: Request, query: Mapping[str, Any]) -> CalendarRange:
        """Return the days that the user did not miss, in a range of up to 366 days."""
        until = query.get("to") or _today(request.user)
        default = date.fromordinal(max(1, until.toordinal() - _BEFORE))
        since = query.get("from", default)
        days = get_calendar(request.user, since=since, until=until)
        return CalendarRange(since, until, days)


def _today(user: Any) -> date:
    stored = UserGamification.objects.filter(user=user_id_of(user)).first()
    return (stored or UserGamification()).calendar.date_of(timezone.now())
