"""Checks of what callers hand in, before anything is locked or read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import IntegerField
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import MAX_QUANTITY, MAX_TOTAL
from gamification.exceptions import (
    InFutureError,
    InvalidAmountError,
    InvalidInstantError,
    InvalidKeyError,
    InvalidQuantityError,
    InvalidRequestError,
    InvalidTextError,
    UnknownUserError,
)
from gamification.models import write_alias
from gamification.services.unit_of_work import wrap_database_errors

#: A user, or the primary key of one.
UserRef: TypeAlias = AbstractBaseUser | AnonymousUser | int | str | UUID

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The largest id that a database gives.
MAX_ID: Final = 2**63 - 1
#: The longest note, in characters.
MAX_NOTE: Final = 2_000
#: The longest key and the longest source, in characters.
MAX_NAME: Final = 255


def user_id_of(user: UserRef) -> Any:
    """Return the user's primary key; ``UnknownUserError`` if there can be none."""
    if type(user) is int and user in _whole_keys():
        return user
    model = get_user_model()
    if isinstance(user, (model, AnonymousUser)):
        if user.pk is None:
            raise UnknownUserError
        return user.pk
    if isinstance(user, bool) or not isinstance(user, (int, str, UUID)):
        raise UnknownUserError
    try:
        pk = model._meta.pk.to_python(user)
        model._meta.pk.run_validators(pk)
    except ValidationError as error:
        raise UnknownUserError from error
    if isinstance(pk, str) and not is_storable(pk):
        raise UnknownUserError
    return pk


@cache
def _whole_keys() -> range:
    """Return the numbers that can be keys of users; none where keys are no numbers."""
    pk = get_user_model()._meta.pk
    if not isinstance(pk, IntegerField):
        return range(0)
    low, high = connections[write_alias()].ops.integer_field_range(
        pk.get_internal_type()
    )
    return range(low, high + 1)


def actor_id_of(actor: UserRef | None) -> Any:
    """Return the primary key of who of the staff acts; None for nobody.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    if actor is None:
        return None
    pk, alias = user_id_of(actor), write_alias()
    with wrap_database_errors(alias):
        if not get_user_model()._base_manager.using(alias).filter(pk=pk).exists():
            raise UnknownUserError
    return pk


def is_storable(text: str) -> bool:
    """Say whether every database can store ``text``: no NUL, no lone surrogate."""
    if text.isprintable() or text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def check_text(
    name: str, text: str, *, longest: int = MAX_NAME, required: bool = False
) -> str:
    """Return ``text``, or raise ``InvalidTextError`` that names what is wrong."""
    if not isinstance(text, str):
        raise InvalidTextError(f"The {name} is not a text.", field=name)
    if len(text) > longest:
        message = f"The {name} is longer than {longest:,} characters."
        raise InvalidTextError(message, field=name)
    if required and not text.strip():
        raise InvalidTextError(f"The {name} is empty.", field=name)
    if not is_storable(text):
        message = f"The {name} holds characters that cannot be stored."
        raise InvalidTextError(message, field=name)
    return text


def check_key(key: str | None) -> str | None:
    """Return ``key``, or raise ``InvalidKeyError``."""
    if key is None:
        return None
    if not isinstance(key, str) or not 0 < len(key) <= MAX_NAME or not is_storable(key):
        raise InvalidKeyError
    return key


def check_quantity(quantity: int) -> int:
    """Return ``quantity``, or raise ``InvalidQuantityError``."""
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidQuantityError
    return quantity


def check_whole(name: str, number: int, *, least: int, most: int) -> int:
    """Return ``number``, or raise ``InvalidRequestError`` that names its bounds."""
    if type(number) is not int or not least <= number <= most:
        message = f"The {name} is not a whole number from {least:,} to {most:,}."
        raise InvalidRequestError(message, field=name)
    return number


def check_amount(amount: int) -> int:
    """Return ``amount`` of XP, or raise ``InvalidAmountError``."""
    if type(amount) is not int or not amount or abs(amount) > MAX_TOTAL:
        raise InvalidAmountError
    return amount


def check_instant(instant: datetime, now: datetime) -> datetime:
    """Return ``instant`` in UTC; raise ``InvalidInstantError`` or ``InFutureError``."""
    if not isinstance(instant, datetime) or timezone.is_naive(instant):
        raise InvalidInstantError
    if instant < EPOCH:
        raise InvalidInstantError
    if instant > now + conf.MAX_CLOCK_SKEW:
        raise InFutureError
    return instant.astimezone(UTC)


@lru_cache(maxsize=4_096)
def fingerprint(*parts: object) -> str:
    """Return a digest of a request, to tell a replay from another request."""
    # ASCII, so that it never depends on a version's idea of Unicode.
    text = json.dumps(parts, default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()
