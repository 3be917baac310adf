"""The only SQL of the write path.

A store locks users, reads their state, and writes the changes of their changesets.
There is one for every database and one for PostgreSQL; both behave the same.
"""

from __future__ import annotations

from django.db import connections

from gamification.storage.base import Snapshot, StateQuery, Store, Written
from gamification.storage.portable import PortableStore
from gamification.storage.postgresql import PostgreSQLStore

__all__ = ["Snapshot", "StateQuery", "Store", "Written", "store_for"]


def store_for(alias: str) -> Store:
    """Return the store for the database behind ``alias``."""
    if connections[alias].vendor == "postgresql":
        return PostgreSQLStore(alias)
    return PortableStore(alias)
