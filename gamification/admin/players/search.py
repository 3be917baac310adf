"""Finds users by a part of their login name or email address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q, QuerySet

from gamification.admin.filters import keys_of_login
from gamification.models import UserGamification, write_alias
from gamification.staff import is_storable

#: A search finds at most this many users, and lists this many without progress.
MAX_FOUND: Final = 200
MAX_NEWCOMERS: Final = 20


def find_keys(term: str) -> list[Any]:
    """Return the keys of users whose login name or email address contains ``term``.

    A user with exactly that login name is always among them. No index helps to find a
    part of a text: this reads all users, and a page should call it only once.
    """
    if not is_storable(term):
        return []
    exact, like = keys_of_login(term), _users_like(term).values_list("pk", flat=True)
    return [*dict.fromkeys([*exact, *like[:MAX_FOUND]])][:MAX_FOUND]


def newcomers_of(keys: Sequence[Any]) -> list[Any]:
    """Return the first of these users who have no progress yet."""
    rows = UserGamification.objects.filter(user__in=keys)
    known = {*rows.values_list("user", flat=True)}
    new = [key for key in keys if key not in known][:MAX_NEWCOMERS]
    users = get_user_model()._base_manager.using(write_alias())
    return [*users.filter(pk__in=new).order_by("pk")]


def _users_like(term: str) -> QuerySet[Any]:
    model = get_user_model()
    users: QuerySet[Any] = model._base_manager.using(write_alias()).order_by("pk")
    is_like = Q(**{f"{model.USERNAME_FIELD}__icontains": term})
    email = model.get_email_field_name()
    try:
        model._meta.get_field(email)
    except FieldDoesNotExist:
        return users.filter(is_like)
    return users.filter(is_like | Q(**{f"{email}__icontains": term}))
