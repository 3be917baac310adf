from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.api import sample_api as module
from tests.api.dataset import World, make_world
from tests.api.sample_api import Sandbox

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def server_clock() -> Iterator[time_machine.Coordinates]:
    """Stop the server's clock at ``NOON``; it can be moved."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def nothing_is_counted_yet() -> None:
    """Let no test be throttled for the requests of another."""
    cache.clear()


@pytest.fixture
def api(user) -> APIClient:
    """A client of ``user``, who is signed in."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def sandbox(settings, monkeypatch) -> Sandbox:
    """Serve the suite's own API, and tell what its operations were called with."""
    settings.ROOT_URLCONF = module.__name__
    made = Sandbox()
    monkeypatch.setattr(module, "sandbox", made)
    return made


@pytest.fixture
def world(no_achievements) -> World:
    """Those who may ask, and a little of everything that they can ask about."""
    return make_world()
