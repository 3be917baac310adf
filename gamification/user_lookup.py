"""Public names of users, and the look-up by these names."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import EmailField, Field
from django.http import Http404

from gamification.conf import conf
from gamification.models import write_alias
from gamification.models.users import parse_value, target_field
from gamification.staff import is_storable, public_users


def public_name(user: Any) -> str:
    """Return the public name of ``user``."""
    return str(getattr(user, public_field().attname))


def find_visible_user(name: str, viewer: Any) -> Any:
    """Return the user with this public name if ``viewer`` may see them, or ``Http404``.

    Everybody sees themselves, and those who are ranked on leaderboards.
    """
    if name == public_name(viewer):
        return viewer
    users = get_user_model()._default_manager.using(write_alias())
    for value in values_of(public_field(), name):
        found = users.filter(
            gamification__in=public_users(), **{public_field().name: value}
        )
        user = found.first()
        # Another spelling of a key is not a name.
        if user and public_name(user) == name:
            return user
    raise Http404


def public_field() -> Field[Any, Any]:
    """Return the field that holds the public names of users.

    It is ``PUBLIC_USER_FIELD`` if the site sets it. Otherwise it is the username, or
    the primary key if the username is an email address, which is private.
    """
    model = get_user_model()
    name = conf.PUBLIC_USER_FIELD or model.USERNAME_FIELD
    field: Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    is_email = isinstance(field, EmailField) and not conf.PUBLIC_USER_FIELD
    return target_field() if is_email else field


def values_of(field: Field[Any, Any], name: str) -> list[Any]:
    """Return the value of ``field`` that ``name`` stands for, if it can be one."""
    if not is_storable(name):
        return []
    try:
        return [parse_value(field, name)]
    except ValidationError:
        return []
