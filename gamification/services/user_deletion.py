"""Makes it safe to delete a user while records for them arrive.

A record that commits after Django has collected the user's rows would break the
deletion. So the deletion first takes the locks that a record takes, in the same order,
and at the end removes rows that were written before it had them.

Several users are locked one after the other, as Django deletes them. While a batch
brings one of them a first record, PostgreSQL can therefore end the deletion with a
deadlock: nothing is deleted then, and the deletion can be repeated.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django.db import connections, models, transaction

from gamification.models import (
    ActiveDay,
    ActivityTally,
    Celebration,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services.user_changes import count_again

#: How often a deletion tries to lock a user who has no progress yet.
TRIES: Final = 12

#: Models whose rows belong to a user.
_PER_USER: Final[tuple[type[models.Model], ...]] = (
    LedgerEntry,
    UserAchievement,
    Celebration,
    ActivityTally,
    ActiveDay,
    UserGamification,
)


class _NewProfileError(Exception):
    """The user got a row of progress while this deletion was locking them."""


def lock_before_deletion(
    sender: type[models.Model], instance: models.Model, using: str, **_: Any
) -> None:
    """Block records for a user until the transaction that deletes the user ends."""
    connection = connections[using]
    if not connection.features.has_select_for_update or not connection.in_atomic_block:
        return
    for _attempt in range(TRIES):
        # A record locks the progress of its user first, then the user. This does the
        # same, or the two could wait for each other. Rolling back to the savepoint
        # releases the locks.
        with suppress(_NewProfileError), transaction.atomic(using=using):
            _lock(sender, instance.pk, using)
            return


def _lock(model: type[models.Model], user_id: Any, using: str) -> None:
    profiles = UserGamification.objects.using(using).filter(user=user_id).order_by()
    users = model._base_manager.using(using).filter(pk=user_id).order_by()
    known = list(profiles.select_for_update(of=("self",)).values_list("pk"))
    list(users.select_for_update(of=("self",)).values_list("pk"))
    if not known and profiles.exists():
        raise _NewProfileError


def remove_leftovers(instance: models.Model, using: str, **_: Any) -> None:
    """Remove rows of a deleted user that arrived after Django collected them."""
    for model in _PER_USER:
        model._base_manager.using(using).filter(user=instance.pk).delete()
    count_again(instance.pk, using)
