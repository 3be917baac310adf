from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.api.clients import API, client_of
from tests.vectors import STREAKS, dates_in, name_of

STAFF = (
    "add_streakdefinition",
    "change_streakdefinition",
    "grant_freezes",
    "record_activity",
    "repair_streak",
    "reverse_entry",
)


class Player:
    """A user and staff who do over HTTP what the steps of a vector say."""

    def __init__(self, user: Any, staff: Any, vector: dict[str, Any]) -> None:
        self.client, self.staff = client_of(user), client_of(staff, *STAFF)
        self.name, self.streak = user.get_username(), vector["streak"]
        self.zone = "UTC"
        with time_machine.travel(datetime(2026, 4, 1, tzinfo=UTC), tick=False):
            self._choose_zone(vector["zone"])
            self._define(vector["rules"])

    def apply(self, step: dict[str, Any]) -> None:
        if "active" in step:
            for day in dates_in(step["active"]):
                self._on(day, self._record)
        elif "record_at" in step:
            with time_machine.travel(step["record_at"], tick=False):
                self._record()
        elif "late" in step:
            late = self._noon(date.fromisoformat(step["late"]))
            self._on(step["on"], self._record, occurred_at=late.isoformat())
        elif "reverse" in step:
            self._on(step["on"], self._reverse, step["reverse"])
        elif "grant" in step:
            self._on(step["on"], self._act, "freezes", amount=step["grant"])
        elif "pause" in step:
            start, end = step["pause"]
            self._on(start, self._post, "me/pauses/", {"start": start, "end": end})
        elif "repair" in step:
            self._on(step["on"], self._act, "repairs", dates=step["repair"])
        else:
            with time_machine.travel(datetime.fromisoformat(step["at"]), tick=False):
                self._choose_zone(step["zone"])

    def read(self, step: dict[str, Any]) -> dict[str, Any]:
        if "read_at" in step:
            with time_machine.travel(step["read_at"], tick=False):
                answer = self.client.get(f"{API}me/streaks/").json()
        else:
            answer = self._on(step["read"], self.client.get, f"{API}me/streaks/").json()
        [status] = [each for each in answer["results"] if each["key"] == self.streak]
        return {name: status[name] for name in EXPECTED}

    def _define(self, rules: dict[str, Any]) -> None:
        if self.streak == "daily":
            address, headers = f"{API}streaks/daily/", {"If-Match": "*"}
            answer = self.staff.patch(address, rules, format="json", headers=headers)
        else:
            body = {"key": self.streak, "name": "x", **rules}
            answer = self.staff.post(f"{API}streaks/", body)
        assert answer.status_code in {200, 201}, answer.json()

    def _record(self, **more: Any) -> None:
        body = {"user": self.name, "activity": "walk", **more}
        self._post("records/", body, self.staff)

    def _reverse(self, day: str) -> None:
        ledger = self.client.get(f"{API}me/ledger/").json()["results"]
        [entry] = [each["id"] for each in ledger if each["local_date"] == day]
        self._act("reversals", entry=entry)

    def _act(self, act: str, **body: Any) -> None:
        streak = {} if act == "reversals" else {"streak": self.streak}
        body |= {"note": "An outage.", **streak}
        self._post(f"users/{self.name}/{act}/", body, self.staff)

    def _post(self, address: str, body: dict[str, Any], client: Any = None) -> None:
        answer = (client or self.client).post(f"{API}{address}", body)
        assert answer.status_code == 201, answer.json()

    def _choose_zone(self, zone: str) -> None:
        self.zone = zone
        answer = self.client.patch(f"{API}me/", {"time_zone": zone}, format="json")
        assert answer.status_code == 200

    def _on(self, day: date | str, act: Any, *args: Any, **options: Any) -> Any:
        day = day if isinstance(day, date) else date.fromisoformat(day)
        with time_machine.travel(self._noon(day), tick=False):
            return act(*args, **options)

    def _noon(self, day: date) -> datetime:
        return datetime.combine(day, time(12), tzinfo=ZoneInfo(self.zone))


EXPECTED = ("current", "longest", "freezes", "state")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_achievements", "activity")
@pytest.mark.parametrize("vector", STREAKS, ids=name_of)
def test_a_streak_is_what_the_specification_says(vector, user, staff, settings):
    settings.GAMIFICATION = {"DAY_START_HOUR": vector["day_start_hour"]}
    player = Player(user, staff, vector)

    for step in vector["steps"]:
        if "current" not in step:
            player.apply(step)
        else:
            assert player.read(step) == {name: step[name] for name in EXPECTED}
