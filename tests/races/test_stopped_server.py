from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import chain
from threading import Event, Semaphore

import dj_database_url
import pytest
from django.core.management import call_command
from django.db import Error, connection

from gamification.exceptions import StorageError
from gamification.leaderboards import count_drifts, tend_boards
from gamification.maintenance import (
    reconcile,
)
from gamification.services import (
    ActivityRecord,
    record_activities,
)
from tests.factories import ActivityFactory, UserFactory
from tests.postgres import remove_server, restart_server, start_server
from tests.races import COMMITTED, ONLY_POSTGRESQL, PATIENCE, at_once, keys_of

pytestmark = [COMMITTED, ONLY_POSTGRESQL]


@pytest.fixture
def own_server(transactional_db):
    """Connect to a server that nobody else uses; yield its URL."""
    # What is acknowledged is in the log, and the log outlives the server's processes.
    url = start_server({"fsync": "off", "max_connections": "50"})
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in dj_database_url.parse(url).items():
            if name in ("HOST", "NAME"):
                patch.setitem(connection.settings_dict, name, value)
        call_command("migrate", verbosity=0)
        yield url
        connection.close()
    remove_server(url)


def record_until_acknowledged(users, key):
    """Try until it is done, as clients do who may try again."""
    while True:
        try:
            record_activities(ActivityRecord(user, "walk", key=key) for user in users)
        except StorageError:
            connection.close()
        else:
            return


def test_a_server_stopped_under_load_keeps_what_it_acknowledged(own_server):
    ActivityFactory(key="walk")
    users = UserFactory.create_batch(6)
    tend_boards()
    groups = [users[:1], users[1:2], users[2:4], users[4:6]]
    acknowledged, is_over = Semaphore(0), Event()

    def record(group):
        keys = []
        while not is_over.is_set():
            keys.append(f"{len(keys):05}")
            record_until_acknowledged(group, keys[-1])
            acknowledged.release()
        return [keys] * len(group)

    def tend():
        while not is_over.is_set():
            with suppress(Error):
                tend_boards()
            connection.close()

    def stop_often():
        try:
            for mode in ("immediate", "immediate", "immediate", None):
                for _ in range(40):
                    assert acknowledged.acquire(timeout=PATIENCE)
                if mode:
                    restart_server(own_server, mode)
        finally:
            is_over.set()

    connection.close()
    writers = [partial(record, group) for group in groups]
    _, _, *keys = at_once([stop_often, tend, *writers])

    assert [keys_of(user) for user in users] == [*chain.from_iterable(keys)]
    tend_boards()
    assert [*reconcile()] == count_drifts() == []
