"""Makes it safe to delete users while records for them arrive.

A record that commits after Django has collected the user's rows would break the
deletion. So the deletion first takes the locks that a record takes, in the same order:
the progress of all users, then the users. At the end it removes rows that were written
before it had the locks.
"""

from __future__ import annotations

from typing import Any, Final, TypeGuard

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.db import connections, models, transaction
from django.db.models.signals import post_delete, pre_delete

from gamification.models import (
    ActiveDay,
    ActivityTally,
    Celebration,
    FilterTally,
    JobUser,
    LedgerEntry,
    RepairedDate,
    Restriction,
    StreakFreeze,
    StreakPause,
    UserAchievement,
    UserGamification,
)
from gamification.models.users import key_of, target_field
from gamification.services.user_changes import count_again

#: Models whose rows belong to a user.
_PER_USER: Final[tuple[type[models.Model], ...]] = (
    LedgerEntry,
    UserAchievement,
    Celebration,
    ActivityTally,
    FilterTally,
    ActiveDay,
    JobUser,
    Restriction,
    StreakFreeze,
    StreakPause,
    RepairedDate,
    UserGamification,
)

#: An attribute of a queryset that is being deleted: its users were locked together.
_IS_LOCKED: Final = "_gamification_is_locked"


def guard_deletions(apps: Apps) -> None:
    """Make it safe to delete users, also as instances of a proxy of their model."""
    users = get_user_model()._meta.concrete_model
    for model in apps.get_models():
        # Signals name the class of the instance, which may be a proxy.
        if model._meta.concrete_model is users:
            pre_delete.connect(lock_before_deletion, sender=model)
            post_delete.connect(remove_leftovers, sender=model)


def lock_before_deletion(
    instance: models.Model, using: str, origin: object = None, **_: Any
) -> None:
    """Block records for the users of a deletion until its transaction ends."""
    connection = connections[using]
    if not connection.features.has_select_for_update or not connection.in_atomic_block:
        return
    target = target_field()
    users = target.model._base_manager.using(using)
    if _are_users(origin) and not hasattr(origin, _IS_LOCKED):
        setattr(origin, _IS_LOCKED, True)
        keys = origin.using(using).order_by().values(target.attname)
        _lock(users.filter(pk__in=keys))
    _lock(users.filter(pk=key_of(instance)))


def _are_users(origin: object) -> TypeGuard[models.QuerySet[Any]]:
    """Say whether a deletion began with a queryset of users."""
    users = get_user_model()
    return isinstance(origin, models.QuerySet) and issubclass(origin.model, users)


def _lock(users: models.QuerySet[Any]) -> None:
    is_locked = False
    while not is_locked:
        # Rolling back to the savepoint releases the locks.
        with transaction.atomic(using=users.db):
            is_locked = _try_to_lock(users)
            transaction.set_rollback(not is_locked, using=users.db)


def _try_to_lock(users: models.QuerySet[Any]) -> bool:
    """Lock the users; say whether the progress of all of them was locked before."""
    profiles = UserGamification.objects.using(users.db).filter(user__in=users)
    known = profiles.select_for_update(of=("self",)).order_by("user_id")
    locked = len(known.values_list("pk"))
    list(users.select_for_update().order_by("pk").values_list("pk"))
    return profiles.count() == locked


def remove_leftovers(
    instance: models.Model, using: str, origin: object = None, **_: Any
) -> None:
    """Remove rows of a deleted user that arrived after Django collected them."""
    if _are_users(origin):
        vars(origin).pop(_IS_LOCKED, None)
    for model in _PER_USER:
        model._base_manager.using(using).filter(user=key_of(instance)).delete()
    count_again(key_of(instance), using)
