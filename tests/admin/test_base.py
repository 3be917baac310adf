from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin

from tests.inspection import INTERNAL

MODELS = sorted(
    {*apps.get_app_config("gamification").get_models()} - INTERNAL,
    key=lambda model: model.__name__,
)


def depth(cls):
    """Return how many classes of the app stand above each other."""
    if not cls.__module__.startswith("gamification."):
        return 0
    return 1 + max(map(depth, cls.__bases__))


@pytest.mark.parametrize("model", MODELS)
def test_pages_are_combined_side_by_side(model):
    assert depth(type(admin.site.get_model_admin(model))) <= 3
