from __future__ import annotations

import pytest
from django.db import DataError, OperationalError, ProgrammingError

from gamification.exceptions import StorageError, StorageSetupError
from gamification.services.database_errors import storage_error


def postgresql(sqlstate, text="ERROR"):
    """Return an error as PostgreSQL's driver causes it."""
    error, cause = OperationalError(text), Exception(text)
    cause.sqlstate = sqlstate
    error.__cause__ = cause
    return error


#: Words of each message, with the errors that mean it.
PERMANENT = {
    "A table is missing: run `manage.py migrate`": (
        postgresql("42P01"),
        postgresql("3F000"),
        OperationalError("no such table: gamification_ledgerentry"),
    ),
    "A column is missing: run `manage.py migrate`": (
        postgresql("42703"),
        OperationalError("no such column: p.version"),
        OperationalError("table gamification_activity has no column named colour"),
    ),
    "A column needs a value": (
        postgresql("23502"),
        OperationalError("NOT NULL constraint failed: gamification_activity.colour"),
    ),
    "The database is read-only": (
        postgresql("25006"),
        OperationalError("attempt to write a readonly database"),
    ),
    "The disk of the database is full": (
        postgresql("53100"),
        OperationalError("database or disk is full"),
    ),
    "The database refuses its user the permission": (postgresql("42501"),),
    "The database cannot be opened": (
        postgresql("28P01"),
        OperationalError("unable to open database file"),
        OperationalError("FATAL: password authentication failed for user 'ada'"),
        OperationalError('FATAL: database "game" does not exist'),
    ),
    "The database is damaged": (
        postgresql("XX001"),
        OperationalError("database disk image is malformed"),
    ),
    "The database refuses a statement": (ProgrammingError("odd"), DataError("odd")),
}


@pytest.mark.parametrize("message", PERMANENT)
def test_an_error_that_stays_says_what_to_do(message):
    errors = [storage_error(error) for error in PERMANENT[message]]

    assert {type(error) for error in errors} == {StorageSetupError}
    assert all(str(error).startswith(message) for error in errors)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        OperationalError("FATAL: the database system is starting up"),
        postgresql("53300", "too many connections already: no such table"),
        postgresql("57P01"),
    ],
)
def test_an_error_that_can_pass_may_be_tried_again(error):
    assert type(storage_error(error)) is StorageError
