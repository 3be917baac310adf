"""Checks what callers ask for, and reads cursors."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.periods import Period, Window, current_period, named_period
from gamification.exceptions import (
    InvalidCursorError,
    InvalidInstantError,
    InvalidPeriodError,
)
from gamification.leaderboards.values import Key
from gamification.models import write_alias
from gamification.models.users import convert_key, parse_key, prepare_key
from gamification.services.validation import UserRef, user_id_of
from gamification.suggestions import shown

_CURSOR: Final = re.compile(r"([0-9]{1,18})\.(-?[0-9]{1,17})\.(.+)", re.ASCII)


def stored_key_of(user: UserRef | None) -> Any:
    """Return the user's key as the database has it; None for an anonymous visitor."""
    if user is None or isinstance(user, AnonymousUser):
        return None
    return prepare_key(user_id_of(user), write_alias())


def period_of(window: Window, name: str | None, now: datetime | None) -> Period:
    """Return the period of this name, or else the one around ``now``."""
    if name is not None:
        return _named(window, name)
    now = timezone.now() if now is None else now
    if not isinstance(now, datetime) or timezone.is_naive(now):
        raise InvalidInstantError(
            f"now is {shown(now)}, which is not an aware datetime."
        )
    try:
        return current_period(window, conf.leaderboard_calendar, now)
    except (OverflowError, ValueError) as error:
        message = f"now is {now}, but calendars end with the year 9999."
        raise InvalidInstantError(message) from error


def last_period(window: Window, now: datetime | None) -> Period:
    """Return the last period that is over at ``now``; for all time, all time itself."""
    current = period_of(window, None, now)
    return period_before(current) or current


def period_before(period: Period) -> Period | None:
    """Return the period before; None for all time, or if calendars begin later."""
    if period.starts_at is None:
        return None
    with suppress(InvalidInstantError, OverflowError):
        return period_of(
            period.window, None, period.starts_at - timedelta(microseconds=1)
        )
    return None


def period_after(period: Period) -> Period | None:
    """Return the period after; None if it has not begun."""
    if period.ends_at is None or period.ends_at > timezone.now():
        return None
    return period_of(period.window, None, period.ends_at)


def _named(window: Window, name: str) -> Period:
    try:
        return named_period(window, conf.leaderboard_calendar, name)
    except (OverflowError, TypeError, ValueError) as error:
        known = period_of(window, None, timezone.now()).name
        message = f"{shown(name)} is not a period of the window {window}, such as "
        message += f"{known}."
        raise InvalidPeriodError(message, field="period") from error


def cursor_of(key: Key) -> str:
    """Return a key as a text for addresses."""
    return f"{-key.debit}.{key.reached}.{convert_key(key.user, write_alias())}"


def key_of_cursor(cursor: str) -> Key:
    """Return the key that ``cursor`` names, or raise ``InvalidCursorError``."""
    try:
        matched = _CURSOR.fullmatch(cursor)
        score, reached, name = matched.groups() if matched else ("", "", "")
        user = prepare_key(parse_key(name), write_alias())
        key = Key(-int(score), int(reached), user)
        _ = key.reached_at
    except (OverflowError, TypeError, ValidationError, ValueError) as error:
        message = f"The cursor {shown(cursor)} does not come from a leaderboard."
        raise InvalidCursorError(message, field="after") from error
    return key
