"""Finds users by the names that they have in the API, as far as others may see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.http import Http404
from rest_framework.exceptions import AuthenticationFailed

from gamification.exceptions import UnknownUserError
from gamification.models import write_alias
from gamification.staff import public_users, sees_everybody, user_id_of
from gamification.user_lookup import public_field, public_name, values_of


def find_user(name: str, **conditions: Any) -> Any:
    """Return the user with this public name. Raises ``Http404`` if there is none.

    The user must also match ``conditions``, which are arguments of ``filter()``.
    """
    user = find_users([name], **conditions).get(name)
    if user is None:
        raise Http404
    return user


def find_public_user(name: str) -> Any:
    """Return the user with this public name if anybody may see them, or ``Http404``."""
    return find_user(name, gamification__in=public_users())


def find_visible_user(name: str, viewer: Any) -> Any:
    """Return the user with this public name if ``viewer`` may see them, or ``Http404``.

    Everybody sees themselves and public users. Staff who may view users' progress see
    everybody.
    """
    if name == public_name(viewer):
        return viewer
    return find_user(name) if sees_everybody(viewer) else find_public_user(name)


def find_users(names: Iterable[str], **conditions: Any) -> dict[str, Any]:
    """Return the users with these public names, by name, in one query."""
    field = public_field()
    values = [value for name in set(names) for value in values_of(field, name)]
    conditions[f"{field.attname}__in"] = values
    users = get_user_model()._base_manager.using(write_alias()).filter(**conditions)
    return {public_name(user): user for user in users}


def stored_user(user: Any) -> Any:
    """Return the user from the database for one that comes from a token.

    Stateless tokens identify a user without loading it. Raises ``UnknownUserError`` if
    there is no such user, and ``AuthenticationFailed`` if the user is not active.
    """
    model = get_user_model()
    if isinstance(user, model) or not getattr(user, "is_authenticated", False):
        return user
    # As in Django's own backends, users whom the site hides cannot sign in.
    users = model._default_manager.using(write_alias())
    found = users.filter(pk=user_id_of(str(user.pk))).first()
    if found is None:
        raise UnknownUserError
    if not found.is_active:
        raise AuthenticationFailed
    return found
