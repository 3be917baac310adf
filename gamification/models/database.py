"""The database that the app reads and writes."""

from __future__ import annotations

from django.db import router

from gamification.models.progress import UserGamification


def write_alias() -> str:
    """Return the alias of the database that the app writes to."""
    return router.db_for_write(UserGamification)
