from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from gamification.maintenance import (
    reconcile,
)

#: The server's clock in these tests, unless they set it.
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def server_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def site(settings):
    """Change Django's settings; rebuild progress after they are restored."""
    yield settings
    settings.GAMIFICATION = {}
    list(reconcile(fix=True))
