from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
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
def rates(settings, sandbox):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"read": "2/min", "write": "1/min"}}


def statuses(api, times: int) -> list[int]:
    return [api.get(THINGS).status_code for _ in range(times)]


def test_a_user_may_ask_so_often(api):
    assert statuses(api, 4) == [200, 200, 429, 429]


def test_who_asks_too_often_is_told_when_to_come_back(api):
    statuses(api, 2)

    response = api.get(THINGS)

    assert_problem(response, 429, "throttled")
    assert response["Retry-After"] == "45"


def test_who_comes_back_then_is_served(api, clock):
    statuses(api, 3)
    clock.shift(45)

    assert statuses(api, 3) == [200, 200, 429]


def test_each_user_has_a_count(api):
    statuses(api, 2)
    other = APIClient()
    other.force_authenticate(UserFactory())

    assert statuses(other, 1) == [200]


def test_each_scope_has_a_count(api):
    statuses(api, 3)

    first, second = (api.post(THINGS, {"name": "a"}, format="json") for _ in "ab")

    assert (first.status_code, second.status_code) == (201, 429)


def test_a_head_counts_as_a_read(api):
    api.head(THINGS)

    assert statuses(api, 2) == [200, 429]


def test_what_is_refused_for_its_form_is_counted(api):
    assert [api.get(f"{THINGS}?a=1").status_code for _ in range(3)] == [400, 400, 429]


def test_what_nobody_offers_is_not_counted(api):
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
