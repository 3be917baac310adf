"""Lists of users, as people write them: user names, e-mail addresses or keys."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.db.models.functions import Lower

from gamification.exceptions import InvalidActError, UnknownUserError
from gamification.models import write_alias
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.validation import given_id_of, is_storable

#: The most names in a list.
MAX_NAMES: Final = 50_000
#: Names that one query looks up.
_AT_ONCE: Final = 5_000

#: Headings of a column of names, and what its names are.
HEADINGS: Final = {
    "user": "",
    "name": "",
    "username": "username",
    "user name": "username",
    "login": "username",
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "key": "key",
    "id": "key",
    "pk": "key",
}


@dataclass(frozen=True, slots=True)
class UserList:
    """The users behind a list of names."""

    #: The name that each user was found by, by primary key, in order of the keys.
    found: dict[Any, str]
    #: Names that no user has.
    unknown: Sequence[str] = ()
    #: Names that several users have.
    ambiguous: Sequence[str] = ()
    #: How many names were left out because their user is in the list already.
    repeated: int = 0


def find_users(text: str) -> UserList:
    """Return the users whom a pasted list, or the content of a CSV file, names.

    Line ends, commas, semicolons and tabs separate names. If the first line has a
    heading such as ``username``, ``email`` or ``key``, only that column counts, and
    only as that. Otherwise a name can be any of the three. E-mail addresses are found
    in upper and lower case.

    Raises ``InvalidActError`` for a list without names, or with more than 50,000,
    and ``StorageError``.
    """
    return find_names(*_read(text))


def find_names(names: Sequence[str], kind: str = "") -> UserList:
    """Return the users whom these names stand for, as ``find_users`` does.

    ``kind`` is ``username``, ``email`` or ``key`` if all names are of that kind.
    """
    if not 0 < len(names) <= MAX_NAMES:
        message = f"The list has {len(names):,} names, not 1 to {MAX_NAMES:,}."
        raise InvalidActError(message, field="users")
    owners: dict[str, set[Any]] = {name: set() for name in names}
    with wrap_database_errors(write_alias()):
        for name, user_id in _owners([*owners], kind):
            owners[name].add(user_id)
    found: dict[Any, str] = {}
    for name, user_ids in owners.items():
        if len(user_ids) == 1:
            found.setdefault(next(iter(user_ids)), name)
    unknown = [name for name, user_ids in owners.items() if not user_ids]
    ambiguous = [name for name, user_ids in owners.items() if len(user_ids) > 1]
    repeated = len(names) - len(found) - len(unknown) - len(ambiguous)
    return UserList(dict(sorted(found.items())), unknown, ambiguous, repeated)


def _read(text: str) -> tuple[list[str], str]:
    """Return the names in ``text``, and what they are; empty if that is not said."""
    lines = text.removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    separator = next((mark for mark in "\t;," if mark in first), ",")
    rows = [*csv.reader(lines, delimiter=separator)]
    rows = [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    titles = [cell.lower() for cell in rows[0]] if rows else []
    columns = [n for n, title in enumerate(titles) if title in HEADINGS]
    if not columns:
        return [name for name in chain.from_iterable(rows) if name], ""
    # A heading that says what the names are counts more than one that does not.
    column = max(columns, key=lambda n: HEADINGS[titles[n]] != "")
    names = [row[column] for row in rows[1:] if len(row) > column and row[column]]
    return names, HEADINGS[titles[column]]


def _owners(names: Sequence[str], kind: str) -> Iterator[tuple[str, Any]]:
    """Yield each name with the primary key of each user whom it names."""
    known = [name for name in names if is_storable(name)]
    for first in range(0, len(known), _AT_ONCE):
        part = known[first : first + _AT_ONCE]
        if kind in {"", "username"}:
            yield from _by_username(part)
        if kind in {"", "email"}:
            yield from _by_email(part)
        if kind in {"", "key"}:
            yield from _by_key(part)


def _users() -> QuerySet[Any]:
    return get_user_model()._base_manager.using(write_alias()).order_by()


def _by_username(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    field = get_user_model().USERNAME_FIELD
    found = _users().filter(**{f"{field}__in": names}).values_list(field, "pk")
    wanted = {*names}
    return ((str(name), pk) for name, pk in found if str(name) in wanted)


def _by_email(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    field = get_user_model().get_email_field_name()
    try:
        get_user_model()._meta.get_field(field)
    except FieldDoesNotExist:
        return
    spellings: dict[str, list[str]] = {}
    for name in names:
        if "@" in name:
            spellings.setdefault(name.lower(), []).append(name)
    users = _users().annotate(gamification_email=Lower(field))
    found = users.filter(gamification_email__in=[*spellings])
    for email, pk in found.values_list("gamification_email", "pk"):
        for name in spellings.get(email, ()):
            yield name, pk


def _by_key(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    keys: dict[Any, str] = {}
    for name in names:
        try:
            keys[given_id_of(name)] = name
        except UnknownUserError:
            continue
    for pk in _users().filter(pk__in=[*keys]).values_list("pk", flat=True):
        # Another spelling of a key is not a name.
        if pk in keys:
            yield keys[pk], pk
