"""Creating, editing, ending and deleting boosts, by key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from gamification.domain.boost_times import BEHIND, BoostState, earliest, latest
from gamification.domain.days import shifted
from gamification.exceptions import BoostUsedError, StaleEditError
from gamification.models import Boost, LedgerEntry, write_alias
from gamification.services.boosts.fields import (
    BOOST_FIELDS,
    boost_tag,
    boost_values,
    plain_values,
    set_boost,
)
from gamification.services.boosts.lookup import find_boost, lock_boost
from gamification.services.boosts.times import differ
from gamification.services.catalogue.change_log import (
    Change,
    addition,
    in_words,
    log_edits,
    undoable,
)
from gamification.services.catalogue.fields.values import check_names
from gamification.services.catalogue.lookup import lock_catalogue
from gamification.services.commits import on_commit
from gamification.services.unit_of_work import attempts
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

logger = logging.getLogger(__name__)

#: How far an entry's own date can be from the boost's time.
_MARGIN: Final = timedelta(days=2)


def create_boost(*, actor: UserRef | None, **fields: Any) -> Boost:
    """Add a boost with a ``key`` and any of ``BOOST_FIELDS``.

    ``factor`` is a decimal number, ``starts_at`` and ``ends_at`` are aware datetimes,
    ``activities`` are keys, ``group`` is the name of a group, or None for everybody.
    Without a ``zone``, the times in UTC are what each user's own clock shows. A boost
    cannot begin in the past.

    Raises ``InvalidDefinitionError``, also if the key is taken, ``UnknownUserError``,
    ``StorageError``, and ``TypeError`` for an unknown field.
    """
    check_names("A boost", fields.keys() - {"key"}, BOOST_FIELDS)
    actor_id, alias = actor_id_of(actor), write_alias()
    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            if fields.get("activities"):
                lock_catalogue()
            item = Boost(key=fields.get("key", ""))
            set_boost(item, {n: v for n, v in fields.items() if n != "key"})
            try:
                with transaction.atomic(using=alias):
                    item.save(using=alias, force_insert=True)
            except IntegrityError:
                set_boost(item, {})
                raise
            log_edits(actor_id, [addition(item)])
            _log(item, actor_id, "created")
    return item


def edit_boost(
    key: str, *, actor: UserRef | None, expected: str | None, **changes: Any
) -> Boost:
    """Change some of ``BOOST_FIELDS`` of a boost; return it.

    Entries keep the factor that they had. Once a boost has begun, it can only be ended
    earlier or later, or switched off for good; once it is over, it stays as it is.
    ``expected`` is the ``boost_tag`` of the version that the editor saw: if somebody
    else has saved since, ``StaleEditError`` is raised. None edits whatever is stored.

    Raises ``UnknownBoostError``, ``StaleEditError``, and the errors of
    ``create_boost``.
    """
    check_names("A boost", changes, BOOST_FIELDS)
    return _edit(key, actor, expected, changes)


def end_boost(key: str, *, actor: UserRef | None, expected: str | None = None) -> Boost:
    """End a running boost now, wherever users are; otherwise as ``edit_boost``.

    A boost that has not begun on every clock yet cannot end on all of them: it is
    switched off instead, and keeps its times.
    """
    item, now = find_boost(key), timezone.now().replace(microsecond=0)
    ends_at = now if item.zone else now - BEHIND
    changes: dict[str, Any] = {"ends_at": ends_at}
    if item.state == BoostState.RUNNING and ends_at <= item.starts_at:
        changes = {"is_active": False}
    return _edit(key, actor, expected, changes)


def undo_boost_edit(
    key: str, before: Mapping[str, Any], *, actor: UserRef | None, expected: str
) -> Boost:
    """Give fields the values ``before`` an edit, and log that it was undone.

    ``expected`` is the tag that the log has of the edit. Raises the errors of
    ``edit_boost``.
    """
    return _edit(key, actor, expected, before, _("%s (undone)"))


def delete_boost(
    key: str, *, actor: UserRef | None, expected: str | None = None
) -> None:
    """Delete a boost that no entry of the ledger names.

    Raises ``BoostUsedError``, ``UnknownBoostError``, ``StaleEditError``,
    ``UnknownUserError``, ``StorageError``.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            item = _locked(key, expected)
            if is_boost_used(item):
                message = (
                    f"The ledger names the boost {key!r}, so it cannot be deleted. End "
                    "it instead."
                )
                raise BoostUsedError(message, boost=key)
            _log(item, actor_id, "deleted")
            item.delete(using=alias)


def is_boost_used(item: Boost) -> bool:
    """Say whether an entry of the ledger names the boost."""
    first = earliest(item.starts_at, item.zone).date()
    last = latest(item.ends_at, item.zone).date()
    rows = LedgerEntry.objects.filter(
        boosts__isnull=False,
        local_date__gte=shifted(first, -_MARGIN),
        local_date__lte=shifted(last, _MARGIN),
    )
    # A key holds nothing that JSON would escape, and in a name, the quotes are escaped.
    text = rows.annotate(text=Cast("boosts", TextField()))
    return text.filter(text__contains=f'["{item.key}", "').exists()


def _edit(
    key: str,
    actor: UserRef | None,
    expected: str | None,
    changes: Mapping[str, Any],
    how: str = "%s",
) -> Boost:
    actor_id, alias = actor_id_of(actor), write_alias()
    for attempt in attempts(store_for(alias)):
        with attempt:
            attempt.lock()
            if changes.get("activities"):
                lock_catalogue()
            item = _locked(key, expected)
            before = boost_values(item)
            set_boost(item, changes)
            if changed := _changes(before, boost_values(item)):
                item.save(using=alias)
                log_edits(actor_id, [undoable(item, changed, boost_tag(item), how)])
                _log(item, actor_id, in_words(changed))
    return item


def _locked(key: str, expected: str | None) -> Boost:
    # Only the second one raises an error.
    item = lock_boost(key) or find_boost(key)
    if expected is not None and expected != boost_tag(item):
        raise StaleEditError
    return item


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what changed, with values as JSON has them."""
    old, new = plain_values(before), plain_values(after)
    names = [name for name in old if differ(old[name], new[name])]
    return [(name, old[name], new[name]) for name in names]


def _log(item: Boost, actor_id: object, what: str) -> None:
    """Log an edit once it is committed."""
    message = "Boost %s: %s by user %s."
    log = partial(logger.info, message, item.key, what, actor_id)
    on_commit(log, write_alias())
