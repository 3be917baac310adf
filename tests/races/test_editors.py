from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from gamification.models import Achievement
from tests.admin.browsing import filled_in
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, at_once

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")


def editors(address, form, *changes):
    """Let each of several editors open the page, and then save another change."""
    clients = [Client() for _ in changes]
    for client in clients:
        client.force_login(UserFactory(is_staff=True, is_superuser=True))
    opened = [filled_in(client.get(address), form) for client in clients]

    def saving(client, fields, change):
        return lambda: client.post(address, fields | {"_save": "1"} | change)

    return at_once(list(map(saving, clients, opened, changes)))


def test_one_of_many_editors_of_a_form_saves_it():
    medal = AchievementFactory()
    page = reverse("admin:gamification_achievement_change", args=[medal.pk])
    changes = [{"name": "Gold"}, {"name": "Silver"}, {"xp_reward": "70"}]

    responses = editors(page, "achievement_form", *changes)

    assert sorted(each.status_code for each in responses) == [200, 200, 302]


def test_one_of_many_editors_of_a_list_saves_it():
    AchievementFactory.create_batch(3)
    changes = [
        {f"form-{row}-xp_reward": reward for row in range(3)} for reward in (1, 2, 3)
    ]

    responses = editors(LIST, "changelist-form", *changes)

    assert sorted(each.status_code for each in responses) == [200, 200, 302]
    assert Achievement.objects.values("xp_reward").distinct().count() == 1


def test_editors_of_different_rows_do_not_disturb_each_other():
    AchievementFactory.create_batch(3)
    changes = [{f"form-{row}-xp_reward": 70 + row} for row in range(3)]

    responses = editors(LIST, "changelist-form", *changes)

    assert [each.status_code for each in responses] == [302, 302, 302]
    assert [*Achievement.objects.values_list("xp_reward", flat=True)] == [70, 71, 72]
