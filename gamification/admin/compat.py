"""The admin that the site uses: django-unfold's if installed, or else Django's own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps


def model_admin() -> Any:
    """Return the ``ModelAdmin`` class that the site's admin is built on."""
    is_unfold = apps.is_installed("unfold")
    # Imported by name, because most sites do not have django-unfold.
    module = "unfold.admin" if is_unfold else "django.contrib.admin"
    return import_module(module).ModelAdmin
