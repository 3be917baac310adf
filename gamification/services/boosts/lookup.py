"""Finds boosts by key."""

from __future__ import annotations

from gamification.exceptions import UnknownBoostError
from gamification.models import Boost
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
    rows = Boost.objects.locked_against_editors()
    return rows.filter(key=key).first() if _is_usable(key) else None


def _is_usable(key: object) -> bool:
    return isinstance(key, str) and is_storable(key)
