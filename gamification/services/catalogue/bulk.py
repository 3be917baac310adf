"""New rewards, limits and cooldowns for many activities and achievements at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import BigIntegerField, Case, F, Value, When
from django.utils import timezone

from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity, write_alias
from gamification.services.catalogue.change_log import (
    Logged,
    changes_of,
    log_edits,
    undoable_change,
)
from gamification.services.catalogue.editing import (
    changed_columns,
    describe_edit,
    log_edit,
)
from gamification.services.catalogue.fields.editable import (
    NUMBERS,
    Definition,
    check_field_names,
    definition_tag,
    editable_values,
    set_numbers,
)
from gamification.services.catalogue.lookup import lock_definitions, unknown_definition
from gamification.services.unit_of_work import attempts
from gamification.services.validation import UserRef, actor_id_of, actor_key_of
from gamification.storage import store_for

T = TypeVar("T", Achievement, Activity)


@dataclass(frozen=True, slots=True)
class RewardEdit:
    """New numbers for an activity or an achievement."""

    key: str
    #: The ``definition_tag`` of the version that the editor saw; None for any.
    expected: str | None
    #: By field: ``xp_reward``, of activities also ``daily_limit`` and ``cooldown``.
    numbers: Mapping[str, int | None] = field(default_factory=dict)


def tune_rewards(
    *,
    activities: Iterable[RewardEdit] = (),
    achievements: Iterable[RewardEdit] = (),
    actor: UserRef | None,
) -> list[Definition]:
    """Make all edits, or none of them; return the edited items, activities first.

    The new numbers apply from now on; XP that was given before stays. ``actor`` is
    the member of staff who edits. The number of statements does not depend on the
    number of edits; ``log_tuning`` writes them to the admin's log.

    Raises ``StaleEditError`` if somebody else has saved since: the ``items`` of its
    context are all that differ from what the editor saw, as they are now. Raises
    ``UnknownActivityError``, ``UnknownAchievementError``, and the errors of
    ``edit_activity``.
    """
    activities, achievements = [*activities], [*achievements]
    _check_names(Activity, activities)
    _check_names(Achievement, achievements)
    actor_id = actor_id_of(actor)

    for attempt in attempts(store_for(write_alias())):
        with attempt:
            attempt.lock()
            stored = lock_definitions(Activity, [edit.key for edit in activities])
            awards = lock_definitions(Achievement, [edit.key for edit in achievements])
            _check_tags([*_stale(stored, activities), *_stale(awards, achievements)])
            answer: list[Definition] = [
                *_tune(Activity, stored, activities, actor_id),
                *_tune(Achievement, awards, achievements, actor_id),
            ]
    return answer


def log_tuning(
    edited: Iterable[tuple[Definition, Definition]], *, actor: UserRef | None
) -> None:
    """Log each item as it was, and as ``tune_rewards`` returned it.

    This is not part of the edits, because SQLite takes several statements for many
    entries. Call both in one transaction.
    """
    log_edits(actor_key_of(actor), [_logged(*each) for each in edited])


def _logged(old: Definition, item: Definition) -> Logged:
    before = editable_values(old)
    columns = changed_columns(item, before)
    return undoable_change(item, changes_of(item, before, columns))


def _check_names(model: type[Definition], edits: Iterable[RewardEdit]) -> None:
    for edit in edits:
        check_field_names(model, edit.numbers, NUMBERS)


def _stale(
    stored: Mapping[str, Definition], edits: Iterable[RewardEdit]
) -> Iterator[Definition]:
    """Yield the items that are not as the editor saw them."""
    for edit in edits:
        item = stored.get(edit.key)
        if item and edit.expected not in {None, definition_tag(item)}:
            yield item


def _check_tags(stale: Sequence[Definition]) -> None:
    if stale:
        names = ", ".join(item.key for item in stale)
        message = f"Somebody else has changed {names} since you looked."
        raise StaleEditError(message, items=stale)


def _tune(
    model: type[T], stored: Mapping[str, T], edits: Iterable[RewardEdit], actor_id: Any
) -> Iterable[T]:
    """Make the edits of locked items; return all of the items."""
    before = {key: editable_values(item) for key, item in stored.items()}
    for edit in edits:
        if edit.key not in stored:
            raise unknown_definition(model, edit.key)
        set_numbers(stored[edit.key], edit.numbers)
    changed = {
        item: columns
        for key, item in stored.items()
        if (columns := changed_columns(item, before[key]))
    }
    if changed:
        _save(model, changed)
    for item, columns in changed.items():
        log_edit(item, actor_id, describe_edit(item, before[item.key], columns))
    return stored.values()


def _save(model: type[T], changed: Mapping[T, Sequence[str]]) -> None:
    """Store the changed columns of all items with one statement."""
    columns = {column for columns in changed.values() for column in columns}
    values = {
        column: Case(
            *(When(pk=item.pk, then=Value(getattr(item, column))) for item in changed),
            default=F(column),
            output_field=BigIntegerField(),
        )
        for column in sorted(columns)
    }
    rows = model._default_manager.filter(pk__in=[item.pk for item in changed])
    rows.update(**values, updated_at=timezone.now())
