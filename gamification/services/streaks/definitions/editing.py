"""Creating and editing the definitions of streaks, by key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, date, timedelta
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from gamification.domain.days import ONE_DAY
from gamification.domain.streak_rules import VERSION_FIELDS, read_version, span
from gamification.exceptions import StaleEditError
from gamification.models import StreakDefinition, write_alias
from gamification.services.catalogue.change_log import (
    Change,
    addition,
    change,
    in_words,
    log_edits,
)
from gamification.services.catalogue.fields.values import check_names
from gamification.services.catalogue.lookup import lock_catalogue
from gamification.services.commits import on_commit
from gamification.services.streaks.definitions.fields import (
    STREAK_FIELDS,
    check_streak,
)
from gamification.services.streaks.lookup import find_streak
from gamification.services.unit_of_work import attempts
from gamification.services.validation import UserRef, actor_id_of, fingerprint
from gamification.storage import store_for

logger = logging.getLogger(__name__)

#: How far a user's date can be ahead of the date in UTC.
_AHEAD: Final = timedelta(hours=14)


def create_streak(*, actor: UserRef | None, **fields: Any) -> StreakDefinition:
    """Add a streak with a ``key`` and any of ``STREAK_FIELDS``.

    It counts all dates so far. Freezes come with dates from the next period on: nobody
    earns or uses any before.

    Raises ``InvalidDefinitionError``, also if the key is taken, ``UnknownUserError``,
    ``StorageError``, and ``TypeError`` for an unknown field.
    """
    check_names("A streak", fields.keys() - {"key"}, STREAK_FIELDS)
    actor_id, alias = actor_id_of(actor), write_alias()
    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            if fields.get("activities"):
                lock_catalogue()
            item = add_streak(fields, actor_id)
    return item


def add_streak(fields: Mapping[str, Any], actor_id: Any) -> StreakDefinition:
    """Add a streak inside the caller's transaction, as ``create_streak`` does."""
    alias, item = write_alias(), StreakDefinition(**_plain(fields))
    check_streak(item)
    _begin_freezes(item)
    try:
        with transaction.atomic(using=alias):
            item.save(using=alias, force_insert=True)
    except IntegrityError:
        check_streak(item)
        raise
    log_edits(actor_id, [addition(item)])
    _log(item, actor_id, "created")
    return item


def edit_streak(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> StreakDefinition:
    """Change some of ``STREAK_FIELDS`` of a streak; return it.

    A change of the unit, the goal, the weekdays, the activities or the freezes holds
    from the next period on; past periods keep the old rules. ``expected`` is the
    ``streak_tag`` of the version that the editor saw: if somebody else has saved since,
    ``StaleEditError`` is raised. None edits whatever is stored.

    Raises ``UnknownStreakError``, ``StaleEditError``, and the errors of
    ``create_streak``.
    """
    check_names("A streak", changes, STREAK_FIELDS)
    actor_id, alias = actor_id_of(actor), write_alias()
    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            if changes.get("activities"):
                lock_catalogue()
            item = _lock(find_streak(key))
            if expected is not None and expected != streak_tag(item):
                raise StaleEditError
            save_streak(item, changes, actor_id)
    return item


def save_streak(
    item: StreakDefinition, changes: Mapping[str, Any], actor_id: Any
) -> None:
    """Change a locked streak inside the caller's transaction, as ``edit_streak``."""
    if changed := change_streak(item, changes):
        item.save(using=write_alias())
        # Undoing it would begin yet another version of the rules.
        log_edits(actor_id, [change(item, changed)])
        _log(item, actor_id, in_words(changed))


def _lock(item: StreakDefinition) -> StreakDefinition:
    """Return the streak, locked against other editors; recording is not blocked."""
    rows = StreakDefinition.objects.locked_against_editors()
    # Somebody may have deleted it meanwhile.
    return rows.filter(pk=item.pk).first() or find_streak(item.key)


def change_streak(item: StreakDefinition, changes: Mapping[str, Any]) -> list[Change]:
    """Set fields of a streak and the date since which they hold; save nothing.

    Return what changed. Raises ``InvalidDefinitionError``.
    """
    before = _values(item)
    for name, value in _plain(changes).items():
        setattr(item, name, value)
    check_streak(item)
    after = _values(item)
    changed = [name for name in after if after[name] != before[name]]
    if {*changed} & {*VERSION_FIELDS}:
        _begin_version(item, before)
    return [(name, before[name], after[name]) for name in changed]


def streak_tag(item: StreakDefinition) -> str:
    """Return a digest of the editable fields of a streak, the same in any process."""
    return fingerprint(*map(str, _values(item).values()))


def _values(item: StreakDefinition) -> dict[str, Any]:
    return {name: getattr(item, name) for name in STREAK_FIELDS}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with lists in the form in which they are stored."""
    return {
        name: sorted({*value}) if isinstance(value, (list, tuple, set)) else value
        for name, value in values.items()
    }


def _begin_version(item: StreakDefinition, before: Mapping[str, Any]) -> None:
    """Let the fields of ``item`` hold from the next period on.

    They replace rules that have not begun anywhere yet.
    """
    if item.since is None or item.since <= _latest_date():
        item.former = [*item.former, _stored(before, item.since)]
    item.since = _next_start(item.former[-1], _values(item))


def _begin_freezes(item: StreakDefinition) -> None:
    """Let a new streak give freezes from its next period on."""
    if item.initial_freezes or item.freeze_every:
        values = _values(item)
        without = {**values, "initial_freezes": 0, "freeze_every": None}
        item.former = [_stored(without, None)]
        item.since = _next_start(values, values)


def stored_rules(item: StreakDefinition) -> dict[str, Any]:
    """Return the rules of a streak as the list of former ones has them."""
    return _stored(_values(item), None)


def _stored(values: Mapping[str, Any], since: date | None) -> dict[str, Any]:
    """Return rules as the list of former ones has them."""
    rules = {name: values[name] for name in VERSION_FIELDS}
    return {"since": since and since.isoformat(), **rules}


def _next_start(before: Mapping[str, Any], after: Mapping[str, Any]) -> date:
    """Return the first date of a new period once the present one is over.

    It is over wherever a user may be.
    """
    old, new = (read_version(_stored(each, None), {}) for each in (before, after))
    following = span(old, _latest_date())[1] + ONE_DAY
    start, end = span(new, following)
    return following if start == following else end + ONE_DAY


def _latest_date() -> date:
    """Return the latest date that it is anywhere."""
    return (timezone.now() + _AHEAD).astimezone(UTC).date()


def _log(item: StreakDefinition, actor_id: object, what: str) -> None:
    """Log an edit once it is committed."""
    message = "Streak %s: %s by user %s."
    log = partial(logger.info, message, item.key, what, actor_id)
    on_commit(log, write_alias())
