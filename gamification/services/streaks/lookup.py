"""Finds streaks by key, and checks the dates that verbs about them are given."""

from __future__ import annotations

from datetime import date, datetime

from gamification.domain.catalogue import Catalogue
from gamification.domain.streak_rules import DAILY, StreakRule
from gamification.exceptions import InvalidRequestError, UnknownStreakError
from gamification.models import StreakDefinition
from gamification.services.validation import is_storable
from gamification.suggestions import did_you_mean, shown


def find_streak(key: str) -> StreakDefinition:
    """Return the streak with this key; every site has ``daily``.

    Raises ``UnknownStreakError``.
    """
    rows = StreakDefinition.objects.all()
    usable = isinstance(key, str) and is_storable(key)
    found = rows.filter(key=key).first() if usable else None
    if found is None and key == DAILY:
        found, _is_new = rows.get_or_create(
            key=DAILY, defaults={"name": "Daily streak"}
        )
    if found is None:
        raise _unknown_streak(key)
    return found


def rule_of(streak: StreakDefinition, catalogue: Catalogue) -> StreakRule:
    """Return the rule that a catalogue, which was read later, has for the streak.

    Raises ``UnknownStreakError`` if the streak was deleted in between.
    """
    rule = catalogue.streaks.get(streak.key)
    if rule is None:
        raise _unknown_streak(streak.key)
    return rule


def _unknown_streak(key: str) -> UnknownStreakError:
    known = StreakDefinition.objects.order_by("key").values_list("key", flat=True)
    message = f"No streak has the key {shown(key)}.{did_you_mean(key, known)}"
    return UnknownStreakError(message, streak=key)


def lock_streak(key: str) -> StreakDefinition | None:
    """Return the streak with this key, locked against other editors, if it exists."""
    return StreakDefinition.objects.select_for_update().filter(key=key).first()


def find_optional_streak(key: str | None) -> StreakDefinition | None:
    """Return the streak with this key; None stands for all streaks."""
    return None if key is None else find_streak(key)


def check_date(name: str, day: date) -> date:
    """Return ``day``, or raise ``InvalidRequestError``."""
    if not isinstance(day, date) or isinstance(day, datetime):
        message = f"{name} is {shown(day)}, which is not a date."
        raise InvalidRequestError(message, field=name)
    return day
