"""Finds the users and activities that rows name, or makes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from gamification.exceptions import GamificationError, UnknownUserError
from gamification.management.importing.readers import NumberedRow, Row, shown
from gamification.management.importing.stream import BadRowError
from gamification.models import (
    Activity,
    write_alias,
)
from gamification.services import (
    ActivityRecord,
)

#: XP per unit of an activity that an import makes.
XP_REWARD: Final = 10

#: The number of a line with its record, or with what is wrong with it.
NumberedRecord = tuple[int, ActivityRecord | GamificationError]


class UserFinder:
    """Finds users by what they sign in with, the user model's ``USERNAME_FIELD``."""

    def __init__(self, *, create: bool) -> None:
        self._model: Any = get_user_model()
        self._field: Any = self._model._meta.get_field(self._model.USERNAME_FIELD)
        self.is_creative = create
        self.created = 0

    def find(self, names: Collection[str]) -> Mapping[str, Any]:
        """Return the primary keys of users by name; those who lack are made or left."""
        values = {
            name: value for name in names if (value := self._value(name)) is not None
        }
        found = self._ids(values.values())
        if self.is_creative:
            found |= self._make(
                value for value in values.values() if value not in found
            )
        return {name: found[value] for name, value in values.items() if value in found}

    def _value(self, name: str) -> Any:
        try:
            value = self._field.to_python(self._model.normalize_username(name))
            # Names from before a rule may break it; numbers must fit the column.
            if not isinstance(value, str):
                self._field.run_validators(value)
        except ValidationError:
            return None
        return value

    @property
    def _users(self) -> models.QuerySet[Any]:
        users: models.QuerySet[Any] = self._model._base_manager.using(write_alias())
        return users

    def _ids(self, values: Collection[Any]) -> dict[Any, Any]:
        name = self._field.attname
        users = self._users.filter(**{f"{self._field.name}__in": set(values)})
        return dict(users.values_list(name, "pk"))

    def _make(self, values: Iterable[Any]) -> dict[Any, Any]:
        # In one order, or two imports at once could wait for each other. Whoever
        # conflicts was made by somebody else just now, or differs in case alone.
        users = [self._new(value) for value in sorted(set(values))]
        fit = [user for user in users if user is not None]
        self._save(fit)
        made = self._ids([getattr(user, self._field.attname) for user in fit])
        self.created += len(made)
        return made

    def _save(self, users: Sequence[Any]) -> None:
        """Save those of the users who conflict with nobody."""
        try:
            self._users.bulk_create(users, ignore_conflicts=True)
        except ValueError:
            # Django makes in bulk nobody whose model inherits from another's table.
            for user in users:
                with suppress(IntegrityError), transaction.atomic(using=write_alias()):
                    user.save(using=write_alias())

    def _new(self, value: Any) -> AbstractBaseUser | None:
        try:
            self._field.clean(value, None)
        except ValidationError:
            return None
        user: AbstractBaseUser = self._model(**{self._field.attname: value})
        user.set_unusable_password()
        return user


class ActivityMaker:
    """Makes the activities that rows name and the catalogue lacks."""

    def __init__(self) -> None:
        self.created = 0

    def make(self, keys: Collection[str]) -> None:
        """Make those of the activities that lack; leave those that cannot be made."""
        usable = {key for key in keys if is_usable_key(key)}
        activities = Activity.objects.using(write_alias())
        known = activities.filter(key__in=usable).values_list("key", flat=True)
        for key in sorted(usable - set(known)):
            words = {"name": _words(key), "xp_reward": XP_REWARD}
            _, is_new = activities.get_or_create(key=key, defaults=words)
            self.created += is_new


def is_usable_key(key: str) -> bool:
    """Say whether an activity may have the key."""
    try:
        Activity._meta.get_field("key").clean(key, None)
    except ValidationError:
        return False
    return True


def _words(key: str) -> str:
    return key.replace("_", " ").replace("-", " ").strip().capitalize() or key


@dataclass(frozen=True, slots=True)
class Resolver:
    """Turns rows into records."""

    users: UserFinder
    #: None to leave the catalogue as it is.
    activities: ActivityMaker | None = None
    #: What activities of the file are called here.
    renamed: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, rows: Sequence[NumberedRow]) -> Iterator[NumberedRecord]:
        """Yield the record of each row, in order, or what is wrong with it."""
        good = [row for _, row in rows if isinstance(row, Row)]
        user_ids = self.users.find({row.user for row in good})
        if self.activities:
            self.activities.make({self._activity(row) for row in good})
        for line, row in rows:
            if isinstance(row, Row):
                yield line, self._record(row, user_ids.get(row.user))
            else:
                yield line, row

    def _activity(self, row: Row) -> str:
        return self.renamed.get(row.activity, row.activity)

    def _record(self, row: Row, user_id: Any) -> ActivityRecord | GamificationError:
        if user_id is None:
            hint = ", nor can there be" if self.users.is_creative else ""
            return UnknownUserError(f"There is no user {shown(row.user)}{hint}.")
        activity = self._activity(row)
        if self.activities and not is_usable_key(activity):
            return BadRowError(f"No activity can have the key {shown(activity)}.")
        key = row.key
        if key is None:
            key = content_key(user_id, activity, row)
        return ActivityRecord(
            user_id, activity, row.occurred_at, row.quantity, key, row.source
        )


def content_key(user_id: Any, activity: str, row: Row) -> str:
    """Return a key that the same row has whenever it is imported."""
    instant = row.occurred_at.isoformat()
    content = json.dumps([str(user_id), activity, instant, row.quantity, row.source])
    return f"import:{blake2b(content.encode(), digest_size=16).hexdigest()}"
