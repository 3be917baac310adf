"""Keeps the catalogue of each database in memory, with the stamp that it had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gamification.domain.catalogue import Catalogue
from gamification.storage.catalogue import make_catalogue
from gamification.storage.postgresql.sql import reading


class StampedCatalogue(NamedTuple):
    """A catalogue, and what changes whenever one of its rows does."""

    catalogue: Catalogue
    stamp: int
    #: Whether the stamp is a hash of all rows.
    is_hash: bool


#: Catalogues by alias and database.
_catalogues: dict[tuple[str, str], StampedCatalogue] = {}


def stamped_catalogue(
    connection: Any, fetch: Callable[[str], list[tuple[Any, ...]]]
) -> StampedCatalogue:
    """Return the catalogue that is known of a database, or read it with ``fetch``."""
    cached = _catalogues.get(_key_of(connection))
    if cached is None:
        [(stamp, is_hash, *tables)] = fetch(reading.CATALOGUE)
        cached = StampedCatalogue(make_catalogue(*tables), stamp, is_hash)
        _catalogues[_key_of(connection)] = cached
    return cached


def forget_catalogue(connection: Any) -> None:
    """Let the next reader read the catalogue again, because its stamp has changed."""
    _catalogues.pop(_key_of(connection), None)


def _key_of(connection: Any) -> tuple[str, str]:
    return connection.alias, str(connection.settings_dict["NAME"])
