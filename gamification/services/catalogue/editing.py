"""Creating and editing activities and achievements, by key."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity, write_alias
from gamification.services.catalogue.change_log import (
    addition,
    changes_of,
    log_edits,
    undoable_change,
)
from gamification.services.catalogue.fields.editable import (
    EDITABLE,
    check_field_names,
    definition_tag,
    editable_values,
    set_fields,
)
from gamification.services.catalogue.filters.syncing import is_tree, sync_filters_of
from gamification.services.catalogue.lookup import (
    Definition,
    lock_catalogue,
    lock_definition,
    unknown_definition,
)
from gamification.services.commits import on_commit
from gamification.services.unit_of_work import attempts
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

logger = logging.getLogger(__name__)

#: The fields that name other items, or that others need as they are.
NAMING: Final = frozenset({"counting", "conditions", "attributes"})


def create_achievement(*, actor: UserRef | None, **fields: Any) -> Achievement:
    """Add an achievement with a ``key`` and any fields that are ``EDITABLE``.

    ``activity`` is the key of an activity, or None. ``actor`` is the member of staff
    who adds the achievement.

    Raises ``InvalidDefinitionError``, also if the key is taken,
    ``UnknownUserError``, ``StorageError``, and ``TypeError`` for an unknown field.
    """
    return _create(Achievement, actor, fields)


def create_activity(*, actor: UserRef | None, **fields: Any) -> Activity:
    """Add an activity; otherwise as ``create_achievement``."""
    return _create(Activity, actor, fields)


def edit_achievement(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> Achievement:
    """Change some ``EDITABLE`` fields of an achievement; return it.

    ``expected`` is the ``definition_tag`` of the version that the editor saw: if
    somebody else has saved since, ``StaleEditError`` is raised. None edits whatever
    is stored. Other fields keep their values, and earlier awards stay as they are.

    Raises ``UnknownAchievementError``, ``StaleEditError``, and the errors of
    ``create_achievement``.
    """
    return _edit(Achievement, key, actor, expected, changes)


def edit_activity(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> Activity:
    """Change some ``EDITABLE`` fields of an activity; return it.

    XP that it gave before stays. Raises ``UnknownActivityError``; otherwise as
    ``edit_achievement``.
    """
    return _edit(Activity, key, actor, expected, changes)


def undo_edit(
    item: Definition,
    before: Mapping[str, Any],
    *,
    actor: UserRef | None,
    expected: str,
) -> Definition:
    """Give fields the values ``before`` an edit, and log that it was undone.

    ``expected`` is the tag that the log has of the edit. Raises the errors of
    ``edit_achievement``.
    """
    how = _("%s (undone)")
    return _edit(type(item), item.key, actor, expected, before, how)


def log_edit(item: Achievement | Activity, actor_id: object, what: str) -> None:
    """Log an edit once it is committed."""
    message = "%s %s: %s by user %s."
    kind = type(item).__name__
    log = partial(logger.info, message, kind, item.key, what, actor_id)
    on_commit(log, write_alias())


def describe_edit(
    item: Achievement | Activity, before: Mapping[str, Any], columns: Iterable[str]
) -> str:
    """Return the columns before and after the edit, such as ``xp_reward 10 → 20``."""
    after = editable_values(item)
    return ", ".join(f"{each} {before[each]!r} → {after[each]!r}" for each in columns)


def changed_columns(
    item: Achievement | Activity, before: Mapping[str, Any]
) -> list[str]:
    """Return the columns of ``item`` that differ from what they were ``before``."""
    after = editable_values(item)
    return [column for column in after if after[column] != before[column]]


def _create(
    model: type[Definition], actor: UserRef | None, fields: Mapping[str, Any]
) -> Definition:
    check_field_names(model, fields.keys() - {"key"}, EDITABLE)
    actor_id, alias = actor_id_of(actor), write_alias()

    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            if NAMING & fields.keys():
                lock_catalogue()
            item = model()
            set_fields(item, fields)
            try:
                with transaction.atomic(using=alias):
                    item.save(using=alias, force_insert=True)
            except IntegrityError:
                # Somebody else may have taken the key since it was checked.
                set_fields(item, {})
                raise
            sync_filters_of(item, actor_id)
            log_edits(actor_id, [addition(item)])
            log_edit(item, actor_id, "created")
            answer = item
    return answer


def _edit(
    model: type[Definition],
    key: str,
    actor: UserRef | None,
    expected: str | None,
    changes: Mapping[str, Any],
    how: str = "%s",
) -> Definition:
    check_field_names(model, changes.keys() - {"key"}, EDITABLE)
    actor_id, alias = actor_id_of(actor), write_alias()

    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            if NAMING & changes.keys():
                lock_catalogue()
            item = lock_definition(model, key)
            if item is None:
                raise unknown_definition(model, key)
            if expected is not None and expected != definition_tag(item):
                raise StaleEditError
            _change(item, changes, actor_id, how)
            answer = item
    return answer


def _change(
    item: Achievement | Activity, changes: Mapping[str, Any], actor_id: Any, how: str
) -> None:
    before, was_tree = editable_values(item), is_tree(item)
    set_fields(item, changes)
    changed = changed_columns(item, before)
    if changed:
        item.save(using=write_alias(), update_fields=[*changed, "updated_at"])
        sync_filters_of(item, actor_id, was_tree=was_tree)
        edit = undoable_change(item, changes_of(item, before, changed), how)
        log_edits(actor_id, [edit])
        log_edit(item, actor_id, describe_edit(item, before, changed))
