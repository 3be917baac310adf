"""Checks which fields of a boost may change, by its start and its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from gamification.domain.boost_times import (
    AHEAD,
    BoostState,
    earliest,
    latest,
    state_at,
)

#: A time that an editor has just chosen may be this old when it is saved.
_JUST_NOW: Final = timedelta(minutes=1)


def time_errors(
    values: Mapping[str, Any], before: Mapping[str, Any] | None, now: datetime
) -> Iterator[tuple[str, str]]:
    """Yield each field that cannot have its value at ``now``, and why.

    ``before`` has the values of a stored boost; None stands for a new one.
    """
    starts_at, ends_at, zone = values["starts_at"], values["ends_at"], values["zone"]
    for name in ("starts_at", "ends_at"):
        if values[name] is None:
            yield name, _("This is required.")
    if starts_at is None or ends_at is None:
        return
    if starts_at >= ends_at:
        yield "ends_at", _("The boost ends before it starts.")
        return
    if before is None:
        yield from _late_start(starts_at, zone, now)
        return
    changed = [name for name in values if differ(values[name], before[name])]
    times = before["starts_at"], before["ends_at"], before["zone"]
    state = state_at(now, *times, is_active=before["is_active"])
    if state == BoostState.PLANNED:
        yield from _late_start(starts_at, zone, now)
    elif state == BoostState.OVER:
        text = _("The boost is over and can no longer be changed.")
        yield from ((name, text) for name in changed)
    else:
        text = _(
            "The boost is running: it can only be ended earlier or later, or be "
            "switched off for good."
        )
        ends = {"ends_at", "is_active"}
        yield from ((name, text) for name in changed if name not in ends)
        if "ends_at" in changed and latest(ends_at, zone) < now - _JUST_NOW:
            yield "ends_at", _("The end is in the past.")


def differ(value: Any, other: Any) -> bool:
    """Say whether two values of a field differ.

    To Python, a list with yes equals one with 1 in its place.
    """
    is_list = isinstance(value, list)
    return value != other or (is_list and repr(value) != repr(other))


def _late_start(starts_at: datetime, zone: str, now: datetime) -> Iterator[Any]:
    """Yield why a boost cannot begin at ``starts_at`` any more, if it cannot."""
    if earliest(starts_at, zone) >= now - _JUST_NOW:
        return
    if zone or starts_at < now - _JUST_NOW:
        yield "starts_at", _("A boost cannot begin in the past.")
        return
    text = _(
        "Some clocks in the world already show this time. Begin the boost at %(time)s "
        "or later, or choose a time zone."
    )
    yield "starts_at", text % {"time": f"{now + AHEAD:%Y-%m-%d %H:%M}"}
