"""Stores in the admin's log what is needed to undo an edit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.db import router
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.models import Activity, StreakDefinition, write_alias
from gamification.staff import Definition, definition_tag

#: The value of a field, as the verbs that edit take it: a relation by its key.
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

    def is_latest(self, item: Definition) -> bool:
        """Say whether ``item`` is still as the edit left it."""
        return definition_tag(item) == self.tag


def edit_message(
    texts: Sequence[str], item: Definition, before: Mapping[str, Any], how: str = "%s"
) -> list[Any]:
    """Return the log's message about an edit of ``item``, as it was saved.

    ``texts`` describe the change of each field, and ``how`` adds how it came about.
    ``before`` has the values before the edit, by field.
    """
    # Django shows one part of the message, and leaves the others alone.
    undo = {"before": {**before}, "tag": definition_tag(item)}
    return [part | undo for part in plain_message(texts, how)]


def plain_message(texts: Sequence[str], how: str = "%s") -> list[Any]:
    """Return the message of an edit that cannot be undone."""
    return [{"changed": {"fields": [how % "; ".join(texts)]}}] if texts else []


def latest_edit(item: Definition) -> LoggedEdit | None:
    """Return the latest edit of ``item`` that staff could undo, if there is one."""
    for entry in _entries_of(item).order_by("-pk")[:1]:
        return _parse(entry)
    return None


def find_edit(item: Definition, entry_id: int) -> LoggedEdit | None:
    """Return the edit of ``item`` with this entry in the log, if there is one."""
    entry = _entries_of(item).filter(pk=entry_id).first()
    return _parse(entry) if entry else None


def describe_undoing(item: Definition, before: Mapping[str, Value]) -> Iterator[str]:
    """Yield what undoing an edit changes: ``XP reward: 20 → 10``."""
    for name, value in before.items():
        field: Any = item._meta.get_field(name)
        current = key_of(getattr(item, name))
        values = {
            "field": capfirst(field.verbose_name),
            "before": _readable(field, current),
            "after": _readable(field, value),
        }
        yield _("%(field)s: %(before)s → %(after)s") % values


def values_before(form: Any) -> dict[str, Value]:
    """Return the values of the fields that ``form`` changes, as they were."""
    values = {name: form.initial.get(name) for name in form.changed_data}
    for name, model in RELATED.items():
        if values.get(name) is not None:
            rows = model._default_manager.using(write_alias())
            keys = rows.filter(pk=values[name]).values_list("key", flat=True)
            values[name] = keys.first()
    return values


def key_of(value: Any) -> Any:
    """Return a value of a field as the verbs that edit take it."""
    return value.key if isinstance(value, (Activity, StreakDefinition)) else value


def _entries_of(item: Definition) -> QuerySet[LogEntry]:
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


def _readable(field: Any, value: Value) -> str:
    """Return the text that people see for a value."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    label = dict(field.flatchoices).get(value, value)
    return "–" if label in {None, ""} else str(label)
