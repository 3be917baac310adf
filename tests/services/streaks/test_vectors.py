from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from gamification.models import LedgerEntry, StreakDefinition
from gamification.services import (
    get_streaks,
    pause_streak,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from gamification.staff import create_streak, grant_freezes, repair_streak
from tests.vectors import STREAKS, dates_in, name_of


class Player:
    """A user who does what the steps of a vector say."""

    def __init__(self, user: Any, vector: dict[str, Any]) -> None:
        self.user = user
        self.streak = vector["streak"]
        self.zone = "UTC"
        self._change_zone(vector["zone"], datetime(2026, 4, 1, tzinfo=UTC))
        if self.streak == "daily":
            rules = StreakDefinition.objects.filter(key="daily")
            rules.update(**{"name": "Daily", **vector["rules"]})
        else:
            create_streak(actor=None, key=self.streak, name="x", **vector["rules"])

    def apply(self, step: dict[str, Any]) -> None:
        if "active" in step:
            for day in dates_in(step["active"]):
                self._on(day, record_activity, "walk")
        elif "record_at" in step:
            with time_machine.travel(step["record_at"], tick=False):
                record_activity(self.user, "walk")
        elif "late" in step:
            late = self._noon(date.fromisoformat(step["late"]))
            self._on(step["on"], record_activity, "walk", occurred_at=late)
        elif "reverse" in step:
            entry = LedgerEntry.objects.get(local_date=step["reverse"])
            self._on(step["on"], reverse_entry, entry_id=entry.pk)
        elif "grant" in step:
            self._on(step["on"], grant_freezes, step["grant"], streak=self.streak)
        elif "pause" in step:
            self._on(step["pause"][0], pause_streak, *dates_in(step["pause"]))
        elif "repair" in step:
            dates = [*dates_in(step["repair"])]
            self._on(step["on"], repair_streak, dates, actor=None, note="An outage.")
        else:
            self._change_zone(step["zone"], datetime.fromisoformat(step["at"]))

    def read(self, step: dict[str, Any]) -> dict[str, Any]:
        if "read_at" in step:
            with time_machine.travel(step["read_at"], tick=False):
                statuses = get_streaks(self.user)
        else:
            statuses = self._on(step["read"], get_streaks)
        [status] = [each for each in statuses if each.key == self.streak]
        return {
            "current": status.current,
            "longest": status.longest,
            "freezes": status.freezes,
            "state": status.state.value,
        }

    def _change_zone(self, zone: str, at: datetime) -> None:
        self.zone = zone
        with time_machine.travel(at, tick=False):
            set_time_zone(self.user, zone)

    def _on(self, day: date | str, verb: Any, *args: Any, **options: Any) -> Any:
        day = day if isinstance(day, date) else date.fromisoformat(day)
        with time_machine.travel(self._noon(day), tick=False):
            return verb(self.user, *args, **options)

    def _noon(self, day: date) -> datetime:
        return datetime.combine(day, time(12), tzinfo=ZoneInfo(self.zone))


@pytest.mark.django_db
@pytest.mark.usefixtures("no_achievements")
@pytest.mark.parametrize("vector", STREAKS, ids=name_of)
def test_a_streak_is_what_the_specification_says(vector, user, activity, settings):
    settings.GAMIFICATION = {"DAY_START_HOUR": vector["day_start_hour"]}
    player = Player(user, vector)

    for step in vector["steps"]:
        if "current" not in step:
            player.apply(step)
            continue
        expected = {name: step[name] for name in ("current", "longest")}
        expected |= {name: step[name] for name in ("freezes", "state")}
        assert player.read(step) == expected
