from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.api.assertions import assert_problem
from tests.api.sample_api import THINGS
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

#: Fifteen seconds into a minute.
NOW = datetime(2026, 3, 2, 12, 0, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def rates(settings, sample):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"read": "2/min", "write": "1/min"}}


def statuses(api, times: int) -> list[int]:
    return [api.get(THINGS).status_code for _ in range(times)]


def test_a_user_may_ask_so_often(api):
    assert statuses(api, 4) == [200, 200, 429, 429]


def test_a_refused_request_says_how_long_to_wait(api):
    statuses(api, 2)

    response = api.get(THINGS)

    assert_problem(response, 429, "throttled")
    assert response["Retry-After"] == "45"


def test_a_request_in_the_next_window_is_served(api, clock):
    statuses(api, 3)
    clock.shift(45)

    assert statuses(api, 3) == [200, 200, 429]


def test_each_user_has_a_count(api):
    statuses(api, 2)
    other = APIClient()
    other.force_authenticate(UserFactory())

    assert statuses(other, 1) == [200]


def test_a_key_that_memcached_would_refuse_is_counted(user):
    user.pk = "two words,\n" + 300 * "long"
    client = APIClient()
    client.force_authenticate(user)

    assert statuses(client, 3) == [200, 200, 429]


def test_each_scope_has_a_count(api):
    statuses(api, 3)

    first, second = (api.post(THINGS, {"name": "a"}, format="json") for _ in "ab")

    assert (first.status_code, second.status_code) == (201, 429)


def test_a_head_counts_as_a_read(api):
    api.head(THINGS)

    assert statuses(api, 2) == [200, 429]


def test_invalid_requests_are_counted(api):
    assert [api.get(f"{THINGS}?a=1").status_code for _ in range(3)] == [400, 400, 429]


def test_unknown_methods_are_not_counted(api):
    assert {api.put(THINGS).status_code for _ in range(3)} == {405}
    assert statuses(api, 1) == [200]


def test_a_scope_without_a_rate_is_free(api, settings):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"read": None}}

    assert statuses(api, 50) == [200] * 50


def test_the_default_rates_are_those_of_the_readme(api, settings):
    settings.GAMIFICATION = {}

    assert statuses(api, 601) == [200] * 600 + [429]


def test_a_rate_that_cannot_be_read_turns_nobody_away(api, settings):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"read": "many/second"}}

    assert statuses(api, 3) == [200, 200, 200]


def fail(*args):
    raise ConnectionError("The cache is down.")


@pytest.mark.parametrize("method", ["incr", "add"])
def test_a_cache_that_fails_turns_nobody_away(api, monkeypatch, method, caplog):
    monkeypatch.setattr(cache, method, fail, raising=False)

    assert statuses(api, 3) == [200, 200, 200]
    assert caplog.messages == ["The cache failed: requests are not counted."] * 3


def test_a_cache_that_keeps_nothing_turns_nobody_away(api, settings, caplog):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    }

    assert statuses(api, 3) == [200, 200, 200]
    assert caplog.messages == []


BACKENDS = {
    "locmem": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "file": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"},
    "database": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "counts",
    },
}


@pytest.fixture(params=BACKENDS)
def backend(request, settings, tmp_path):
    """Count in a cache of this kind, whose values last a minute by default."""
    settings.CACHES = {
        "default": {"LOCATION": str(tmp_path), "TIMEOUT": 60} | BACKENDS[request.param]
    }
    call_command("createcachetable")


@pytest.mark.parametrize(("rate", "seconds"), [("3/hour", 3_600), ("3/day", 86_400)])
def test_a_rate_holds_until_its_window_ends(
    api, settings, clock, backend, rate, seconds
):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"read": rate}}
    start = NOW.timestamp() // seconds * seconds
    found = []

    for part in (0.1, 0.4, 0.8, 0.95, 1.05):
        clock.move_to(start + part * seconds)
        found += statuses(api, 1)

    assert found == [200, 200, 200, 429, 200]


def test_a_rate_holds_where_values_expire_at_once(api, settings, clock, tmp_path):
    settings.CACHES = {
        "default": BACKENDS["file"] | {"LOCATION": str(tmp_path), "TIMEOUT": -1}
    }
    found = []

    for _ in range(4):
        found += statuses(api, 1)
        clock.shift(1)

    assert found == [200, 200, 429, 429]


def test_the_first_two_at_once_are_both_counted(api, monkeypatch):
    first = iter([ValueError])
    count = cache.incr

    def incr(name):
        # Another request begins the count between our look and our own beginning.
        for error in first:
            cache.set(name, 1)
            raise error
        return count(name)

    monkeypatch.setattr(cache, "incr", incr, raising=False)

    assert statuses(api, 2) == [200, 429]
