"""Exporting the catalogue to a file, and comparing and applying such a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, TypeAlias

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from gamification.domain.conditions import (
    read_condition,
    read_counting,
    write_condition,
    write_counting,
)
from gamification.domain.definitions import (
    Definitions,
    DefinitionValues,
    Differences,
    Effect,
    ItemDifference,
    compare,
    render,
)
from gamification.domain.levels import LevelRule
from gamification.exceptions import InvalidDefinitionsError, StaleEditError
from gamification.models import (
    Achievement,
    Activity,
    Level,
    StreakDefinition,
    write_alias,
)
from gamification.services.catalogue.change_log import (
    Logged,
    addition,
    key_of,
    log_edits,
    undoable_change,
)
from gamification.services.catalogue.fields.attributes import check_carried
from gamification.services.catalogue.fields.repeats import read_moment
from gamification.services.catalogue.files.parsing import (
    DEFINITION_FIELDS,
    DEFINITION_MODELS,
    parse_definitions,
    read_definitions,
)
from gamification.services.catalogue.filters.syncing import is_tree, sync_filters
from gamification.services.catalogue.lookup import lock_catalogue
from gamification.services.levels.editing import put_levels
from gamification.services.streaks.definitions.editing import add_streak, save_streak
from gamification.services.unit_of_work import (
    attempts,
    naming_errors,
    wrap_database_errors,
)
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

#: The fields that files have as keys.
_RELATED: Final = ("activity", "streak")
#: The fields that files have as texts.
_MOMENTS: Final = ("starts_at", "ends_at")
#: The fields that say which step of which series an achievement is.
_PLACE: Final = ("series", "step")

Row: TypeAlias = Activity | StreakDefinition | Achievement
#: The rows of the catalogue, by kind and key.
Rows: TypeAlias = dict[str, dict[str, Row]]


@naming_errors
def export_definitions() -> str:
    """Return the whole catalogue as JSON; equal catalogues are equal texts.

    Raises ``StorageError``.
    """
    return render(_definitions(_rows(write_alias())))


@naming_errors
def compare_definitions(text: str | bytes) -> Differences:
    """Return what applying ``text`` would change now.

    A field that ``text`` leaves out keeps its value, or has its default if the item is
    new. Raises ``InvalidDefinitionsError`` with every error, and ``StorageError``.
    """
    document, rows = parse_definitions(text), _rows(write_alias())
    stored = _definitions(rows)
    return compare(stored, _read(document, rows, stored))


def apply_definitions(
    text: str | bytes, *, expected: str | None = None, actor: UserRef | None = None
) -> Differences:
    """Add missing items of ``text``, and change those that differ; return what changed.

    Only levels are ever deleted, and earlier awards stay as they are. New rules of a
    streak hold from its next period on, as by ``edit_streak``. A table of levels
    replaces the stored one: if a threshold changes, ``job_id`` is the job that gives
    users their new levels. ``expected`` is the ``tag`` of the differences that somebody
    agreed to; None applies any differences. ``actor`` is who applies the file.

    Raises ``InvalidDefinitionsError`` with every error, ``LevelsPinnedError``,
    ``StaleEditError``, ``UnknownUserError``, ``StorageError``.
    """
    document, alias = parse_definitions(text), write_alias()
    actor_id = actor_id_of(actor)

    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            lock_catalogue()
            rows = _rows(alias)
            stored = _definitions(rows)
            given = _read(document, rows, stored)
            differences = compare(stored, given)
            if expected not in {None, differences.tag}:
                raise StaleEditError
            edits = [each for each in differences.edits if each.kind != "level"]
            _leave_places(edits, rows)
            for item in edits:
                if item.kind == "streak":
                    _put_streak(item, rows, actor_id)
                else:
                    _put(item, rows, alias)
            if any(_touches_trees(item, rows) for item in edits):
                sync_filters(actor_id)
            # Streaks are logged as they are put.
            others = [each for each in edits if each.kind != "streak"]
            log_edits(actor_id, [_logged(each, rows) for each in others])
            answer = differences
            if differences.changes_levels:
                answer = replace(differences, job_id=_put_levels(given, actor_id))
    return answer


def _read(document: Any, rows: Rows, stored: Definitions) -> Definitions:
    """Return the items of ``document``; raise ``InvalidDefinitionsError``."""
    given, errors = read_definitions(document, stored), list[tuple[str, str]]()
    for index, item in enumerate(document.get("activities", ())):
        row: Any = rows["activity"].get(item["key"])
        after: Any = given["activity"][item["key"]]["attributes"]
        try:
            if row is not None:
                check_carried(row, row.attributes, after)
        except ValidationError as error:
            place = f"activities[{index}].attributes"
            errors.append((place, " ".join(error.messages)))
    if errors:
        raise InvalidDefinitionsError(errors=errors)
    return given


def _logged(item: ItemDifference, rows: Rows) -> Logged:
    """Return what to log of an item that was stored."""
    row: Any = rows[item.kind][item.key]
    if item.effect is Effect.ADDED:
        return addition(row, _("Imported."))
    changes = [(each.name, each.before, each.after) for each in item.fields]
    return undoable_change(row, changes, _("%s (imported)"))


def _touches_trees(item: ItemDifference, rows: Rows) -> bool:
    """Say whether an achievement requires more than its criterion, now or before."""
    if item.kind != "achievement":
        return False
    row: Any = rows[item.kind][item.key]
    changed = {each.name for each in item.fields}
    return is_tree(row) or bool(changed & {"counting", "conditions"})


def _put_levels(given: Definitions, actor_id: Any) -> int | None:
    """Replace the table of levels; return the id of the job that follows, if any."""
    levels = given["level"].items()
    table: list[Any] = [
        LevelRule(number=int(number), **item)  # type: ignore[arg-type]
        for number, item in levels
    ]
    job = put_levels(table, actor_id).job
    return job.pk if job else None


def _rows(alias: str) -> Rows:
    """Return all items; achievements with their activities, also while others edit."""
    with wrap_database_errors(alias):
        achievements = Achievement.objects.select_related(*_RELATED)
        by_key: dict[str, Row] = {row.key: row for row in achievements}
        return {
            "activity": {row.key: row for row in Activity.objects.all()},
            "streak": {row.key: row for row in StreakDefinition.objects.all()},
            "achievement": by_key,
        }


def _definitions(rows: Rows) -> Definitions:
    items = {
        kind: {key: _item(kind, row) for key, row in rows[kind].items()}
        for kind in rows
    }
    levels = Level.objects.order_by("number")
    return items | {"level": {str(row.number): _item("level", row) for row in levels}}


def _item(kind: str, row: models.Model) -> DefinitionValues:
    item = {name: getattr(row, name) for name in DEFINITION_FIELDS[kind]}
    if kind == "activity":
        # Databases keep the parts of an object in orders of their own.
        item["attributes"] = dict(sorted(item["attributes"].items()))
    elif kind == "achievement":
        counting: Any = item["counting"]
        conditions: Any = item["conditions"]
        item["counting"] = write_counting(read_counting(counting or {}))
        item["conditions"] = write_condition(read_condition(conditions))
    for name in _RELATED:
        if related := item.get(name):
            item[name] = related.key
    return {name: key_of(value) for name, value in item.items()}


def _put_streak(item: ItemDifference, rows: Rows, actor_id: Any) -> None:
    """Store what differs of a streak, so that new rules keep the past."""
    values = {change.name: change.after for change in item.fields}
    row: Any = rows["streak"].get(item.key)
    if row is None:
        rows["streak"][item.key] = add_streak({"key": item.key, **values}, actor_id)
    else:
        save_streak(row, values, actor_id)


def _leave_places(edits: Iterable[ItemDifference], rows: Rows) -> None:
    """Take the steps that move off their places in series, for others to have them."""
    moved = [
        rows[item.kind][item.key].pk
        for item in edits
        if item.effect is Effect.CHANGED and _moves(item)
    ]
    if moved:
        Achievement.objects.filter(pk__in=moved).update(series="", step=None)


def _moves(item: ItemDifference) -> bool:
    """Say whether an achievement changes its place in a series."""
    return any(change.name in _PLACE for change in item.fields)


def _put(item: ItemDifference, rows: Rows, alias: str) -> None:
    """Store the fields of an item that differ, and no others."""
    section = rows[item.kind]
    row = section.setdefault(item.key, DEFINITION_MODELS[item.kind](key=item.key))
    for name, _before, value in item.fields:
        related: Any = value
        if name in _RELATED and value is not None:
            related = rows[name][str(value)]
        elif name in _MOMENTS:
            related = read_moment(value)
        setattr(row, name, related)
    if item.effect is Effect.ADDED:
        row.save(using=alias, force_insert=True)
    else:
        names = {change.name for change in item.fields}
        # A step that moves has left its whole place.
        names |= {*_PLACE} if _moves(item) else set()
        row.save(using=alias, update_fields=[*names, "updated_at"])
