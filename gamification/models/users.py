"""The identity of users: the value that a foreign key to the user model holds.

A user who comes from elsewhere may be of a class that inherits from the user model and
has a primary key of its own, so ``user.pk`` can be the key of somebody else. And the
site's field may turn the values of the database into others, such as 12 into "usr_12".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import (
    CharField,
    F,
    Field,
    ForeignKey,
    IntegerField,
    Model,
    QuerySet,
)
from django.db.models.functions import Collate

from gamification.models.database import write_alias
from gamification.models.progress import UserGamification

AnyField: TypeAlias = "Field[Any, Any]"


@cache
def target_field() -> AnyField:
    """Return the field of users that a foreign key to them targets."""
    user: Any = UserGamification._meta.get_field("user")
    target: AnyField = user.target_field
    return target


@cache
def key_field() -> AnyField:
    """Return the field that prepares and converts the keys of users.

    It is ``target_field``, unless that is itself a foreign key, as in user models that
    inherit from another table.
    """
    return _own_field(target_field())


def _own_field(field: AnyField) -> AnyField:
    while isinstance(field, ForeignKey):
        field = field.target_field
    return field


@cache
def converts_keys() -> bool:
    """Say whether keys may have other values in Python than in the database."""
    return _converts(key_field())


def _converts(field: AnyField) -> bool:
    return type(field).__module__ != "django.db.models.fields"


def key_of(user: Any) -> Any:
    """Return the key of ``user``, an instance of the user model; None if not saved."""
    key = getattr(user, target_field().attname)
    if type(key) is int and key in whole_keys() and not converts_keys():
        return key
    return None if key is None else _canonical(key_field(), key)


@cache
def user_model() -> type[Model]:
    """Return the model of the site's users."""
    return get_user_model()


def users_by_key(users: Iterable[Model]) -> dict[Any, Any]:
    """Return ``users`` by their keys."""
    return {key_of(user): user for user in users}


def visible_users() -> QuerySet[Any]:
    """Return the users whom the site shows: those of the model's default manager."""
    return get_user_model()._default_manager.using(write_alias())


def parse_key(value: Any) -> Any:
    """Return the key that ``value`` stands for, or raise ``ValidationError``."""
    key, longest = parse_value(key_field(), value), key_field().max_length
    stored = prepare_key(key, write_alias())
    # PostgreSQL would cut it off, and find the user with the shortened key.
    if longest is not None and isinstance(stored, str) and len(stored) > longest:
        raise ValidationError(str(key))
    return key


def parse_value(field: AnyField, value: Any) -> Any:
    """Return what ``field`` of a user has for ``value``, as read from the database.

    Raises ``ValidationError`` if no user can have it.
    """
    field = _own_field(field)
    try:
        parsed = _canonical(field, value)
        _check(field, parsed)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValidationError(str(error)) from error
    return parsed


def is_another_spelling(key: Any) -> bool:
    """Say whether the database takes ``key`` for that of a user who has another one.

    Texts can differ and yet be equal where the site gave them a collation of its own.
    """
    if getattr(key_field(), "db_collation", None) is None:
        return False
    users = get_user_model()._base_manager.using(write_alias())
    found = users.filter(pk=key).values_list("pk", flat=True).first()
    return found is not None and found != key


def is_key(value: Any) -> bool:
    """Say whether ``value`` is of a type that the site's own field gives its keys."""
    if not converts_keys() or value is None:
        return False
    try:
        return type(parse_key(value)) is type(value)
    except ValidationError:
        return False


@cache
def _keeps_keys() -> bool:
    """Say whether keys are the same in Python and in every database."""
    is_simple = isinstance(key_field(), (IntegerField, CharField))
    return is_simple and not converts_keys()


def prepare_key(key: Any, alias: str) -> Any:
    """Return ``key`` as the database has it."""
    if _keeps_keys():
        return key
    return key_field().get_db_prep_value(key, connections[alias])


def convert_key(value: Any, alias: str) -> Any:
    """Return the key for a value of the database; the reverse of ``prepare_key``."""
    if _keeps_keys():
        return value
    return _converted(key_field(), value, alias)


def in_order(keys: Iterable[Any]) -> list[Any]:
    """Return each key once, in the order in which every verb locks users."""
    if not converts_keys():
        return sorted(set(keys))
    # Keys of other types may have no order.
    return sorted(set(keys), key=lambda key: prepare_key(key, write_alias()))


def ordered_key(name: str) -> F | Collate:
    """Return the column ``name`` of users' keys, to be sorted as Python sorts them.

    Left alone, a database sorts texts by the rules of a language, or of its own.
    """
    collation = key_collation()
    return Collate(F(name), collation) if collation else F(name)


@cache
def key_collation() -> str:
    """Return the collation of texts by the numbers of their characters.

    It is empty where keys are no texts, which every database sorts alike.
    """
    connection = connections[write_alias()]
    kind = key_field().db_type(connection) or ""
    is_text = "char" in kind or "text" in kind
    return {"postgresql": "C"}.get(connection.vendor, "BINARY") if is_text else ""


@cache
def whole_keys() -> range:
    """Return the numbers that the column of keys can hold; empty if it holds others."""
    field = key_field()
    return _range_of(field) if isinstance(field, IntegerField) else range(0)


def _canonical(field: AnyField, value: Any) -> Any:
    """Return ``value`` as it comes from the database."""
    parsed = field.to_python(value)
    if not _converts(field):
        return parsed
    alias = write_alias()
    stored = field.get_db_prep_value(parsed, connections[alias])
    return _converted(field, stored, alias)


def _converted(field: AnyField, value: Any, alias: str) -> Any:
    connection, column = connections[alias], field.get_col(field.model._meta.db_table)
    converters = [
        *connection.ops.get_db_converters(column),
        *column.get_db_converters(connection),
    ]
    for convert in converters:
        value = convert(value, column, connection)
    return value


def _check(field: AnyField, parsed: Any) -> None:
    """Raise ``ValidationError`` if the column cannot hold ``parsed``."""
    stored = field.get_db_prep_value(parsed, connections[write_alias()])
    if isinstance(field, IntegerField):
        # A range looks for exact integers alone without counting up to them.
        if int(stored) not in _range_of(field):
            raise ValidationError(str(parsed))
    # Texts may be older than a rule for them.
    elif not isinstance(stored, str):
        field.run_validators(parsed)


def _range_of(field: AnyField) -> range:
    operations = connections[write_alias()].ops
    low, high = operations.integer_field_range(field.get_internal_type())
    return range(low, high + 1)
