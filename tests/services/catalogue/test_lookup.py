from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.exceptions import UnknownAchievementError, UnknownActivityError
from gamification.models import Achievement, Activity
from gamification.services.catalogue.lookup import (
    find_definition,
    get_definition,
    lock_definitions,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


def test_an_item_is_found_whatever_its_status(activity):
    medal = AchievementFactory(key="medal", status="retired")

    assert find_definition(Achievement, "medal") == medal
    assert find_definition(Activity, "walk") == activity


@pytest.mark.parametrize("key", ["", "no_such", "a\0b", "\ud800", None, 7], ids=ascii)
@pytest.mark.parametrize(
    ("model", "error"),
    [(Activity, UnknownActivityError), (Achievement, UnknownAchievementError)],
)
def test_a_key_that_is_not_stored_finds_nothing(model, error, key):
    assert find_definition(model, key) is None
    with pytest.raises(error, match="has the key"):
        get_definition(model, key)


def test_an_achievement_comes_with_its_activity(activity, django_assert_num_queries):
    AchievementFactory(key="medal", criterion="activity_count", activity=activity)

    with django_assert_num_queries(1):
        assert get_definition(Achievement, "medal").activity == activity


def test_a_misspelt_key_is_answered_with_a_similar_one(activity):
    ActivityFactory(key="kpi_merged")

    with pytest.raises(UnknownActivityError) as refusal:
        get_definition(Activity, "kpi_merge")

    assert str(refusal.value) == (
        "No activity has the key 'kpi_merge'. Did you mean 'kpi_merged'?"
    )
    assert refusal.value.context == {"activity": "kpi_merge"}


def test_a_secret_achievement_is_not_suggested():
    AchievementFactory(key="easter_egg", is_secret=True)

    with pytest.raises(UnknownAchievementError) as refusal:
        get_definition(Achievement, "easter_eg")

    assert str(refusal.value) == "No achievement has the key 'easter_eg'."


def test_items_are_locked_with_one_statement():
    walks = ActivityFactory.create_batch(3)

    with CaptureQueriesContext(connection) as queries:
        locked = lock_definitions(Activity, [*[walk.key for walk in walks], "no_such"])

    assert locked == {walk.key: walk for walk in walks}
    [query] = queries
    assert query["sql"].endswith("FOR NO KEY UPDATE") is IS_POSTGRESQL


def test_nothing_to_lock_takes_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert lock_definitions(Activity, []) == {}
