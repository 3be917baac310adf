"""The base class of the pages. The browser tests check how they look."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin

from gamification.admin.base import GamificationAdmin
from gamification.admin.compat import model_admin


def test_pages_are_built_on_djangos_admin():
    assert model_admin() is admin.ModelAdmin
    assert issubclass(GamificationAdmin, admin.ModelAdmin)


def test_pages_are_built_on_unfold_if_it_is_installed(monkeypatch):
    unfold = pytest.importorskip(
        "unfold.admin", reason="django-unfold is not installed."
    )
    monkeypatch.setattr(apps, "is_installed", {"unfold"}.__contains__)

    assert model_admin() is unfold.ModelAdmin
