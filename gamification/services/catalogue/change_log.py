"""Logs edits of the catalogue where the admin shows them, with what undoes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from django.apps import apps
from django.db import router
from django.db.models import Model
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.domain.conditions import read_condition, read_counting
from gamification.models import Activity, StreakDefinition
from gamification.models.texts.boosts import where_text
from gamification.models.texts.conditions import condition_text, load_names
from gamification.models.texts.counting import counting_text
from gamification.services.catalogue.fields.editable import Definition, definition_tag
from gamification.services.catalogue.fields.repeats import moment_text

#: The flags of the admin's log.
_ADDITION: Final = 1
_CHANGE: Final = 2

#: A field with its value before and after an edit. A relation has the key.
Change: TypeAlias = tuple[str, Any, Any]


class Logged(NamedTuple):
    """An entry of the log about one item."""

    item: Model
    #: A text, or what Django translates when it shows the entry.
    message: str | Sequence[Mapping[str, Any]]
    flag: int = _CHANGE


def log_edits(actor_id: Any, edits: Iterable[Logged]) -> None:
    """Log edits in the caller's transaction, with one statement.

    A log needs an actor, and the admin; without them, nothing is logged.
    """
    if actor_id is None or not apps.is_installed("django.contrib.admin"):
        return
    model: Any = apps.get_model("admin", "LogEntry")
    rows = model.objects.using(router.db_for_write(model))
    rows.bulk_create(_entry(model, actor_id, each) for each in edits)


def addition(item: Model, message: str = "") -> Logged:
    """Return what to log of a new item."""
    return Logged(item, message or [{"added": {}}], _ADDITION)


def change(item: Model, changes: Iterable[Change], how: str = "%s") -> Logged:
    """Return what to log of an edited item; ``how`` adds how the edit came about."""
    return Logged(item, _message(item, changes, how))


def undoable_change(
    item: Definition, changes: Sequence[Change], how: str = "%s"
) -> Logged:
    """Return what to log of an edit of ``item``, as it is now, that can be undone."""
    return undoable(item, changes, definition_tag(item), how)


def undoable(
    item: Model, changes: Sequence[Change], tag: str, how: str = "%s"
) -> Logged:
    """Return what to log of an edit that left ``item`` with this ``tag``."""
    before = {name: old for name, old, _new in changes}
    # Django shows one part of the message, and leaves the others alone.
    undo = {"before": before, "tag": tag}
    return Logged(item, [part | undo for part in _message(item, changes, how)])


def changes_of(
    item: Definition, before: Mapping[str, Any], columns: Iterable[str]
) -> list[Change]:
    """Return the changes of ``columns``, whose values were those of ``before``."""
    fields: list[Any] = [item._meta.get_field(column) for column in columns]
    return [
        (
            field.name,
            _former(field, before[field.attname]),
            key_of(getattr(item, field.name)),
        )
        for field in fields
    ]


def describe_changes(item: Model, changes: Iterable[Change]) -> Iterator[str]:
    """Yield each change with the field's label: ``XP reward: 20 → 10``."""
    for name, before, after in changes:
        field: Any = item._meta.get_field(name)
        values = {
            "field": capfirst(field.verbose_name),
            "before": _readable(field, before),
            "after": _readable(field, after),
        }
        yield _("%(field)s: %(before)s → %(after)s") % values


def in_words(changes: Iterable[Change]) -> str:
    """Return changes as the logs of the server have them, in English."""
    return ", ".join(f"{name} {old!r} → {new!r}" for name, old, new in changes)


def key_of(value: Any) -> Any:
    """Return a field's value in the form that verbs take for an edit."""
    if isinstance(value, datetime):
        return moment_text(value)
    return value.key if isinstance(value, (Activity, StreakDefinition)) else value


def _message(item: Model, changes: Iterable[Change], how: str) -> list[dict[str, Any]]:
    texts = "; ".join(describe_changes(item, changes))
    return [{"changed": {"fields": [how % texts]}}]


def _entry(model: Any, actor_id: Any, logged: Logged) -> Any:
    item, message, flag = logged
    kinds: Any = apps.get_model("contenttypes", "ContentType").objects
    return model(
        user_id=actor_id,
        content_type_id=kinds.get_for_model(item).pk,
        object_id=str(item.pk),
        object_repr=str(item),
        action_flag=flag,
        change_message=message if isinstance(message, str) else json.dumps(message),
    )


def _former(field: Any, value: Any) -> Any:
    """Return a former value of a column; of a relation, the key."""
    if not field.is_relation or value is None:
        return key_of(value)
    rows = field.related_model._default_manager.filter(pk=value)
    return rows.values_list("key", flat=True).first()


def _readable(field: Any, value: Any) -> str:
    """Return the text that people see for a value."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field.name == "first_weekday":
        return str(WEEKDAYS[value - 1])
    if field.name == "where":
        return where_text(value) or "–"
    if isinstance(value, list):
        days = field.name == "weekdays"
        texts = [str(WEEKDAYS[each - 1]) if days else each for each in value]
        return ", ".join(texts) or "–"
    if isinstance(value, dict):
        return _words(field.name, value) or "–"
    label = dict(field.flatchoices).get(value, value)
    return "–" if label in {None, ""} else str(label)


def _words(name: str, value: Mapping[str, Any]) -> str:
    """Return conditions, what is counted, or another object in words."""
    if name == "counting":
        return counting_text(read_counting(value))
    if name != "conditions":
        return ", ".join(f"{each}: {of}" for each, of in sorted(value.items()))
    condition = read_condition(value)
    return condition_text(condition, load_names([value])) if condition else ""
