"""Finds users by a part of their login name or email address."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q, QuerySet

from gamification.models import UserGamification
from gamification.staff import is_storable

#: The most users that a search finds, and that it lists without progress.
MAX_FOUND: Final = 200
MAX_NEWCOMERS: Final = 20


def users_like(term: str) -> QuerySet[Any]:
    """Return the users whose login name or email address contains ``term``."""
    model = get_user_model()
    users: QuerySet[Any] = model._default_manager.order_by("pk")
    if not is_storable(term):
        return users.none()
    is_like = Q(**{f"{model.USERNAME_FIELD}__icontains": term})
    email = model.get_email_field_name()
    try:
        model._meta.get_field(email)
    except FieldDoesNotExist:
        return users.filter(is_like)
    return users.filter(is_like | Q(**{f"{email}__icontains": term}))


def newcomers_like(term: str) -> list[Any]:
    """Return users whom ``term`` finds and who have no progress yet."""
    rows = UserGamification.objects.values("user")
    return [*users_like(term).exclude(pk__in=rows)[:MAX_NEWCOMERS]]
