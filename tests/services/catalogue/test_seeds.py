from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
import time_machine
from django.db.models import F

from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services import award_achievement, record_activity
from gamification.services.catalogue.seeds import SEEDS
from gamification.staff import preview_seed_removal, remove_seeds
from tests.factories import AchievementFactory, BoostFactory
from tests.inspection import everything, statements

pytestmark = pytest.mark.django_db

MIGRATION = import_module("gamification.migrations.0002_seed_catalogue")


def keys(rows):
    return [row.key for row in rows]


def reasons(removal):
    return {row.key: reason for row, reason in removal.kept}


def test_the_examples_are_those_of_the_migration():
    achievements = {fields["key"] for fields in MIGRATION.ACHIEVEMENTS}
    activities = {fields["key"] for fields in MIGRATION.ACTIVITIES}

    assert {*SEEDS[Achievement]} == achievements
    assert {*SEEDS[Activity]} == activities


def test_all_go_while_nobody_uses_them(staff):
    AchievementFactory(key="own")

    removal = remove_seeds(actor=staff)

    assert (len(removal.removed), removal.kept) == (13, ())
    assert keys(Achievement.objects.all()) == ["own"]
    assert not Activity.objects.exists()


def test_achievements_go_before_the_activities_they_count(staff):
    removed = keys(remove_seeds(actor=staff).removed)

    assert {*removed[:11]} == {*SEEDS[Achievement]}
    assert {*removed[11:]} == {*SEEDS[Activity]}


def test_what_users_did_and_earned_stays(user, staff):
    record_activity(user, "kpi_completed")
    award_achievement(user, "level_5")

    removal = remove_seeds(actor=staff)

    assert reasons(removal) == {
        "first_kpi": "users have earned it",
        "level_5": "users have earned it",
        "kpi_completed": "users have done it",
    }
    assert {*keys(Achievement.objects.all())} == {"first_kpi", "level_5"}
    assert keys(Activity.objects.all()) == ["kpi_completed"]


def test_what_somebody_edited_stays_with_what_it_counts(staff):
    later = F("created_at") + timedelta(minutes=1)
    Achievement.objects.filter(key="kpi_10").update(updated_at=later)

    removal = remove_seeds(actor=staff)

    assert reasons(removal) == {
        "kpi_10": "somebody has edited it",
        "kpi_completed": "an achievement that stays counts it",
    }


def test_an_activity_that_an_own_achievement_counts_stays(staff):
    counted = Activity.objects.get(key="vision_created")
    AchievementFactory(criterion="activity_count", activity=counted)

    removal = remove_seeds(actor=staff)

    assert reasons(removal) == {"vision_created": "an achievement that stays counts it"}


def test_a_preview_changes_nothing():
    before = everything()

    removal = preview_seed_removal()

    assert (len(removal.removed), everything()) == (13, before)


def test_a_second_removal_finds_nothing(staff):
    remove_seeds(actor=staff)

    removal = remove_seeds(actor=staff)

    assert (removal.removed, removal.kept) == ((), ())


def test_a_preview_takes_five_queries():
    assert statements(preview_seed_removal) == 5


def test_what_conditions_name_stays(staff):
    leaf = {"criterion": "activity_count", "activity": "kpi_completed"}
    tree = {"all": [{"holds": "level_5"}, leaf]}
    AchievementFactory(key="own", criterion="level", conditions=tree)

    removal = remove_seeds(actor=staff)

    assert reasons(removal) == {
        "level_5": "the conditions of an achievement name it",
        "kpi_completed": "an achievement that stays counts it",
    }


@time_machine.travel("2026-05-01T00:00Z")
def test_what_a_streak_or_a_boost_chooses_stays(staff):
    StreakDefinition.objects.create(key="visions", activities=["vision_created"])
    BoostFactory(activities=["kpi_completed"])

    removal = remove_seeds(actor=staff)

    chosen = "a streak or a boost chooses it"
    assert reasons(removal) == {"vision_created": chosen, "kpi_completed": chosen}
