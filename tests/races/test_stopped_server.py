from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial
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
from gamification.models import Achievement
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    record_activities,
    record_activity,
    reverse_entry,
)
from tests.factories import ActivityFactory, UserFactory
from tests.postgres import remove_server, restart_server, start_server
from tests.races import COMMITTED, ONLY_POSTGRESQL, PATIENCE, at_once, keys_of, total_of

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
        Achievement.objects.all().delete()
        yield url
        connection.close()
    remove_server(url)


def walk(users, key):
    for user in users:
        record_activity(user, "walk", key=key)


def walk_in_batch(users, key):
    record_activities(ActivityRecord(user, "walk", key=key) for user in users)


def give(users, key):
    for user in users:
        adjust_xp(user, amount=7, note="A gift.", key=key)


def take_back(users, key):
    for user in users:
        made = record_activity(user, "walk", key=key)
        reverse_entry(user, entry_id=made.entry.id)


#: What each writer does for which users, and the XP that one time of it adds.
WRITERS = [
    (walk, [0], 10),
    (walk, [0, 1], 10),
    (walk_in_batch, [1], 10),
    (walk_in_batch, [2, 3], 10),
    (walk_in_batch, [4, 3], 10),
    (give, [4], 7),
    (give, [0, 4], 7),
    (take_back, [2, 5], 0),
]


def do_until_acknowledged(verb, *arguments):
    """Try until it is done, as clients do who may try again."""
    while True:
        try:
            verb(*arguments)
        except StorageError:
            connection.close()
        else:
            return


def write_until(is_over, acknowledged, users, writer):
    """Write with ever new keys; return those that were acknowledged, all of them."""
    (verb, numbers, _), keys = WRITERS[writer], []
    while not is_over.is_set():
        keys.append(f"{writer}:{len(keys):05}")
        do_until_acknowledged(verb, [users[number] for number in numbers], keys[-1])
        acknowledged.release()
    return keys


def tend_until(is_over):
    while not is_over.is_set():
        with suppress(Error, StorageError):
            tend_boards()
        connection.close()


def stop_often(server, acknowledged):
    for mode in ("immediate", "immediate", "immediate", None):
        for _ in range(80):
            assert acknowledged.acquire(timeout=PATIENCE)
        if mode:
            restart_server(server, mode)


def test_a_server_stopped_under_load_keeps_what_it_acknowledged_once(own_server):
    ActivityFactory(key="walk")
    users = UserFactory.create_batch(6)
    tend_boards()
    acknowledged, is_over = Semaphore(0), Event()

    def stop():
        try:
            stop_often(own_server, acknowledged)
        finally:
            is_over.set()

    connection.close()
    write = partial(write_until, is_over, acknowledged, users)
    writers = [partial(write, number) for number in range(len(WRITERS))]
    _, _, *keys = at_once([stop, partial(tend_until, is_over), *writers])

    expected, totals = [list[str]() for _ in users], Counter()
    for made, (_, numbers, xp) in zip(keys, WRITERS, strict=True):
        for number in numbers:
            expected[number] += made
            totals[number] += xp * len(made)
    assert [keys_of(user) for user in users] == [sorted(each) for each in expected]
    assert [total_of(user) for user in users] == [totals[n] for n in range(6)]
    tend_boards()
    assert [*reconcile()] == count_drifts() == []
