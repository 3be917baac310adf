"""What the admin's log has of edits, whoever calls the verb."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import transaction

from gamification.domain.levels import make_table
from gamification.staff import (
    RewardEdit,
    apply_definitions,
    create_achievement,
    create_activity,
    create_streak,
    edit_achievement,
    edit_activity,
    edit_streak,
    log_tuning,
    save_levels,
    tune_rewards,
)
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

MEDAL = {"key": "medal", "name": "Medal", "category": "mastery", "criterion": "manual"}
FILE = """{
  "format": 1,
  "activities": [
    {"key": "walk", "name": "Walk", "xp_reward": 15},
    {"key": "swim", "name": "Swim", "xp_reward": 5}
  ],
  "achievements": []
}"""


def logged():
    """Return the texts of the log with the names of what was edited."""
    return [
        (entry.object_repr, entry.get_change_message())
        for entry in LogEntry.objects.order_by("pk")
    ]


def test_an_edit_is_logged_with_labels_and_both_values(staff, activity):
    edit_activity(
        "walk", actor=staff, expected=None, xp_reward=20, extends_streak=False
    )

    assert logged() == [
        ("Walk", "Changed XP reward: 10 → 20; Extends the streak: yes → no.")
    ]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_edited_object()) == (staff, activity)


def test_an_activity_that_is_no_longer_counted_is_logged_by_key(staff, activity):
    counted = {"criterion": "activity_count", "activity": "walk"}
    create_achievement(actor=None, **{**MEDAL, **counted})
    ActivityFactory(key="swim")

    edit_achievement("medal", actor=staff, expected=None, activity="swim")

    assert logged() == [("Medal", "Changed Activity: walk → swim.")]


def test_new_items_are_logged(staff):
    create_achievement(actor=staff, **MEDAL)
    create_activity(actor=staff, key="walk", name="Walk")
    create_streak(actor=staff, key="weekly", name="Weekly")

    assert logged() == [
        ("Medal", "Added."),
        ("Walk", "Added."),
        ("Weekly", "Added."),
    ]
    assert all(entry.is_addition() for entry in LogEntry.objects.all())


def test_tuned_numbers_are_logged_one_by_one(staff, activity):
    medal = AchievementFactory(key="medal", name="Medal", xp_reward=50)
    saved = tune_rewards(
        activities=[RewardEdit("walk", None, {"daily_limit": 3})],
        achievements=[RewardEdit("medal", None, {"xp_reward": 70})],
        actor=staff,
    )

    log_tuning(zip([activity, medal], saved, strict=True), actor=staff)

    assert logged() == [
        ("Walk", "Changed Daily limit: – → 3."),
        ("Medal", "Changed XP reward: 50 → 70."),
    ]


def test_an_applied_file_is_logged(staff, activity):
    apply_definitions(FILE, actor=staff)

    assert sorted(logged()) == [
        ("Swim", "Imported."),
        ("Walk", "Changed XP reward: 10 → 15 (imported)."),
    ]


def test_an_edit_of_a_streak_is_logged(staff, activity):
    create_streak(actor=None, key="weekly", name="Weekly", weekdays=[1, 2])

    changes = {"weekdays": [], "activities": ["walk"], "first_weekday": 7}
    edit_streak("weekly", actor=staff, expected=None, **changes)

    [(name, text)] = logged()
    assert name == "Weekly"
    assert text == (
        "Changed Activities: – → walk; Weekdays: Monday, Tuesday → –; "
        "First weekday: Monday → Sunday."
    )


def test_a_table_of_levels_is_logged_on_its_first_level(staff):
    save_levels(make_table([0, 1_000], ()), actor=None, expected=None)

    save_levels(make_table([0, 2_000], ()), actor=staff, expected=None)

    assert logged() == [("Level 1", "Level 2: begins at 1,000 XP → 2,000 XP")]


def test_what_changes_nothing_is_not_logged(staff, activity):
    edit_activity("walk", actor=staff, expected=None, xp_reward=10)
    edit_activity("walk", actor=None, expected=None, xp_reward=20)

    assert logged() == []


def test_what_is_rolled_back_is_not_logged(staff, activity):
    with transaction.atomic():
        edit_activity("walk", actor=staff, expected=None, xp_reward=20)
        transaction.set_rollback(True)

    assert logged() == []


def test_a_site_without_the_admin_has_no_log(staff, activity, monkeypatch):
    installed = apps.is_installed
    without = lambda app: app != "django.contrib.admin" and installed(app)  # noqa: E731
    monkeypatch.setattr(apps, "is_installed", without)

    edit_activity("walk", actor=staff, expected=None, xp_reward=20)

    assert logged() == []
