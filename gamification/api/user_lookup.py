"""How the API names users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import EmailField, Field
from django.http import Http404

from gamification.conf import conf
from gamification.staff import (
    is_storable,
)


def name_of(user: Any) -> str:
    """Return what clients call ``user``."""
    return str(getattr(user, public_field().attname))


def find_user(name: str, **conditions: Any) -> Any:
    """Return the user whom clients call ``name``; ``Http404`` if there is none.

    The user must meet ``conditions``, as filters have them.
    """
    user = find_users([name], **conditions).get(name)
    if user is None:
        raise Http404
    return user


def find_users(names: Iterable[str], **conditions: Any) -> dict[str, Any]:
    """Return those users whom clients call by ``names``, by name, in one query."""
    field = public_field()
    values = [value for name in set(names) for value in _values(field, name)]
    conditions[f"{field.attname}__in"] = values
    users = get_user_model()._default_manager.filter(**conditions)
    return {name_of(user): user for user in users}


def public_field() -> Field[Any, Any]:
    """Return the field of users that names them.

    It is the site's ``PUBLIC_USER_FIELD``; otherwise the user name, unless that is an
    address of mail, which is nobody's business: then it is the primary key.
    """
    model = get_user_model()
    name = conf.PUBLIC_USER_FIELD or model.USERNAME_FIELD
    field: Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    is_address = isinstance(field, EmailField) and not conf.PUBLIC_USER_FIELD
    return model._meta.pk if is_address else field


def _values(field: Field[Any, Any], name: str) -> list[Any]:
    """Return the one value of ``field`` that ``name`` can be, if there is one."""
    if not is_storable(name):
        return []
    try:
        value = field.to_python(name)
        if not isinstance(value, str):
            # A number that no column holds is an error of the database.
            field.run_validators(value)
    except ValidationError:
        return []
    return [value]
