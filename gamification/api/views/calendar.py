"""The days on which the user who asks was active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.fields import Day, Query
from gamification.api.operations import operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet
from gamification.exceptions import InvalidSpanError
from gamification.models import (
    ActiveDay,
    UserGamification,
    write_alias,
)
from gamification.services import (
    get_calendar,
)

#: Days before the last one, where a client does not say: a year, with both ends.
_BEFORE: Final = 364

EXAMPLE: Final = {
    "from": "2025-03-03",
    "to": "2026-03-02",
    "days": [{"date": "2026-03-01", "activities": 3, "xp": 35, "kind": "active"}],
}

# The names of these fields cannot be written as attributes.
CalendarQuery: type[Query] = type(
    "CalendarQuery",
    (Query,),
    {
        "__doc__": "Dates of the user's own calendar, both included.",
        "from": Day(required=False, help_text="364 days before ``to`` if left out."),
        "to": Day(required=False, help_text="The user's today if left out."),
    },
)


class Calendar(NamedTuple):
    """A part of a user's calendar."""

    since: date
    until: date
    days: Sequence[ActiveDay]


class DaySerializer(ResponseSerializer):
    """A day on which the user did something that extends the streak."""

    date = serializers.DateField()
    activities = serializers.IntegerField(help_text="How often the user did something.")
    xp = serializers.IntegerField(help_text="XP of the day's activities.")
    kind = serializers.ChoiceField(
        choices=ActiveDay.Kind.values, help_text="Why the day counts."
    )


CalendarSerializer: type[ResponseSerializer] = type(
    "CalendarSerializer",
    (ResponseSerializer,),
    {
        "__doc__": "The days on which the user was active; the others are left out.",
        "from": serializers.DateField(source="since"),
        "to": serializers.DateField(source="until"),
        "days": DaySerializer(many=True),
    },
)


class CalendarViewSet(GamificationViewSet):
    """The days on which the user who asks was active: one object."""

    is_singleton = True

    @operation(
        query=CalendarQuery,
        answer=CalendarSerializer,
        errors=(InvalidSpanError,),
        is_polled=True,
        example=EXAMPLE,
    )
    def retrieve(self, request: Request, query: Mapping[str, Any]) -> Calendar:
        """Return the user's active days between two dates, 366 days at the most."""
        until = query.get("to") or _today(request.user)
        default = date.fromordinal(max(1, until.toordinal() - _BEFORE))
        since = query.get("from", default)
        days = get_calendar(request.user, since=since, until=until)
        return Calendar(since, until, days)


def _today(user: Any) -> date:
    stored = UserGamification.objects.using(write_alias()).filter(user=user).first()
    return (stored or UserGamification()).calendar.date_of(timezone.now())
