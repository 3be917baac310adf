from __future__ import annotations

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.api import sandbox as module
from tests.api.sandbox import Sandbox
from tests.api.world import World, make_world


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
