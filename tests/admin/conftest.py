from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import path

from gamification.domain import zones

if not admin.site.is_registered(get_user_model()):
    # Django registers only its own user model.
    admin.site.register(get_user_model())


@pytest.fixture(autouse=True)
def few_zones(monkeypatch):
    """Let forms offer few time zones.

    Rendering and parsing six hundred takes as long as the rest of a page.
    """
    names = {"UTC", "Asia/Tokyo", "Europe/Berlin"}
    monkeypatch.setattr(zones, "available_timezones", lambda: names)
    zones.time_zones.cache_clear()
    yield
    zones.time_zones.cache_clear()


@pytest.fixture
def unregister(monkeypatch, settings):
    """Return a function that takes models out of the admin, for this test."""

    def unregister(*models):
        for model in models:
            monkeypatch.delitem(admin.site._registry, model)
        settings.ROOT_URLCONF = (path("admin/", admin.site.urls),)

    return unregister
