"""The admin that a site has: Django's own or, where that is installed, unfold's."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps


def model_admin() -> Any:
    """Return the class that the site's other pages are made of."""
    is_unfold = apps.is_installed("unfold")
    # By its name, because most sites do not have it.
    module = "unfold.admin" if is_unfold else "django.contrib.admin"
    return import_module(module).ModelAdmin
