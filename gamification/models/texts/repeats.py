"""Describes in words when an achievement can be earned, and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from gamification.domain.days import in_zone
from gamification.domain.streak_rules import StreakUnit


def moment_text(moment: datetime, zone: str) -> str:
    """Return a date, with the time unless it is midnight, as clocks in ``zone`` do.

    Without a zone, it is what each user's clock shows, written as if it were UTC.
    """
    local = in_zone(moment, ZoneInfo(zone) if zone else UTC).replace(tzinfo=None)
    is_midnight = (local.hour, local.minute) == (0, 0)
    return date_format(local, "DATE_FORMAT" if is_midnight else "DATETIME_FORMAT")


def season_sentence(
    starts_at: datetime | None, ends_at: datetime | None, zone: str
) -> str:
    """Return a sentence about a season; "" without one."""
    if starts_at is None and ends_at is None:
        return ""
    values = {
        "start": starts_at and moment_text(starts_at, zone),
        "end": ends_at and moment_text(ends_at, zone),
        "zone": zone or _("each user’s own clock"),
    }
    if ends_at is None:
        text = _("Only what happens from %(start)s on counts (%(zone)s).")
    elif starts_at is None:
        text = _("Only what happens before %(end)s counts (%(zone)s).")
    else:
        text = _("Only what happens from %(start)s until %(end)s counts (%(zone)s).")
    return text % values


def repeat_sentence(max_times: int | None, every: int | None, period: str) -> str:
    """Return a sentence about how often it can be earned; "" for once."""
    if every is None and not period:
        return ""
    number = number_format(every or 0, force_grouping=True)
    sentences = {
        "": _("Users earn it again after every %(every)s more"),
        StreakUnit.DAY: _("Users earn it once a day"),
        StreakUnit.WEEK: _("Users earn it once a week"),
        StreakUnit.MONTH: _("Users earn it once a month"),
    }
    text = sentences[period] % {"every": number}
    if max_times is None:
        return f"{text}."
    most = {"text": text, "most": number_format(max_times, force_grouping=True)}
    return _("%(text)s, %(most)s times at most.") % most
