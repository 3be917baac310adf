"""What users decide about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F
from django.utils import timezone

from gamification.domain.days import Calendar, is_time_zone
from gamification.domain.streaks import Streak, measure_streak
from gamification.exceptions import (
    InvalidRequestError,
    InvalidTimeZoneError,
    UnknownUserError,
)
from gamification.models import UserGamification, write_alias
from gamification.services.unit_of_work import in_transaction
from gamification.services.validation import UserRef, user_id_of
from gamification.storage import Store


@dataclass(frozen=True, slots=True)
class TimeZoneChange:
    """A user's choice of a zone, and when it takes effect."""

    time_zone: str
    effective_at: datetime
    streak: Streak


def set_time_zone(user: UserRef, time_zone: str) -> TimeZoneChange:
    """Let the user's days follow the IANA zone ``time_zone`` from now on.

    One change takes effect per 24 hours; a later one waits until then, and replaces
    one that waits. Dates of what was recorded stay as they are.

    Raises ``InvalidTimeZoneError``, ``UnknownUserError``, ``StorageError``.
    """
    zone = check_time_zone(time_zone)
    user_id, alias = user_id_of(user), write_alias()

    def change(store: Store) -> TimeZoneChange:
        profiles = UserGamification.objects.using(alias).filter(user=user_id)
        profile = profiles.first()
        if profile is None:
            raise UnknownUserError
        calendar = profile.calendar.with_zone(zone, timezone.now())
        # A date may have become too short to count, or to break a streak.
        streak = measure_streak(store.days([user_id])[user_id], calendar)
        profiles.update(
            time_zone=zone,
            zone_history=zone_history(calendar),
            current_streak=streak.current,
            longest_streak=streak.longest,
            version=F("version") + 1,
            updated_at=timezone.now(),
        )
        effective_at = datetime.fromtimestamp(calendar.zones[-1].since, UTC)
        return TimeZoneChange(zone, effective_at, streak)

    return in_transaction(alias, [user_id], change)


def set_visibility(user: UserRef, *, is_public: bool) -> bool:
    """Show the user to others, or to nobody; say whether that is a change.

    Raises ``InvalidRequestError``, ``UnknownUserError``, ``StorageError``.
    """
    if not isinstance(is_public, bool):
        raise InvalidRequestError("Public is either true or false.", field="is_public")
    user_id, alias = user_id_of(user), write_alias()

    def change(store: Store) -> bool:
        profiles = UserGamification.objects.using(alias).filter(user=user_id)
        if not profiles.exists():
            raise UnknownUserError
        changed = profiles.exclude(is_public=is_public).update(
            is_public=is_public,
            version=F("version") + 1,
            updated_at=timezone.now(),
        )
        return bool(changed)

    return in_transaction(alias, [user_id], change)


def set_choices(
    user: UserRef, *, time_zone: str | None = None, is_public: bool | None = None
) -> None:
    """Set what is not None, all of it or nothing.

    Raises what ``set_time_zone`` and ``set_visibility`` raise.
    """
    user_id = user_id_of(user)

    def change(store: Store) -> None:
        if time_zone is not None:
            set_time_zone(user_id, time_zone)
        if is_public is not None:
            set_visibility(user_id, is_public=is_public)

    in_transaction(write_alias(), [user_id], change)


def check_time_zone(name: str) -> str:
    """Return ``name``, or raise ``InvalidTimeZoneError``."""
    if not is_time_zone(name):
        raise InvalidTimeZoneError
    return name


def zone_history(calendar: Calendar) -> list[list[object]]:
    """Return the calendar's zones as they are stored."""
    return [[change.since, change.zone] for change in calendar.zones]
