"""A whole game over HTTP: record, poll, celebrate, acknowledge.

Two clients take part. A service, which may record activities, records one for a user.
A screen of that user polls the user's progress and shows each celebration once::

    python examples/play.py http://127.0.0.1:8000/api/gamification/v1/ \
        --service-token ... --user-token ... --activity kpi_completed

``python manage.py drf_create_token NAME`` creates a token.
"""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx

Json = dict[str, Any]


class Service:
    """Records activities, and tries again if a response is lost."""

    def __init__(self, url: str, token: str) -> None:
        self.http = client(url, token)

    def record(self, user: str, activity: str, *, key: str, tries: int = 5) -> Json:
        """Record an activity once, in up to ``tries`` requests. Return the outcome."""
        body = {"user": user, "activity": activity, "key": key}
        for left in reversed(range(tries)):
            try:
                response = self.http.post("records/", json=body)
            except httpx.TransportError:
                # The server may have recorded it. The key makes it safe to try again.
                if not left:
                    raise
            else:
                if response.status_code not in {429, 503} or not left:
                    return read_json(response)
                time.sleep(float(response.headers.get("Retry-After", 1)))
        raise AssertionError("The last try returns or raises.")


class Screen:
    """Shows a user's progress and celebrations."""

    def __init__(self, url: str, token: str) -> None:
        self.http = client(url, token)
        self.known: dict[str, tuple[str, Json]] = {}

    def poll(self, address: str) -> tuple[Json, bool]:
        """Return the JSON at ``address``, and whether it has changed."""
        etag, value = self.known.get(address, ("", {}))
        response = self.http.get(address, headers={"If-None-Match": etag})
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return value, False
        value = read_json(response)
        self.known[address] = (response.headers["ETag"], value)
        return value, True

    def celebrations(self) -> Iterator[Json]:
        """Yield the celebrations to show, each acknowledged as its animation starts."""
        address: str | None = "me/celebrations/"
        while address:
            page, _ = self.poll(address)
            for celebration in page["results"]:
                claim = self.http.post(f"me/celebrations/{celebration['id']}/claim/")
                if claim.status_code == httpx.codes.CONFLICT:
                    continue
                mine = read_json(claim)
                done = f"me/celebrations/{celebration['id']}/acknowledge/"
                self.http.post(done).raise_for_status()
                yield mine
            address = page["next"]


def client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"})


def read_json(response: httpx.Response) -> Json:
    """Return the JSON of a response. Exit with a message if it is a problem."""
    if response.is_error:
        problem = response.json()
        raise SystemExit(f"{problem['status']} {problem['code']}: {problem['detail']}")
    value: Json = response.json()
    return value


def play(service: Service, screen: Screen, activity: str) -> None:
    me, _ = screen.poll("me/")
    print(f"{me['user']} has {me['total_xp']} XP, level {me['level']}.")
    key = uuid.uuid4().hex
    outcome = service.record(me["user"], activity, key=key)
    again = service.record(me["user"], activity, key=key)
    print(f"{activity}: {outcome['credited']:+} XP.")
    assert again["replayed"], "Sent twice, it counts once."
    assert again["entry"] == outcome["entry"]
    for celebration in screen.celebrations():
        print(f"{celebration['title']}: {celebration['text']}")
    me, _ = screen.poll("me/")
    streak = me["streak"]
    print(f"{me['user']} has {me['total_xp']} XP, level {me['level']}.")
    print(f"A streak of {streak['current']} days, until {streak['lost_at']}.")
    _, is_news = screen.poll("me/")
    print("Nothing new since." if not is_news else "There is more.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Play a round over HTTP.")
    parser.add_argument("url", help="address of the API, including v1/")
    parser.add_argument("--service-token", required=True)
    parser.add_argument("--user-token", required=True)
    parser.add_argument("--activity", default="kpi_completed")
    options = parser.parse_args()
    service = Service(options.url, options.service_token)
    play(service, Screen(options.url, options.user_token), options.activity)


if __name__ == "__main__":
    main()
