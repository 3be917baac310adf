"""The site's cache, which may be empty, outdated or broken at any time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final

from django.db import connections

from gamification.models import UserGamification, write_alias

logger = logging.getLogger(__name__)

_TABLE: Final = UserGamification._meta.db_table


def scoped_key(name: str) -> str:
    """Return the key of a cached value for the tables that the app uses now.

    Tenants may share a cache and even a connection, which then finds the tables of one
    or another schema; PostgreSQL is asked for the table itself, in one query.
    """
    connection = connections[write_alias()]
    scope = [connection.alias, str(connection.settings_dict["NAME"])]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)::oid", [_TABLE])
            scope += map(str, cursor.fetchone() or ())
    return f"{name}:{blake2b(repr(scope).encode(), digest_size=12).hexdigest()}"


@contextmanager
def tolerating_errors() -> Iterator[None]:
    """Log any error and go on: the errors of caches have no common base class."""
    try:
        yield
    except Exception:
        logger.exception("The cache cannot be used.")
