"""How the API names users."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import EmailField, Field
from django.http import Http404

from gamification.conf import conf
from gamification.services.requests import is_storable


def name_of(user: Any) -> str:
    """Return what clients call ``user``."""
    return str(getattr(user, public_field().attname))


def find_user(name: str) -> Any:
    """Return the user whom clients call ``name``; ``Http404`` if there is none."""
    field = public_field()
    try:
        value = field.to_python(name) if is_storable(name) else None
    except ValidationError:
        value = None
    users = get_user_model()._default_manager
    user = value is not None and users.filter(**{field.attname: value}).first()
    if not user:
        raise Http404
    return user


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
