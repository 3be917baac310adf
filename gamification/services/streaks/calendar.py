"""The dates that the daily streak forgave, for calendars."""

from __future__ import annotations

from datetime import date
from operator import attrgetter
from typing import Any, Final

from django.db.models import Exists, FilteredRelation, Q, QuerySet

from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_rules import DAILY
from gamification.domain.streak_status import find_kinds
from gamification.models import (
    ActiveDay,
    StreakDefinition,
    UserGamification,
    write_alias,
)
from gamification.services.streaks.status import load_anyone

#: The columns of an active day, in the order that ``from_db`` takes them in.
_FIELDS: Final = tuple(field.attname for field in ActiveDay._meta.concrete_fields)


def days_of(user_id: Any, since: date, until: date) -> list[ActiveDay]:
    """Return the user's active days, and the dates that the daily streak forgave.

    It takes one query, and more if the streak may forgive something.
    """
    rows = [*_rows(user_id, since, until)]
    active = [
        ActiveDay.from_db(write_alias(), _FIELDS, values)
        for _forgives, *values in rows
        if values[0] is not None
    ]
    if not any(row[0] for row in rows):
        return active
    known = {day.date for day in active}
    forgiven = _forgiven(user_id, since, until)
    new = [day for day in forgiven if day.date not in known]
    return sorted([*active, *new], key=attrgetter("date"))


def _rows(user_id: Any, since: date, until: date) -> QuerySet[Any, Any]:
    """Return whether the daily streak may forgive something, with each active day.

    There is a row even without a day, but none for a user for whom nothing was stored.
    """
    strict = Q(initial_freezes=0, freeze_every=None)
    strict &= Q(weekdays=[], former=[])
    daily = StreakDefinition.objects.filter(key=DAILY).exclude(strict)
    day = FilteredRelation(
        "user__gamification_days",
        condition=Q(user__gamification_days__date__range=(since, until)),
    )
    rows = UserGamification.objects.filter(user=user_id)
    return (
        rows.annotate(day=day, forgives=Exists(daily) | Q(has_exceptions=True))
        .order_by("day__date")
        .values_list("forgives", *(f"day__{name}" for name in _FIELDS))
    )


def _forgiven(user_id: Any, since: date, until: date) -> list[ActiveDay]:
    loaded = load_anyone(user_id)
    state, book = loaded.state, loaded.state.book or StreakBook()
    rule = loaded.catalogue.daily
    kinds = find_kinds(
        rule, state.days or {}, state.calendar, book.exceptions_of(rule), since, until
    )
    return [
        ActiveDay(user_id=user_id, date=day, kind=kind) for day, kind in kinds.items()
    ]
