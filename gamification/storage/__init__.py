"""Stores, which have all SQL of the write path.

A store locks users, reads their state, and writes their changesets. There is one for
PostgreSQL and a portable one for SQLite; both behave the same.
"""

from __future__ import annotations

from django.db import connections

from gamification.storage.base import Snapshot, Store, Written
from gamification.storage.portable.store import PortableStore
from gamification.storage.postgresql.store import PostgreSQLStore
from gamification.storage.queries import StateQuery

__all__ = ["Snapshot", "StateQuery", "Store", "Written", "store_for"]

#: Stores by the vendor of the database; SQLite uses the portable one.
STORES: dict[str, type[Store]] = {"postgresql": PostgreSQLStore}


def store_for(alias: str) -> Store:
    """Return the store for the database behind ``alias``."""
    connection = connections[alias]
    return STORES.get(connection.vendor, PortableStore)(connection)
