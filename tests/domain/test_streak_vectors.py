from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.streak_rules import StreakRule, StreakVersion
from gamification.domain.streak_runs import Exceptions, Grant, Pause
from gamification.domain.streak_status import find_status
from tests.vectors import STREAKS, dates_in, name_of


class History:
    """A user's dates, as the steps of a vector make them."""

    def __init__(self, vector: dict[str, Any]) -> None:
        zones = (ZoneChange(0, vector["zone"]),)
        self.calendar = Calendar(zones, vector["day_start_hour"])
        rules = {"freeze_cap": 2, **vector["rules"]}
        if "weekdays" in rules:
            rules["weekdays"] = tuple(rules["weekdays"])
        self.rule = StreakRule(1, "daily", versions=(StreakVersion(**rules),))
        self.exceptions = Exceptions()
        self.dates: set[date] = set()

    def apply(self, step: dict[str, Any]) -> None:
        known = self.exceptions
        if "active" in step:
            self.dates |= {*dates_in(step["active"])}
        elif "record_at" in step:
            instant = datetime.fromisoformat(step["record_at"])
            self.dates.add(self.calendar.date_of(instant))
        elif "late" in step:
            self.dates |= {*dates_in([step["late"]])}
        elif "reverse" in step:
            self.dates -= {*dates_in([step["reverse"]])}
        elif "grant" in step:
            grant = Grant(date.fromisoformat(step["on"]), step["grant"])
            self.exceptions = replace(known, grants=(*known.grants, grant))
        elif "pause" in step:
            pause = Pause(*dates_in(step["pause"]))
            self.exceptions = replace(known, pauses=(*known.pauses, pause))
        elif "repair" in step:
            repaired = frozenset(dates_in(step["repair"]))
            self.exceptions = replace(known, repaired=known.repaired | repaired)
        else:
            moment = datetime.fromisoformat(step["at"]).timestamp()
            change = ZoneChange(moment, step["zone"])
            zones = (*self.calendar.zones, change)
            self.calendar = self.calendar._replace(zones=zones)

    def read(self, step: dict[str, Any]) -> dict[str, Any]:
        if "read_at" in step:
            now = datetime.fromisoformat(step["read_at"])
        else:
            zone = ZoneInfo(self.calendar.zones[-1].zone)
            day = date.fromisoformat(step["read"])
            now = datetime.combine(day, time(12), tzinfo=zone)
        status = find_status(self.rule, self.dates, self.calendar, now, self.exceptions)
        return {
            "current": status.current,
            "longest": status.longest,
            "freezes": status.freezes,
            "state": status.state.value,
        }


@pytest.mark.parametrize("vector", STREAKS, ids=name_of)
def test_a_streak_is_what_the_specification_says(vector):
    history = History(vector)

    for step in vector["steps"]:
        if "current" not in step:
            history.apply(step)
            continue
        expected = {name: step[name] for name in ("current", "longest")}
        expected |= {name: step[name] for name in ("freezes", "state")}
        assert history.read(step) == expected
