from __future__ import annotations

from functools import partial

import pytest
from django.db import connection
from psycopg import IsolationLevel

from tests.races.pooler import through_pooler

pytest.register_assert_rewrite("tests.races.load.rounds")


@pytest.fixture(autouse=True)
def connection_is_whole(transactional_db):
    """Use an unbroken connection to look at what a test wrote."""
    yield
    connection.close()


@pytest.fixture
def pooler(transactional_db):
    """Let connections go through a pooler that the app has not noticed yet."""
    with through_pooler():
        yield


@pytest.fixture
def set_options(transactional_db):
    """Return a function that sets the options of future connections."""
    with pytest.MonkeyPatch.context() as patch:
        yield partial(_set_options, patch)


def _set_options(patch, **options):
    for name, value in options.items():
        patch.setitem(connection.settings_dict["OPTIONS"], name, value)


@pytest.fixture(
    params=["READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"], ids=str.lower
)
def isolation_level(request, set_options):
    """Give connections this isolation level, in transactions and outside of them."""
    default = request.param.lower().replace("_", "\\ ")
    set_options(
        isolation_level=IsolationLevel[request.param],
        options=f"-c default_transaction_isolation={default}",
    )
