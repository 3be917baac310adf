"""Finds in the admin's log what is needed to undo an edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.db import router
from django.db.models import QuerySet

from gamification.models import Activity, Boost, StreakDefinition
from gamification.staff import (
    Definition,
    boost_tag,
    definition_tag,
    describe_changes,
    key_of,
    plain_boost,
)

#: The value of a field, as the verbs that edit take it; a key stands for a relation.
Value = str | int | bool | None


#: The models of the fields that are relations.
RELATED: Final[Mapping[str, type[Activity | StreakDefinition]]] = {
    "activity": Activity,
    "streak": StreakDefinition,
}


class LoggedEdit(NamedTuple):
    """An edit, as the log keeps it."""

    entry: LogEntry
    #: The values before the edit, by field.
    before: Mapping[str, Value]
    #: The ``definition_tag`` after the edit.
    tag: str

    def is_latest(self, item: Definition | Boost) -> bool:
        """Say whether ``item`` is still as the edit left it."""
        return _tag_of(item) == self.tag


def latest_edit(item: Definition | Boost) -> LoggedEdit | None:
    """Return the latest edit of ``item`` that staff could undo, if there is one."""
    for entry in _entries_of(item).order_by("-pk")[:1]:
        return _parse(entry)
    return None


def find_edit(item: Definition | Boost, entry_id: int) -> LoggedEdit | None:
    """Return the edit of ``item`` with this entry in the log, if there is one."""
    entry = _entries_of(item).filter(pk=entry_id).first()
    return _parse(entry) if entry else None


def describe_undoing(
    item: Definition | Boost, before: Mapping[str, Value]
) -> list[str]:
    """Return what undoing an edit changes: ``XP reward: 20 → 10``."""
    changes = [(name, _value_of(item, name), old) for name, old in before.items()]
    return [*describe_changes(item, changes)]


def _tag_of(item: Definition | Boost) -> str:
    return boost_tag(item) if isinstance(item, Boost) else definition_tag(item)


def _value_of(item: Definition | Boost, name: str) -> Any:
    if isinstance(item, Boost):
        return plain_boost(item)[name]
    return key_of(getattr(item, name))


def _entries_of(item: Definition | Boost) -> QuerySet[LogEntry]:
    rows = LogEntry.objects.using(router.db_for_write(LogEntry))
    kind = get_content_type_for_model(item)
    return rows.filter(content_type=kind, object_id=str(item.pk), action_flag=CHANGE)


def _parse(entry: LogEntry) -> LoggedEdit | None:
    if not entry.change_message.startswith("["):
        return None
    for part in json.loads(entry.change_message):
        if "before" in part:
            return LoggedEdit(entry, part["before"], part["tag"])
    return None
