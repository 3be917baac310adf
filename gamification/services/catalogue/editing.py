"""What staff change of the catalogue: its items, made and edited by key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from django.db import IntegrityError, connections, transaction

from gamification.exceptions import (
    StaleEditError,
    UnknownAchievementError,
    UnknownActivityError,
)
from gamification.models import Achievement, Activity, write_alias
from gamification.services.catalogue.fields import check_names, define, definition_of
from gamification.services.unit_of_work import in_transaction
from gamification.services.validation import (
    UserRef,
    actor_id_of,
    fingerprint,
    is_storable,
)
from gamification.storage import Store

logger = logging.getLogger(__name__)

Definition = TypeVar("Definition", Achievement, Activity)


def create_achievement(*, actor: UserRef | None, **fields: Any) -> Achievement:
    """Add an achievement with a ``key`` and any fields that are ``EDITABLE``.

    ``activity`` is the key of one, or None; ``actor`` is who of the staff does it.

    Raises ``InvalidDefinitionError``, also for a key that is taken,
    ``UnknownUserError``, ``StorageError``, and ``TypeError`` for an unknown field.
    """
    return _create(Achievement, actor, fields)


def create_activity(*, actor: UserRef | None, **fields: Any) -> Activity:
    """Add an activity; otherwise as ``create_achievement``."""
    return _create(Activity, actor, fields)


def edit_achievement(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> Achievement:
    """Change some of the fields of an achievement that are ``EDITABLE``; return it.

    ``expected`` is the ``definition_tag`` of what the editor was shown, so that an
    edit that somebody else made meanwhile is not lost; None edits whatever is there.
    Other fields stay as they are, and so does what was awarded before.

    Raises ``UnknownAchievementError``, ``StaleEditError``, and what
    ``create_achievement`` raises.
    """
    return _edit(Achievement, key, actor, expected, changes)


def edit_activity(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> Activity:
    """Change some of the fields of an activity; otherwise as ``edit_achievement``.

    What it gave before stays as it is. Raises ``UnknownActivityError``.
    """
    return _edit(Activity, key, actor, expected, changes)


def definition_tag(item: Achievement | Activity) -> str:
    """Return a digest of what staff may edit of ``item``, the same anywhere."""
    return fingerprint(*definition_of(item).values())


def lock_definition(model: type[Definition], key: str) -> Definition | None:
    """Return what is stored, and let nobody else edit it; recording goes on.

    It lasts until the end of the transaction, which must be the caller's. Whoever
    locks several does it in order of their keys. None if there is nothing.
    """
    alias = write_alias()
    no_key = connections[alias].features.has_select_for_no_key_update
    rows = model._default_manager.using(alias).select_for_update(no_key=no_key)
    is_key = isinstance(key, str) and is_storable(key)
    return rows.filter(key=key).first() if is_key else None


def _create(
    model: type[Definition], actor: UserRef | None, fields: Mapping[str, Any]
) -> Definition:
    check_names(model, fields)
    actor_id, alias = actor_id_of(actor), write_alias()

    def create(store: Store) -> Definition:
        item = model()
        define(item, fields)
        try:
            with transaction.atomic(using=alias):
                item.save(using=alias, force_insert=True)
        except IntegrityError:
            # Somebody else may have taken the key since it was looked for.
            define(item, {})
            raise
        _log(item, actor_id, "created")
        return item

    return in_transaction(alias, [], create)


def _edit(
    model: type[Definition],
    key: str,
    actor: UserRef | None,
    expected: str | None,
    changes: Mapping[str, Any],
) -> Definition:
    check_names(model, changes)
    actor_id, alias = actor_id_of(actor), write_alias()

    def edit(store: Store) -> Definition:
        item = lock_definition(model, key)
        if item is None:
            raise _unknown(model, key)
        if expected is not None and expected != definition_tag(item):
            raise StaleEditError
        _redefine(item, changes, actor_id)
        return item

    return in_transaction(alias, [], edit)


def _redefine(
    item: Achievement | Activity, changes: Mapping[str, Any], actor_id: Any
) -> None:
    before = definition_of(item)
    define(item, changes)
    after = definition_of(item)
    changed = [column for column in after if after[column] != before[column]]
    if changed:
        item.save(using=write_alias(), update_fields=[*changed, "updated_at"])
        _log(item, actor_id, f"{', '.join(changed)} changed")


def _unknown(
    model: type[Definition], key: object
) -> UnknownAchievementError | UnknownActivityError:
    if model is Achievement:
        return UnknownAchievementError(achievement=key)
    return UnknownActivityError(activity=key)


def _log(item: Achievement | Activity, actor_id: object, what: str) -> None:
    message = "%s %s: %s by user %s."
    kind = type(item).__name__
    log = partial(logger.info, message, kind, item.key, what, actor_id)
    transaction.on_commit(log, using=write_alias())
