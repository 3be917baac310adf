"""Data that is dumped, and loaded where the same rows have other ids."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import IntegrityError

from gamification.maintenance import reconcile
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    Celebration,
    LedgerEntry,
    Level,
    UserAchievement,
    UserGamification,
)
from gamification.services import get_progress, record_activity, reverse_entry
from gamification.testing import restore_catalogue
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = pytest.mark.django_db

User = get_user_model()

PER_USER = (
    UserAchievement, Celebration, ActivityTally, ActiveDay, UserGamification,
)  # fmt: skip


def dump(file: Path, *labels: str) -> None:
    call_command(
        "dumpdata", *labels, natural_foreign=True, natural_primary=True,
        output=str(file), verbosity=0,
    )  # fmt: skip


def forget_everything() -> None:
    """Empty the tables, and use up ids that the dumped rows had."""
    User.objects.all().delete()
    Achievement.objects.all().delete()
    Activity.objects.all().delete()
    stranger = UserFactory(username="stranger")
    restore_catalogue()
    record_activity(stranger, "vision_created")
    LedgerEntry._base_manager.all()._raw_delete("default")
    User.objects.all().delete()


def test_a_game_is_loaded_where_ids_differ(tmp_path):
    ann, bob = UserFactory(username="ann"), UserFactory(username="bob")
    for user in (ann, bob, ann):
        record_activity(user, "kpi_completed")
    taken_back = record_activity(bob, "vision_created").entry
    reverse_entry(bob, entry_id=taken_back.id)
    before = {name: get_progress(user) for name, user in (("ann", ann), ("bob", bob))}
    counts = {model: model.objects.count() for model in PER_USER}
    dump(tmp_path / "game.json", User._meta.label, "gamification")
    forget_everything()

    call_command("loaddata", str(tmp_path / "game.json"), verbosity=0)

    after = {user.username: get_progress(user) for user in User.objects.all()}
    assert {name: each.level for name, each in after.items()} == {
        name: each.level for name, each in before.items()
    }
    assert {model: model.objects.count() for model in PER_USER} == counts
    assert [*reconcile()] == []


def test_each_time_of_a_repeated_achievement_is_loaded(tmp_path):
    walk = ActivityFactory(key="walk")
    every = {"threshold": 1, "repeat_every": 1, "max_times": None}
    AchievementFactory(key="each", criterion="activity_count", activity=walk, **every)
    ann = UserFactory(username="ann")
    for _ in range(3):
        record_activity(ann, "walk")
    dump(tmp_path / "game.json", User._meta.label, "gamification")
    forget_everything()

    call_command("loaddata", str(tmp_path / "game.json"), verbosity=0)

    unlocks = UserAchievement.objects.filter(achievement__key="each")
    assert {*unlocks.values_list("number", flat=True)} == {1, 2, 3}
    assert [*reconcile()] == []


# A dump leaves out microseconds.
@time_machine.travel(datetime(2026, 6, 10, 12, tzinfo=UTC), tick=False)
def test_rows_of_users_are_found_where_they_exist(tmp_path):
    record_activity(UserFactory(username="ann"), "kpi_completed")
    dump(tmp_path / "game.json", *(model._meta.label for model in PER_USER))
    known = {model: [*model.objects.values_list("pk")] for model in PER_USER}

    call_command("loaddata", str(tmp_path / "game.json"), verbosity=0)

    assert {model: [*model.objects.values_list("pk")] for model in PER_USER} == known


# Loaded without its microseconds, the entry would change.
@time_machine.travel(datetime(2026, 6, 10, 12, 0, 0, 1, tzinfo=UTC), tick=False)
def test_entries_that_exist_are_not_replaced(tmp_path):
    record_activity(UserFactory(username="ann"), "kpi_completed")
    dump(tmp_path / "game.json", "gamification")

    with pytest.raises(IntegrityError, match="never edited"):
        call_command("loaddata", str(tmp_path / "game.json"), verbosity=0)


def test_a_catalogue_replaces_one_with_other_ids(tmp_path):
    Activity.objects.filter(key="kpi_completed").update(xp_reward=99)
    dump(
        tmp_path / "catalogue.json", "gamification.activity", "gamification.achievement"
    )
    forget_everything()

    call_command("loaddata", str(tmp_path / "catalogue.json"), verbosity=0)

    assert Activity.objects.get(key="kpi_completed").xp_reward == 99
    counted = Achievement.objects.get(key="kpi_10").activity
    assert counted == Activity.objects.get(key="kpi_completed")


def test_a_level_replaces_the_one_with_its_number(tmp_path):
    level = Level.objects.create(number=1, threshold=0, name="Newcomer")
    dump(tmp_path / "levels.json", "gamification.level")
    level.delete()
    found = Level.objects.create(number=1, threshold=0)

    call_command("loaddata", str(tmp_path / "levels.json"), verbosity=0)

    assert Level.objects.get().pk == found.pk
    assert Level.objects.get().name == "Newcomer"
