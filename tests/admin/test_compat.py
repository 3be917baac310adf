"""The pages take the form that the site's admin has; how that looks, a browser sees."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin

from gamification.admin.base import GamificationAdmin
from gamification.admin.compat import model_admin


def test_pages_are_made_of_djangos_own_classes():
    assert model_admin() is admin.ModelAdmin
    assert issubclass(GamificationAdmin, admin.ModelAdmin)


def test_where_unfold_is_installed_they_are_made_of_its_classes(monkeypatch):
    unfold = pytest.importorskip(
        "unfold.admin", reason="There is no django-unfold: pip install django-unfold."
    )
    monkeypatch.setattr(apps, "is_installed", {"unfold"}.__contains__)

    assert model_admin() is unfold.ModelAdmin
