"""The dates that the daily streak forgave, for calendars."""

from __future__ import annotations

from datetime import date
from operator import attrgetter
from typing import Any

from django.db.models import Exists, Q

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


def days_of(user_id: Any, since: date, until: date) -> list[ActiveDay]:
    """Return the user's active days, and the dates that the daily streak forgave."""
    rows = ActiveDay.objects.using(write_alias()).filter(user=user_id)
    forgiving = _forgiving(user_id)
    to_all, to_user = (Exists(each) for each in forgiving)
    days = rows.filter(date__range=(since, until)).order_by("date")
    active: list[Any] = [*days.annotate(forgives=to_all | to_user)]
    if active:
        forgives = active[0].forgives
    else:
        forgives = any(each.exists() for each in forgiving)
    others = _forgiven(user_id, since, until) if forgives else []
    known = {day.date for day in active}
    new = [day for day in others if day.date not in known]
    return sorted([*active, *new], key=attrgetter("date")) if new else active


def _forgiving(user_id: Any) -> tuple[Any, Any]:
    """Return rows if the daily streak may forgive something, to all or to the user."""
    alias, strict = write_alias(), Q(initial_freezes=0, freeze_every=None)
    strict &= Q(weekdays=[], former=[])
    streaks = StreakDefinition.objects.using(alias).filter(key=DAILY)
    users = UserGamification.objects.using(alias).filter(user=user_id)
    return streaks.exclude(strict), users.filter(has_exceptions=True)


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
