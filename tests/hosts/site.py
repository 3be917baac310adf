"""The users of a host site, whatever its user model is."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from tests.api.clients import JSONClient

_numbers = count(7_000)


def create(name: str, model: str = settings.USERS, **fields: Any) -> Any:
    """Return a new user of the site, who signs in with something like ``name``."""
    users: Any = apps.get_model(model)
    login = users.USERNAME_FIELD
    fields[login] = {
        "email": f"{name}@example.org",
        "roll": next(_numbers),
        "login": name,
        "username": name,
    }[login]
    user = users(**fields)
    user.set_unusable_password()
    user.save()
    return user


def create_strangers() -> list[Any]:
    """Return users whose keys are other numbers of the users who come after them."""
    if apps.is_installed("tests.hosts.people"):
        contacts = apps.get_model("people", "Contact").objects
        contacts.bulk_create(contacts.model(name="former") for _ in range(2))
    return [create(f"stranger{n}", settings.AUTH_USER_MODEL) for n in range(3)]


def identity_of(user: Any) -> Any:
    """Return the value that Django stores in a foreign key to ``user``."""
    model = apps.get_model("gamification.LedgerEntry")
    return model.objects.model(user=user).user_id


def sign_in(client: Client, user: Any) -> Client:
    """Sign in ``user`` as the site's login does, and return ``client``."""
    stored = get_user_model().objects.get(pk=identity_of(user))
    client.force_login(stored, settings.AUTHENTICATION_BACKENDS[0])
    return client


def api_of(user: Any) -> Any:
    """Return a client of the API for ``user``."""
    return sign_in(JSONClient(), user)
