"""Checks of seasons, and of achievements that users can earn more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _

from gamification.domain.criteria import Criterion
from gamification.domain.rules import SPANNED, AchievementStatus
from gamification.domain.zones import is_time_zone

_NEVER: Final = timedelta(0)

#: The fields on which these checks depend.
FIELDS: Final = (
    *("criterion", "xp_reward", "threshold", "revocable", "status"),
    *("max_times", "repeat_every", "repeat_period"),
    *("starts_at", "ends_at", "season_zone"),
)


def read_moment(value: object) -> datetime | None:
    """Return a time that staff give as a text or a value; None for another value.

    A text without an offset is what clocks show, written as if it were UTC.
    """
    if isinstance(value, str):
        try:
            value = parse_datetime(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if is_aware(value) else value.replace(tzinfo=UTC)


def moment_text(value: datetime) -> str:
    """Return a time as files and logs have it: in UTC."""
    return value.astimezone(UTC).isoformat()


def repeat_problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields of an achievement whose values do not go together, and why."""
    yield from _season_problems(values)
    every, period = values["repeat_every"], values["repeat_period"]
    is_once = values["max_times"] == 1
    if is_once != (every is None and not period) or (every is not None and period):
        yield (
            "max_times",
            _(
                "An achievement that users can earn more than once needs either “again "
                "every” or “once per”; any other needs neither."
            ),
        )
    criterion = values["criterion"]
    if criterion == Criterion.MANUAL and not is_once:
        yield "max_times", _("Staff award it by hand, so it cannot repeat.")
    elif period and criterion not in SPANNED:
        text = _("Only counts of an activity, active days and XP can begin anew.")
        yield "repeat_period", text
    elif period == "day" and criterion == Criterion.ACTIVE_DAYS:
        yield "repeat_period", _("A day has only one active day: choose week or month.")
    if criterion == Criterion.TOTAL_XP and every and values["xp_reward"] >= every:
        text = _("Its own reward would earn it again: give less than %(most)s.")
        yield "xp_reward", text % {"most": every}
    yield from _loss_problems(values)


def _season_problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    starts_at, ends_at = (read_moment(values[n]) for n in ("starts_at", "ends_at"))
    zone = values["season_zone"]
    if starts_at and ends_at and starts_at >= ends_at:
        yield "ends_at", _("The season ends before it starts.")
    if zone and not is_time_zone(zone):
        text = _("This system does not know the time zone %(zone)s.")
        yield "season_zone", text % {"zone": repr(zone)}
    elif zone and not starts_at and not ends_at:
        yield "season_zone", _("A time zone needs a season: give its start or its end.")
    for name, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
        if moment and not zone and moment.utcoffset() != _NEVER:
            yield (
                name,
                _(
                    "Without a time zone, the time is what each user's clock shows: "
                    "give it with the offset +00:00."
                ),
            )


def _loss_problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    is_spanned = values["repeat_period"] or values["starts_at"] or values["ends_at"]
    is_counted = values["criterion"] in {
        *(Criterion.ACTIVITY_COUNT, Criterion.ACTIVE_DAYS, Criterion.MANUAL)
    }
    if is_spanned and values["revocable"] and not is_counted:
        yield (
            "revocable",
            _(
                "In a season or a period, only achievements for counts of an activity "
                "or for active days can be revocable."
            ),
        )


def endless_rewards(items: Iterable[Mapping[str, Any]]) -> str:
    """Say why rewards would earn each other without end; "" if they would not."""
    again = [
        each
        for each in items
        if each["criterion"] == Criterion.TOTAL_XP
        and each["repeat_every"]
        and each["status"] == AchievementStatus.ACTIVE
    ]
    if sum(each["xp_reward"] / each["repeat_every"] for each in again) < 1:
        return ""
    names = ", ".join(f"“{each['name']}”" for each in again)
    text = _("Together, the rewards of %(names)s would earn each other without end.")
    return text % {"names": names}
