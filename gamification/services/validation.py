"""Checks the arguments of callers, before anything is locked or read."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.days import EPOCH
from gamification.domain.keys import OWN
from gamification.domain.rules import MAX_QUANTITY, MAX_TOTAL
from gamification.exceptions import (
    IdempotencyConflictError,
    InFutureError,
    InvalidAmountError,
    InvalidInstantError,
    InvalidKeyError,
    InvalidQuantityError,
    InvalidRequestError,
    InvalidTextError,
    TooOldError,
    UnknownUserError,
)
from gamification.models import write_alias
from gamification.models.users import (
    converts_keys,
    is_another_spelling,
    is_key,
    key_of,
    parse_key,
    user_model,
    whole_keys,
)
from gamification.services.unit_of_work import wrap_database_errors
from gamification.suggestions import did_you_mean, shown

#: A user, or the primary key of one.
UserRef: TypeAlias = AbstractBaseUser | AnonymousUser | int | str | UUID

#: The largest id that a database can give.
MAX_ID: Final = 2**63 - 1
#: The longest note, in characters.
MAX_NOTE: Final = 2_000
#: The longest key and the longest source, in characters.
MAX_NAME: Final = 255


def user_id_of(user: UserRef) -> Any:
    """Return the key that foreign keys to the user hold.

    Raises ``UnknownUserError`` if ``user`` is neither a user nor the key of one, or
    another spelling of that key; and ``StorageError``.
    """
    user_id = given_id_of(user)
    if isinstance(user, str):
        with wrap_database_errors(write_alias()):
            if is_another_spelling(user_id):
                raise unknown_user(user)
    return user_id


def given_id_of(user: UserRef) -> Any:
    """Return the key as ``user_id_of`` does, but in whatever spelling it is given.

    It is for many users at once, whose rows are compared with their keys anyway.
    """
    if type(user) is int and not converts_keys() and user in whole_keys():
        return user
    if isinstance(user, AnonymousUser):
        message = "An anonymous user has no game: pass a user who has signed in."
        raise UnknownUserError(message)
    if isinstance(user, user_model()):
        key = key_of(user)
        if key is None:
            message = f"{shown(str(user))} has no primary key: save the user first."
            raise UnknownUserError(message)
        return key
    can_be_key = isinstance(user, (int, str, UUID)) or is_key(user)
    if isinstance(user, bool) or not can_be_key:
        message = f"{shown(user)} is neither a user nor the primary key of one."
        raise UnknownUserError(message)
    return _key(user)


def _key(value: Any) -> Any:
    try:
        key = parse_key(value)
    except ValidationError as error:
        raise unknown_user(value) from error
    if isinstance(key, str) and not is_storable(key):
        raise unknown_user(value)
    return key


def unknown_user(user_id: object) -> UnknownUserError:
    """Return the error for a primary key that no user has."""
    return UnknownUserError(f"No user has the primary key {shown(user_id)}.")


def actor_id_of(actor: UserRef | None) -> Any:
    """Return the primary key of the staff member who acts; None for nobody.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    pk = actor_key_of(actor)
    with wrap_database_errors(write_alias()):
        check_actor(pk)
    return pk


def actor_key_of(actor: UserRef | None) -> Any:
    """Return the primary key of the staff member who acts, without looking it up.

    None stands for nobody. Raises ``UnknownUserError``; see ``check_actor``.
    """
    return None if actor is None else user_id_of(actor)


def check_actor(pk: Any) -> None:
    """Raise ``UnknownUserError`` unless a user has this primary key, or it is None.

    A verb calls it in each attempt: the actor may be deleted between two of them.
    """
    users = get_user_model()._base_manager.using(write_alias())
    if pk is not None and not users.filter(pk=pk).exists():
        raise unknown_user(pk)


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
    """Return ``text``, or raise an ``InvalidTextError`` that says what is wrong."""
    if not isinstance(text, str):
        message = f"The {name} {shown(text)} is not a text."
        raise InvalidTextError(message, field=name)
    if len(text) > longest:
        message = f"The {name} is longer than {longest:,} characters."
        raise InvalidTextError(message, field=name)
    if required and not text.strip():
        raise InvalidTextError(f"The {name} is empty.", field=name)
    if not is_storable(text):
        message = f"The {name} holds characters that cannot be stored."
        raise InvalidTextError(message, field=name)
    return text


def check_notes(note: str, internal_note: str, *, name: str = "note") -> None:
    """Raise ``InvalidTextError`` unless both notes can be stored; they may be empty."""
    check_text(name, note, longest=MAX_NOTE)
    check_text("internal_note", internal_note, longest=MAX_NOTE)


def check_key(key: str | None) -> str | None:
    """Return ``key``, or raise ``InvalidKeyError``."""
    if key is None:
        return None
    if not isinstance(key, str) or not 0 < len(key) <= MAX_NAME or not is_storable(key):
        message = (
            f"The key {shown(key)} is not a text of 1 to {MAX_NAME} characters that "
            "can be stored."
        )
        raise InvalidKeyError(message)
    if key.startswith(OWN):
        raise InvalidKeyError(f"The key {shown(key)} begins with U+241F.")
    return key


def key_conflict(key: object) -> IdempotencyConflictError:
    """Return the error for a key that was used before, for another request."""
    message = (
        f"The key {shown(key)} was used before, for another request: use a new one."
    )
    return IdempotencyConflictError(message, key=key)


def check_quantity(quantity: int) -> int:
    """Return ``quantity``, or raise ``InvalidQuantityError``."""
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
        message = (
            f"The quantity {shown(quantity)} is not a whole number from 1 to "
            f"{MAX_QUANTITY:,}."
        )
        raise InvalidQuantityError(message)
    return quantity


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Raise an ``InvalidRequestError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        message = (
            f"The {name} {shown(value)} is not one of {', '.join(choices)}."
            f"{did_you_mean(value, choices)}"
        )
        raise InvalidRequestError(message, field=name)


def check_whole(name: str, number: int, *, least: int, most: int) -> int:
    """Return ``number``, or raise an ``InvalidRequestError`` with its bounds."""
    if type(number) is not int or not least <= number <= most:
        message = (
            f"The {name} {shown(number)} is not a whole number from {least:,} to "
            f"{most:,}."
        )
        raise InvalidRequestError(message, field=name)
    return number


def check_amount(amount: int) -> int:
    """Return ``amount`` of XP, or raise ``InvalidAmountError``."""
    if type(amount) is not int or not amount or abs(amount) > MAX_TOTAL:
        message = (
            f"The amount {shown(amount)} is not a whole number of XP other than 0, "
            f"from {-MAX_TOTAL:,} to {MAX_TOTAL:,}."
        )
        raise InvalidAmountError(message)
    return amount


def check_instant(instant: datetime, name: str = "occurred_at") -> datetime:
    """Return ``instant`` in UTC, or raise ``InvalidInstantError``."""
    if not isinstance(instant, datetime):
        message = f"{name} is {shown(instant)}, which is not a datetime."
        raise InvalidInstantError(message)
    if timezone.is_naive(instant):
        message = f"{name} is {instant}, which has no time zone: make it aware."
        raise InvalidInstantError(message)
    if instant < EPOCH:
        message = f"{name} is {instant}, which is before 1970."
        raise InvalidInstantError(message)
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise in_future(instant) from error


def in_future(instant: datetime) -> InFutureError:
    """Return the error for a record that is ahead of the server's clock."""
    return InFutureError(
        f"occurred_at is {instant}, more than {_duration(conf.MAX_CLOCK_SKEW)} ahead "
        "of the server's clock (MAX_CLOCK_SKEW)."
    )


def too_old(instant: datetime) -> TooOldError:
    """Return the error for a record that is older than ``MAX_BACKDATE``."""
    return TooOldError(
        f"occurred_at is {instant}, more than {_duration(conf.MAX_BACKDATE)} ago "
        "(MAX_BACKDATE); in Python, pass historical=True to allow it."
    )


def _duration(duration: timedelta) -> str:
    hours, rest = divmod(duration, timedelta(hours=1))
    if not rest:
        return f"{hours} hours"
    minutes, rest = divmod(duration, timedelta(minutes=1))
    return str(duration) if rest else f"{minutes} minutes"


@lru_cache(maxsize=4_096)
def fingerprint(*parts: object) -> str:
    """Return a digest of a request, which tells a replay from a new request.

    It is only compared with the one of a key, and half a digest is enough for that.
    """
    return digest(*parts)[:16]


def digest(*parts: object) -> str:
    """Return a digest of ``parts``, the same in any process."""
    # ASCII, so that the digest does not depend on the version of Unicode.
    text = json.dumps(parts, default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()
