"""SQLite in Django's default mode, in which a transaction begins without a lock."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from gamification.models import Activity, LedgerEntry
from gamification.services import record_activity
from gamification.staff import definition_tag
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.races import COMMITTED, at_once

pytestmark = [
    COMMITTED,
    pytest.mark.skipif(IS_POSTGRESQL, reason="It is about SQLite."),
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: Times that each of the two writes.
TIMES = 8


@pytest.fixture
def deferred(set_options):
    """New connections whose transactions begin as Django has it."""
    set_options(transaction_mode=None)


@pytest.fixture
def chief(db):
    return UserFactory(is_staff=True, is_superuser=True)


def page(name, *args):
    return reverse(f"admin:gamification_{name}", args=args)


def edit(client, number):
    row = Activity.objects.get(key="walk")
    fields = {"name": "Walk", "xp_reward": number, "tag": definition_tag(row)}
    return client.post(page("activity_change", row.pk), fields)


def edit_in_list(client, number):
    row = Activity.objects.get(key="walk")
    forms = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 1, "0-id": row.pk}
    row_fields = {"0-xp_reward": number, "0-tag": definition_tag(row), "_save": "1"}
    fields = {f"form-{name}": value for name, value in (forms | row_fields).items()}
    return client.post(page("activity_changelist") + "?q=walk", fields | {"_save": "1"})


def add(client, number):
    fields = {"name": "Run", "key": f"run-{number}", "xp_reward": 5}
    return client.post(page("activity_add"), fields)


def delete(client, number):
    row = ActivityFactory(key=f"swim-{number}")
    return client.post(page("activity_delete", row.pk), {"post": "yes"})


def backfill(client, number):
    row = AchievementFactory(criterion="level", threshold=900)
    address = page("achievement_backfill", row.pk)
    return client.post(address, {"note": "Why not?"})


@pytest.mark.parametrize("act", [edit, edit_in_list, add, delete, backfill])
@pytest.mark.usefixtures("deferred")
def test_staff_who_edit_beside_a_writer_wait_for_it(chief, user, act):
    def record():
        for _ in range(TIMES):
            record_activity(user, "walk")
        return []

    def work():
        client = Client()
        client.force_login(chief)
        return [act(client, number).status_code for number in range(TIMES)]

    _, statuses = at_once([record, work])

    assert statuses == [302] * TIMES
    assert LedgerEntry.objects.count() == TIMES
