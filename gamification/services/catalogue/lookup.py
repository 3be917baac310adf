"""The one look-up of activities and achievements by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from django.db.models import QuerySet

from gamification.domain.rules import AchievementStatus
from gamification.exceptions import UnknownAchievementError, UnknownActivityError
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services.validation import is_storable
from gamification.suggestions import did_you_mean, shown

Definition = TypeVar("Definition", Achievement, Activity)

#: The models of items with keys, in the order in which they are locked.
KEYED: Final = (Activity, StreakDefinition, Achievement)

#: The key of an item that is only previewed, which no other has.
UNSAVED_KEY: Final = "-" * 100

#: The most keys that are compared with a misspelt one.
MAX_SUGGESTED: Final = 1_000


def named(kind: str, key: str) -> str:
    """Return what messages call an item of this kind, which may have no key yet."""
    return f"new {kind}" if key in {"", UNSAVED_KEY} else f"{kind} {key!r}"


def find_definition(model: type[Definition], key: str) -> Definition | None:
    """Return the item with this key, whatever its status; None if there is none."""
    return _rows(model, [key]).first()


def get_definition(model: type[Definition], key: str) -> Definition:
    """Return the item with this key, whatever its status.

    An achievement comes with the activity that it counts. Raises
    ``UnknownActivityError``, ``UnknownAchievementError``.
    """
    rows: QuerySet[Any] = _rows(model, [key])
    if model is Achievement:
        rows = rows.select_related("activity", "streak")
    row: Definition | None = rows.first()
    if row is None:
        raise unknown_definition(model, key)
    return row


def lock_definitions(
    model: type[Definition], keys: Iterable[str]
) -> dict[str, Definition]:
    """Return the stored items by key, locked against other editors: one statement.

    Recording is not blocked. The locks last until the end of the caller's
    transaction, and are taken in the order that the database gives the keys. Keys
    that are not stored are left out.
    """
    rows: Any = _rows(model, keys).order_by("key")
    return {row.key: row for row in rows.locked_against_editors()}


def lock_definition(model: type[Definition], key: str) -> Definition | None:
    """Return the item with this key, locked as by ``lock_definitions``."""
    return lock_definitions(model, [key]).get(key)


def lock_catalogue() -> None:
    """Lock all definitions against other editors; recording is not blocked.

    Call it before a change of what definitions name, because others may be deleted or
    changed at the same time.
    """
    for model in KEYED:
        # Items are locked in this order everywhere.
        rows = model.objects.order_by("key").locked_against_editors()
        list(rows.values_list("pk"))


def unknown_definition(
    model: type[Activity | Achievement], key: object
) -> UnknownAchievementError | UnknownActivityError:
    """Return the error for a key that is not stored; it suggests a similar key."""
    hint = did_you_mean(key, _known_keys(model))
    if model is Achievement:
        message = f"No achievement has the key {shown(key)}.{hint}"
        return UnknownAchievementError(message, achievement=key)
    message = f"No activity has the key {shown(key)}.{hint}"
    return UnknownActivityError(message, activity=key)


def _rows(model: type[Definition], keys: Iterable[str]) -> QuerySet[Definition]:
    """Return the rows with these keys, leaving out those that no item can have."""
    usable = [key for key in keys if isinstance(key, str) and is_storable(key)]
    return model._default_manager.filter(key__in=usable)


def _known_keys(model: type[Activity | Achievement]) -> QuerySet[Any, str]:
    """Return keys to suggest; no hidden achievement, for a user may read them."""
    rows: QuerySet[Any] = model._default_manager.order_by("key")
    if model is Achievement:
        rows = rows.filter(is_secret=False, status=AchievementStatus.ACTIVE)
    return rows.values_list("key", flat=True)[:MAX_SUGGESTED]
