from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from tests.promises.on_site import make_users

#: The server's clock in these tests, unless they set it.
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def server_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def two_users(no_achievements):
    """Two users, where there is the catalogue of the naive books and no other."""
    return make_users()
