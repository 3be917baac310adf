"""The catalogue as a file: written for review, compared, and applied."""

from __future__ import annotations

from typing import TypeAlias

from django.db import connections, models

from gamification.domain.definitions import (
    Definitions,
    DefinitionValues,
    Differences,
    Effect,
    ItemDifference,
    compare,
    render,
)
from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity, write_alias
from gamification.services.catalogue.parsing import (
    DEFINITION_FIELDS,
    DEFINITION_MODELS,
    parse_definitions,
    read_definitions,
)
from gamification.services.unit_of_work import in_transaction, wrap_database_errors
from gamification.storage import Store

#: The rows of the catalogue by kind and by key.
Rows: TypeAlias = dict[str, dict[str, Activity | Achievement]]


def export_definitions() -> str:
    """Return all activities and achievements as JSON: one catalogue, one text.

    Raises ``StorageError``.
    """
    return render(_definitions(_rows(write_alias())))


def compare_definitions(text: str | bytes) -> Differences:
    """Say what applying ``text`` would do now; changes nothing.

    A field that ``text`` leaves out stays as it is or, where the item is new, has its
    default. Raises ``InvalidDefinitionsError`` with all that is wrong, and
    ``StorageError``.
    """
    document = parse_definitions(text)
    stored = _definitions(_rows(write_alias()))
    return compare(stored, read_definitions(document, stored))


def apply_definitions(text: str | bytes, *, expected: str | None = None) -> Differences:
    """Add what the catalogue lacks of ``text``, and change what differs; say what.

    Nothing is ever deleted, and what was awarded stays as it is. ``expected`` is the
    ``tag`` of the differences that somebody agreed to; None applies whatever differs.

    Raises ``InvalidDefinitionsError`` with all that is wrong, ``StaleEditError``,
    ``StorageError``.
    """
    document, alias = parse_definitions(text), write_alias()

    def apply(store: Store) -> Differences:
        _lock(alias)
        rows = _rows(alias)
        stored = _definitions(rows)
        differences = compare(stored, read_definitions(document, stored))
        if expected not in {None, differences.tag}:
            raise StaleEditError
        for item in differences.edits:
            _put(item, rows, alias)
        return differences

    return in_transaction(alias, [], apply)


def _lock(alias: str) -> None:
    """Let nobody else edit the catalogue; recording goes on."""
    no_key = connections[alias].features.has_select_for_no_key_update
    for model in DEFINITION_MODELS.values():
        # Whoever locks several of them does it in this order.
        rows = model._default_manager.using(alias).order_by("key")
        list(rows.select_for_update(no_key=no_key).values_list("pk"))


def _rows(alias: str) -> Rows:
    """Return what is stored; what it refers to is in it, also while others edit."""
    with wrap_database_errors(alias):
        achievements = Achievement.objects.using(alias).select_related("activity")
        by_key: dict[str, Activity | Achievement] = {
            row.key: row for row in achievements
        }
        activities = Activity.objects.using(alias)
        return {"activity": {row.key: row for row in activities}, "achievement": by_key}


def _definitions(rows: Rows) -> Definitions:
    return {
        kind: {key: _item(kind, row) for key, row in rows[kind].items()}
        for kind in rows
    }


def _item(kind: str, row: models.Model) -> DefinitionValues:
    item = {name: getattr(row, name) for name in DEFINITION_FIELDS[kind]}
    if related := item.get("activity"):
        item["activity"] = related.key
    return item


def _put(item: ItemDifference, rows: Rows, alias: str) -> None:
    """Store what differs of an item, and nothing else."""
    section = rows[item.kind]
    row = section.setdefault(item.key, DEFINITION_MODELS[item.kind](key=item.key))
    for name, _, value in item.fields:
        is_key = name == "activity" and value is not None
        setattr(row, name, rows["activity"][str(value)] if is_key else value)
    if item.effect is Effect.ADDED:
        row.save(using=alias, force_insert=True)
    else:
        names = [change.name for change in item.fields]
        row.save(using=alias, update_fields=[*names, "updated_at"])
