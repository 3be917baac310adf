from __future__ import annotations

import json
from functools import partial

import pytest
from django.db import connection, transaction

from gamification.exceptions import StaleEditError
from gamification.models import Achievement, Activity
from gamification.services import (
    record_activity,
)
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    edit_achievement,
)
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, elsewhere

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity")]


def achievements(**fields):
    return json.dumps({"format": 1, "activities": [], "achievements": [fields]})


MEDAL = achievements(key="medal", name="M", category="mastery", criterion="manual")


def test_of_several_at_once_one_adds_and_the_others_find_it_there():
    made = at_once([partial(apply_definitions, MEDAL)] * 4)

    assert sorted(len(differences.edits) for differences in made) == [0, 0, 0, 1]
    assert Achievement.objects.filter(key="medal").count() == 1


def test_of_several_that_were_agreed_to_one_is_applied():
    text = achievements(key="kpi_10", xp_reward=60)
    tag = compare_definitions(text).tag

    def apply():
        try:
            return len(apply_definitions(text, expected=tag).edits)
        except StaleEditError:
            return None

    assert at_once([apply] * 4).count(1) == 1


def test_edits_at_once_are_both_kept():
    text = achievements(key="kpi_10", xp_reward=60)
    edit = partial(edit_achievement, "kpi_10", actor=None, expected=None, threshold=12)

    at_once([partial(apply_definitions, text), edit])

    kpi_10 = Achievement.objects.get(key="kpi_10")
    assert (kpi_10.xp_reward, kpi_10.threshold) == (60, 12)


def record_without_waiting(user):
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '5s'")
    return record_activity(user, "walk")


@ONLY_POSTGRESQL
def test_recording_goes_on_meanwhile(user):
    text = json.dumps(
        {
            "format": 1,
            "activities": [{"key": "walk", "xp_reward": 30}],
            "achievements": [],
        }
    )
    with transaction.atomic():
        apply_definitions(text)

        outcome = elsewhere(partial(record_without_waiting, user))

    assert outcome.credited == 10
    assert Activity.objects.get(key="walk").xp_reward == 30
