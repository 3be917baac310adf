"""Finds the users that rows name, and creates those that are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management import CommandError
from django.db import DataError, IntegrityError, models, transaction

from gamification.exceptions import UnknownUserError
from gamification.management.importing.errors import quoted
from gamification.models import write_alias
from gamification.models.users import key_of, parse_value
from gamification.suggestions import did_you_mean

#: Errors of the user model or the database about a user that cannot be stored.
REFUSALS: Final = (IntegrityError, DataError, ValidationError, ValueError)


class UserLookup:
    """Finds users by a field of the user model.

    That is the first of ``fields``, or the one with which users sign in. With
    ``create``, missing users are created without a usable password; all of ``fields``
    and the one with which they sign in are filled with the value from the row.
    """

    def __init__(self, fields: Sequence[str] = (), *, create: bool = False) -> None:
        self._model: Any = get_user_model()
        login = self._model.USERNAME_FIELD
        names = [*dict.fromkeys([*fields, login])]
        self._filled = [user_field(self._model, name) for name in names]
        self._field = self._filled[0]
        self._create_missing = create
        self.created = 0
        #: Values of unique fields that kept users from being created, by field.
        self.taken: dict[str, Any] = {}

    def find(self, names: Collection[str]) -> Mapping[str, Any]:
        """Return the primary key of each user by name, or an ``UnknownUserError``."""
        values = {name: self._value(name) for name in names}
        wanted = {value for value in values.values() if value is not None}
        found = self._find(wanted)
        problems: dict[Any, str] = {}
        if self._create_missing:
            # Two imports that create users in one order do not wait for each other.
            found |= self._create(sorted(wanted - found.keys()), problems)
        return {
            name: found[value]
            if value in found
            else self._unknown(name, problems.get(value))
            for name, value in values.items()
        }

    def _unknown(self, name: str, problem: str | None) -> UnknownUserError:
        if problem is None:
            return UnknownUserError(f"There is no user {quoted(name)}.")
        reason = f"one could not be created: {problem.rstrip('.')}"
        return UnknownUserError(f"No user {quoted(name)}, and {reason}.")

    def _value(self, name: str) -> Any:
        """Return ``name`` as the field has it; None if no user can have it."""
        if self._field.name == self._model.USERNAME_FIELD:
            name = self._model.normalize_username(name)
        try:
            return parse_value(self._field, name)
        except ValidationError:
            return None

    @property
    def _users(self) -> models.QuerySet[Any]:
        users: models.QuerySet[Any] = self._model._base_manager.using(write_alias())
        return users

    def _find(self, values: Collection[Any]) -> dict[Any, Any]:
        """Return primary keys by value; an error where several users have the value."""
        users = self._users.filter(**{f"{self._field.name}__in": set(values)})
        found: dict[Any, Any] = {}
        for value, pk in users.values_list(self._field.attname, "pk"):
            several = f"Several users have the {self._field.name} {quoted(str(value))}."
            found[value] = UnknownUserError(several) if value in found else pk
        return found

    def _create(
        self, values: Iterable[Any], problems: dict[Any, str]
    ) -> dict[Any, Any]:
        """Create users and return their keys; add why others cannot be created."""
        users = {}
        for value in values:
            try:
                users[value] = self._new(value)
            except ValidationError as error:
                problems[value] = " ".join(error.messages)
        # Models that inherit from another table cannot be created in bulk, and one
        # user that the database refuses stops the others.
        with suppress(*REFUSALS), transaction.atomic(using=write_alias()):
            self._users.bulk_create(users.values(), ignore_conflicts=True)
        made = self._find(users.keys())
        self.created += len(made)
        for value in [value for value in users if value not in made]:
            if problem := self._save(users[value]):
                problems[value] = problem
            else:
                made[value] = key_of(users[value])
        return made

    def _new(self, value: Any) -> AbstractBaseUser:
        fields = {field.attname: field.clean(value, None) for field in self._filled}
        user: AbstractBaseUser = self._model(**fields)
        user.set_unusable_password()
        return user

    def _save(self, user: Any) -> str:
        """Save one user; return why that is impossible, "" if it is done."""
        taken = [name for name in self.taken if getattr(user, name) == self.taken[name]]
        if taken:
            return _is_taken(taken[0], self.taken[taken[0]])
        try:
            with transaction.atomic(using=write_alias()):
                user.save(using=write_alias())
        except REFUSALS as error:
            return self._conflict_of(user) or _reason_of(error)
        self.created += 1
        return ""

    def _conflict_of(self, user: Any) -> str:
        for field in _unique_fields(self._model):
            value = getattr(user, field.attname)
            same = {field.attname: value}
            if value is not None and self._users.filter(**same).exists():
                if field not in self._filled:
                    self.taken[field.attname] = value
                return _is_taken(field.attname, value)
        return ""


def user_field(model: Any, name: str) -> Any:
    """Return the field with a name or an alias; raise ``CommandError``."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist as error:
        hint = did_you_mean(name, [each.name for each in model._meta.concrete_fields])
        raise CommandError(f"Users have no field {name!r}.{hint}") from error
    if field.is_relation or not field.concrete:
        raise CommandError(f"Users cannot be found by the field {name!r}.")
    return field


def _unique_fields(model: Any) -> Iterator[Any]:
    """Yield the fields in which no two users have the same value."""
    alone = {names[0] for names in _unique_names(model) if len(names) == 1}
    for field in model._meta.concrete_fields:
        if not field.primary_key and (field.unique or field.name in alone):
            yield field


def _unique_names(model: Any) -> Iterator[Sequence[str]]:
    yield from model._meta.unique_together
    for constraint in model._meta.total_unique_constraints:
        yield constraint.fields


def _reason_of(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    # The details of a database follow in more lines.
    return str(error).partition("\n")[0]


def _is_taken(name: str, value: object) -> str:
    return f"{name} {value!r} is already taken"
