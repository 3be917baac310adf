"""Decides who sees whom, and what of them, for the API, the admin and the pages.

Everybody sees themselves and public users: those who are ranked on leaderboards. Staff
see more, each thing by the permission to view it, wherever they look.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Q, QuerySet

from gamification.models import Job, JobKind, UserGamification, write_alias
from gamification.models.users import key_of
from gamification.services.players.achievements import (
    AchievementProgress,
    all_achievements,
    get_all_achievements,
    visible_achievements,
)

_APP: Final = UserGamification._meta.app_label


def has_any_permission(user: Any, *permissions: str) -> bool:
    """Say whether ``user`` has at least one of ``permissions``.

    A user model without permissions has none of them.
    """
    has = getattr(user, "has_perm", None)
    return has is not None and any(map(has, permissions))


def has_all_permissions(user: Any, permissions: Iterable[str]) -> bool:
    """Say whether ``user`` has all of ``permissions``.

    Django's admin requires ``has_perm`` of a user model, but not ``has_perms``.
    """
    return all(has_any_permission(user, each) for each in permissions)


def sees_everybody(viewer: Any) -> bool:
    """Say whether ``viewer`` may see private, inactive and staff users."""
    return _may_view(viewer, "usergamification")


def sees_secrets(viewer: Any) -> bool:
    """Say whether ``viewer`` may see secret achievements, drafts and retired ones."""
    # Users who may change something may also view it. Nobody changes the other models.
    change = f"{_APP}.change_achievement"
    return _may_view(viewer, "achievement") or has_any_permission(viewer, change)


def sees_ledgers(viewer: Any) -> bool:
    """Say whether ``viewer`` may see the entries, notes and actors of other users."""
    return _may_view(viewer, "ledgerentry")


def sees_unlocks(viewer: Any) -> bool:
    """Say whether ``viewer`` may see who revoked what of other users, and why."""
    return _may_view(viewer, "userachievement")


def sees_celebrations(viewer: Any) -> bool:
    """Say whether ``viewer`` may see the celebrations of other users."""
    return _may_view(viewer, "celebration")


def public_users() -> Any:
    """Return the rows of the users whom everybody may see."""
    return UserGamification.objects.ranked()


def visible_users(users: Iterable[Any], viewer: Any) -> list[Any]:
    """Return those of ``users`` whom ``viewer`` may see, in their order."""
    users = list(users)
    if sees_everybody(viewer):
        return users
    public = public_users().using(write_alias()).filter(user__in=users)
    shown = {key_of(viewer), *public.values_list("user", flat=True)}
    return [user for user in users if key_of(user) in shown]


def visible_jobs(viewer: Any) -> QuerySet[Job]:
    """Return the jobs that ``viewer`` may see: those they may run, or all of them."""
    jobs = Job.objects.all()
    if _may_view(viewer, "job"):
        return jobs
    kinds = [kind for kind in JobKind if has_all_permissions(viewer, kind.permissions)]
    return jobs.filter(Q(undoes=None, kind__in=kinds) | Q(undoes__kind__in=kinds))


def achievements_shown(user: Any, *, viewer: Any) -> list[AchievementProgress]:
    """Return the achievements that ``viewer`` may see, with the progress of ``user``.

    The user's secret achievements stay hidden from viewers who do not hold them, even
    where conditions name them.
    """
    if sees_secrets(viewer):
        return get_all_achievements(user)
    seen = {*visible_achievements(viewer).values_list("key", flat=True)}
    every = all_achievements(user, seen)
    return [each for each in every if each.achievement.key in seen]


def _may_view(viewer: Any, model: str) -> bool:
    return has_any_permission(viewer, f"{_APP}.view_{model}")
