"""The only SQL of the write path.

A store locks users, reads their standing, and writes the changes of their folds.
There is one for every database and one for PostgreSQL; both behave the same.
"""

from __future__ import annotations

from django.db import connections

from gamification.storage.base import Query, Snapshot, Store, Written
from gamification.storage.portable import PortableStore
from gamification.storage.postgresql import PostgreSQLStore

__all__ = ["Query", "Snapshot", "Store", "Written", "store_for"]


def store_for(alias: str) -> Store:
    """Return the store for the database behind ``alias``."""
    if connections[alias].vendor == "postgresql":
        return PostgreSQLStore(alias)
    return PortableStore(alias)
