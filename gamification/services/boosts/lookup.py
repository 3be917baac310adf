"""Finds boosts by key."""

from __future__ import annotations

from django.db import connections

from gamification.exceptions import UnknownBoostError
from gamification.models import Boost, write_alias
from gamification.services.validation import is_storable
from gamification.suggestions import did_you_mean, shown


def find_boost(key: str) -> Boost:
    """Return the boost with this key, whatever its state, with its group.

    Raises ``UnknownBoostError``.
    """
    rows = Boost.objects.select_related("group")
    found = rows.filter(key=key).first() if _is_usable(key) else None
    if found is None:
        known = rows.order_by("key").values_list("key", flat=True)
        message = f"No boost has the key {shown(key)}.{did_you_mean(key, known)}"
        raise UnknownBoostError(message, boost=key)
    return found


def lock_boost(key: str) -> Boost | None:
    """Return the boost with this key, locked against other editors, if it exists.

    Recording is not blocked.
    """
    alias = write_alias()
    no_key = connections[alias].features.has_select_for_no_key_update
    rows = Boost.objects.select_for_update(no_key=no_key)
    return rows.filter(key=key).first() if _is_usable(key) else None


def _is_usable(key: object) -> bool:
    return isinstance(key, str) and is_storable(key)
