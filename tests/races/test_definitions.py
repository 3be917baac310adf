from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from gamification.exceptions import StaleEditError, UnknownStreakError
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services import (
    record_activity,
)
from gamification.services.streaks import freezes, lookup
from gamification.services.streaks.definitions import editing
from gamification.services.streaks.repairs import everybody, single
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    create_streak,
    edit_achievement,
    edit_streak,
    grant_freezes,
    repair_streak,
    repair_streaks,
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


DAY = timezone.localdate() - timedelta(days=1)
ABOUT_STREAKS = {
    "grant": lambda user: grant_freezes(user, 1, streak="weeks"),
    "repair": lambda user: repair_streak(
        user, [DAY], actor=None, note="Down.", streak="weeks"
    ),
    "repair for everybody": lambda user: repair_streaks(
        [DAY], actor=None, note="Down.", streak="weeks"
    ),
    "edit": lambda user: edit_streak("weeks", actor=None, expected=None, name="Weeks"),
}


@ONLY_POSTGRESQL
@pytest.mark.parametrize("verb", ABOUT_STREAKS.values(), ids=ABOUT_STREAKS)
def test_a_streak_may_be_deleted_once_it_was_found(verb, user):
    record_activity(user, "walk")
    create_streak(actor=None, key="weeks", name="Weeks", unit="week", freeze_cap=1)
    works, find = (
        [StreakDefinition.objects.filter(key="weeks").delete],
        lookup.find_streak,
    )

    def find_and_lose(key):
        found = find(key)
        if works:
            elsewhere(works.pop())
        return found

    with pytest.MonkeyPatch.context() as patch:
        for module in (editing, everybody, freezes, single):
            patch.setattr(module, "find_streak", find_and_lose)
        with pytest.raises(UnknownStreakError, match="weeks"):
            verb(user)


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
