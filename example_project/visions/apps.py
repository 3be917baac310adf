from __future__ import annotations

from django.apps import AppConfig


class VisionsConfig(AppConfig):
    """Visions and the KPIs that lead to them: what this site is about."""

    name = "example_project.visions"
    default_auto_field = "django.db.models.BigAutoField"
