"""Tells errors of the database that pass by themselves from those to be repaired."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.db import DataError, Error, NotSupportedError, ProgrammingError

from gamification.exceptions import StorageError, StorageSetupError


class _Fault(NamedTuple):
    """An error that stays until somebody repairs the database or the site."""

    #: SQLSTATEs, and words of errors without one: SQLite's, or of a failed connection.
    codes: tuple[str, ...]
    words: tuple[str, ...]
    message: str


_FAULTS: Final = (
    _Fault(
        ("42P01", "3F000"),
        ("no such table",),
        "A table is missing: run `manage.py migrate`.",
    ),
    _Fault(
        ("42703",),
        ("no such column", "has no column named"),
        "A column is missing: run `manage.py migrate`.",
    ),
    _Fault(
        ("23502",),
        ("NOT NULL constraint failed",),
        "A column needs a value that this version of the app does not know: install "
        "the version whose migrations the database has.",
    ),
    _Fault(
        ("25006",),
        ("readonly database",),
        "The database is read-only: make it writable, or name another in DATABASES.",
    ),
    _Fault(
        ("53100",),
        ("disk is full", "disk I/O error"),
        "The disk of the database is full or broken: free or repair it.",
    ),
    _Fault(
        ("42501",),
        ("permission denied",),
        "The database refuses its user the permission: grant it on the app's tables.",
    ),
    _Fault(
        ("28000", "28P01", "3D000"),
        (
            "unable to open database file",
            "authentication failed",
            "does not exist",
            "no pg_hba.conf entry",
        ),
        "The database cannot be opened: check its name, user and password in "
        "DATABASES, and who may read and write its file.",
    ),
    _Fault(
        ("XX001", "XX002"),
        ("disk image is malformed", "file is not a database"),
        "The database is damaged: restore it from a backup.",
    ),
)

#: Errors of a statement that the database will refuse every time.
_REFUSALS: Final = (ProgrammingError, NotSupportedError, DataError)


def storage_error(error: Error) -> StorageError:
    """Return our error for an error of the database.

    If trying again is useless, it is a ``StorageSetupError`` that says what to do.
    """
    if message := _message(error):
        return StorageSetupError(message)
    if isinstance(error, _REFUSALS):
        return StorageSetupError(
            "The database refuses a statement of the app: run `manage.py migrate` and "
            "`manage.py check --database default`."
        )
    return StorageError()


def _message(error: Error) -> str | None:
    """Return the message about a fault that is known; None for any other error."""
    sqlstate, text = getattr(error.__cause__, "sqlstate", None), str(error)
    for codes, words, message in _FAULTS:
        if sqlstate in codes:
            return message
        if sqlstate is None and any(each in text for each in words):
            return message
    return None
