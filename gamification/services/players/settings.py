"""The settings that users choose for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import CelebrationMode
from gamification.domain.streaks import Streak
from gamification.domain.zones import is_time_zone, present_name, time_zones
from gamification.exceptions import InvalidRequestError, InvalidTimeZoneError
from gamification.models import Celebration, UserGamification, write_alias
from gamification.services.streaks.settling import settle
from gamification.services.unit_of_work import (
    ConcurrentUpdateError,
    attempts,
    wrap_database_errors,
)
from gamification.services.user_changes import count_again
from gamification.services.validation import (
    UserRef,
    check_choice,
    unknown_user,
    user_id_of,
)
from gamification.storage import Store, store_for
from gamification.suggestions import did_you_mean, shown


@dataclass(frozen=True, slots=True)
class TimeZoneChange:
    """A user's choice of a zone, and when it takes effect."""

    time_zone: str
    effective_at: datetime
    streak: Streak


def set_time_zone(user: UserRef, time_zone: str) -> TimeZoneChange:
    """Set the IANA zone that the user's days follow from now on.

    At most one change takes effect in 24 hours; a later change is pending until then,
    and replaces a pending one. Entries keep their dates. For a user without entries,
    the zone holds for all time. An outdated name (``Asia/Calcutta``) is stored as the
    present one.

    Raises ``InvalidTimeZoneError``, ``UnknownUserError``, ``StorageError``.
    """
    zone, user_id = check_time_zone(time_zone), user_id_of(user)
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            change = _change_zone(user_id, zone, store)
    return change


def set_visibility(user: UserRef, *, is_public: bool) -> bool:
    """Show the user to others, or to nobody; say whether that changed anything.

    Raises ``InvalidRequestError``, ``UnknownUserError``, ``StorageError``.
    """
    return _set_choice(user_id_of(user), is_public=check_visibility(is_public))


def set_celebration_mode(user: UserRef, *, mode: str) -> bool:
    """Set how the user sees celebrations; say whether that changed anything.

    ``mode`` is ``all``, ``quiet`` (without effects) or ``none``. With ``none``, what is
    still to be shown becomes history, and so does whatever the user reaches from then
    on.

    Raises ``InvalidRequestError``, ``UnknownUserError``, ``StorageError``.
    """
    user_id, store = user_id_of(user), store_for(write_alias())
    choice = {"celebration_mode": check_mode(mode)}
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            is_changed = _choose(user_id, choice)
    return is_changed


def set_choices(
    user: UserRef,
    *,
    time_zone: str | None = None,
    is_public: bool | None = None,
    celebration_mode: str | None = None,
) -> None:
    """Set the values that are not None, all of them or none.

    Raises the errors of ``set_time_zone``, ``set_visibility`` and
    ``set_celebration_mode``.
    """
    user_id, store = user_id_of(user), store_for(write_alias())
    zone = None if time_zone is None else check_time_zone(time_zone)
    choices: dict[str, Any] = {}
    if is_public is not None:
        choices["is_public"] = check_visibility(is_public)
    if celebration_mode is not None:
        choices["celebration_mode"] = check_mode(celebration_mode)
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            if zone is not None:
                _change_zone(user_id, zone, store)
            if choices:
                _choose(user_id, choices)


def check_time_zone(name: str) -> str:
    """Return the present name of a zone, or raise ``InvalidTimeZoneError``."""
    if not is_time_zone(name):
        near = did_you_mean(name, time_zones())
        message = f"No IANA time zone is called {shown(name)}.{near}"
        raise InvalidTimeZoneError(message)
    return present_name(name)


def check_visibility(is_public: bool) -> bool:
    """Return ``is_public``, or raise ``InvalidRequestError``."""
    if not isinstance(is_public, bool):
        message = f"is_public is {shown(is_public)}, neither True nor False."
        raise InvalidRequestError(message, field="is_public")
    return is_public


def check_mode(mode: str) -> str:
    """Return ``mode``, or raise ``InvalidRequestError``."""
    check_choice("celebration_mode", mode, CelebrationMode.values)
    return mode


def zone_history(calendar: Calendar) -> list[list[object]]:
    """Return the calendar's zones in the form in which the database stores them."""
    return [[change.since, change.zone] for change in calendar.zones]


def _profiles(user_id: Any) -> QuerySet[UserGamification]:
    return UserGamification.objects.filter(user=user_id)


def _change_zone(user_id: Any, zone: str, store: Store) -> TimeZoneChange:
    """Change the zone of a locked user."""
    profiles, now = _profiles(user_id), timezone.now()
    profile = profiles.first()
    if profile is None:
        raise unknown_user(user_id)
    if profile.last_occurred_at is None:
        calendar = profile.calendar._replace(zones=(ZoneChange(0, zone),))
    else:
        calendar = profile.calendar.with_zone(zone, now)
    profiles.update(time_zone=zone, zone_history=zone_history(calendar))
    # The change can make a date so short that it no longer breaks a streak.
    streak, _rows = settle(user_id, store, now)
    since = datetime.fromtimestamp(calendar.zones[-1].since, UTC)
    return TimeZoneChange(zone, since if calendar.zones[-1].since else now, streak)


def _choose(user_id: Any, choices: Mapping[str, Any]) -> bool:
    """Set columns of a locked user's row; say whether that changed anything."""
    profiles = _profiles(user_id)
    if not profiles.exists():
        raise unknown_user(user_id)
    if choices.get("celebration_mode") == CelebrationMode.NONE:
        _end_celebrations(user_id)
    return _update(user_id, profiles, choices)


def _end_celebrations(user_id: Any) -> None:
    """Let nothing wait any longer to be shown to the user."""
    now = timezone.now()
    celebrations = Celebration.objects.filter(user=user_id)
    waiting = celebrations.filter(acknowledged_at=None, expires_at__gt=now)
    waiting.update(expires_at=now)


def _set_choice(user_id: Any, **choice: Any) -> bool:
    """Set a column of the user's row; say whether that changed anything."""
    alias = write_alias()
    with suppress(ConcurrentUpdateError), wrap_database_errors(alias):
        return _set_or_create(user_id, choice)
    # Somebody else has changed or deleted the user meanwhile, which the lock prevents.
    for attempt in attempts(store_for(alias), [user_id]):
        with attempt:
            attempt.lock()
            is_changed = _choose(user_id, choice)
    return is_changed


def _set_or_create(user_id: Any, choice: Mapping[str, Any]) -> bool:
    """Set a column, in statements that are complete in themselves: without a lock."""
    profiles = _profiles(user_id)
    if _update(user_id, profiles, choice):
        return True
    users = get_user_model()._base_manager.using(write_alias()).filter(pk=user_id)
    rows = [*users.values_list("gamification", flat=True)]
    if not rows:
        raise unknown_user(user_id)
    if rows[0] is not None:
        return False
    # Nobody ranks a newcomer differently. If a record comes first, its row is updated.
    newcomer, usual = UserGamification(user_id=user_id, **choice), UserGamification()
    profiles.bulk_create([newcomer], ignore_conflicts=True)
    is_unusual = any(getattr(usual, name) != value for name, value in choice.items())
    return _update(user_id, profiles, choice) or is_unusual


def _update(
    user_id: Any, profiles: QuerySet[UserGamification], choices: Mapping[str, Any]
) -> bool:
    """Set ``choices`` if any of them differs; say whether one did."""
    changed = profiles.exclude(**choices)
    values = {**choices, "version": F("version") + 1, "updated_at": timezone.now()}
    if "is_public" not in choices:
        return bool(changed.update(**values))
    # Leaderboards learn of the change in the same transaction, or not at all.
    with transaction.atomic(using=profiles.db, savepoint=False):
        is_change = bool(changed.update(**values))
        if is_change:
            count_again(user_id, profiles.db)
    return is_change
