"""An edit of the catalogue, by whatever road, is seen by the very next record."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import F

from gamification.conf import conf
from gamification.exceptions import InactiveActivityError, UnknownActivityError
from gamification.models import (
    Achievement,
    Activity,
    Boost,
    CatalogueStamp,
    CountFilter,
    Level,
    StreakDefinition,
)
from gamification.services import (
    record_activity,
)
from gamification.storage import StateQuery, store_for
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import COMMITTED

pytestmark = [
    COMMITTED,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture(autouse=True)
def catalogue_is_known(user, activity):
    """Let the store see the catalogue as it was."""
    record_activity(user, "walk")


def by_save(**fields):
    walk = Activity.objects.get(key="walk")
    for name, value in fields.items():
        setattr(walk, name, value)
    walk.save()


def by_update(**fields):
    Activity.objects.filter(key="walk").update(**fields)


def by_bulk_update(**fields):
    walk = Activity.objects.get(key="walk")
    for name, value in fields.items():
        setattr(walk, name, value)
    Activity.objects.bulk_update([walk], [*fields])


def by_sql(**fields):
    [(name, value)] = fields.items()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Activity._meta.db_table} SET {name} = %s WHERE key = 'walk'",
            [value],
        )


@pytest.mark.parametrize("edit", [by_save, by_update, by_bulk_update, by_sql])
def test_an_edit_is_seen_by_the_very_next_record(user, edit):
    edit(xp_reward=33)

    assert record_activity(user, "walk").credited == 33


@pytest.mark.parametrize("edit", [by_save, by_update, by_bulk_update, by_sql])
def test_each_of_many_edits_is_seen(user, edit):
    credited = []

    for xp in (1, 2, 1, 1, 3):
        edit(xp_reward=xp)
        credited.append(record_activity(user, "walk").credited)

    assert credited == [1, 2, 1, 1, 3]


@pytest.mark.parametrize("edit", [by_save, by_update, by_bulk_update, by_sql])
def test_an_activity_that_is_switched_off_is_refused_at_once(user, edit):
    edit(is_active=False)

    with pytest.raises(InactiveActivityError):
        record_activity(user, "walk")


def test_a_new_activity_is_known_at_once(user):
    ActivityFactory(key="run", xp_reward=5)

    assert record_activity(user, "run").credited == 5


def test_a_deleted_activity_is_unknown_at_once(user):
    ActivityFactory(key="run")
    record_activity(user, "walk")
    Activity.objects.filter(key="run").delete()

    with pytest.raises(UnknownActivityError):
        record_activity(user, "run")


def test_an_activity_that_was_replaced_is_the_new_one(user):
    for xp in (5, 6):
        ActivityFactory(key="run", xp_reward=xp)
        record_activity(user, "walk")
        if xp == 5:
            Activity.objects.filter(key="run").delete()

    assert record_activity(user, "run").credited == 6


@pytest.mark.parametrize("many", [False, True], ids=["created", "created in bulk"])
def test_a_new_achievement_is_unlocked_at_once(user, many):
    medal = AchievementFactory.build(criterion="active_days", threshold=1, key="medal")
    Achievement.objects.bulk_create([medal]) if many else medal.save()

    outcome = record_activity(user, "walk")

    assert [unlock.achievement for unlock in outcome.unlocks] == ["medal"]


def test_an_achievement_that_was_retired_is_not_unlocked(user):
    AchievementFactory(criterion="total_xp", threshold=15)
    Achievement.objects.update(status="retired")

    assert record_activity(user, "walk").unlocks == ()


def test_an_edit_is_seen_within_its_own_transaction(user):
    with transaction.atomic():
        by_update(xp_reward=33)
        outcome = record_activity(user, "walk")

    assert outcome.credited == 33


def test_an_edit_that_was_rolled_back_is_not_seen(user):
    with transaction.atomic():
        by_update(xp_reward=33)
        record_activity(user, "walk")
        transaction.set_rollback(True)

    assert record_activity(user, "walk").credited == 10


def test_an_edit_that_was_rolled_back_to_a_savepoint_is_not_seen(user):
    with transaction.atomic():
        for xp in (33, 44):
            with transaction.atomic():
                by_update(xp_reward=xp)
                assert record_activity(user, "walk").credited == xp
                transaction.set_rollback(True)
        outcome = record_activity(user, "walk")

    assert outcome.credited == 10


@pytest.mark.skipif(not IS_POSTGRESQL, reason="Others read the catalogue each time.")
@pytest.mark.parametrize(
    "model", [Activity, Achievement, Level, StreakDefinition, Boost, CountFilter]
)
def test_every_statement_on_the_catalogue_renews_its_stamp(model):
    nothing = model.objects.filter(pk=0)

    nothing._raw_delete(connection.alias)
    first = CatalogueStamp.objects.get().stamp
    nothing.update(id=F("id"))

    assert CatalogueStamp.objects.get().stamp != first


@pytest.mark.skipif(not IS_POSTGRESQL, reason="Others read the catalogue each time.")
def test_without_a_stamp_all_rows_are_compared(user):
    CatalogueStamp.objects.all().delete()

    assert record_activity(user, "walk").credited == 10
    by_update(xp_reward=33)
    CatalogueStamp.objects.all().delete()

    assert record_activity(user, "walk").credited == 33


def test_only_what_reads_before_it_locks_has_to_notice_an_edit(user):
    store = store_for("default")
    catalogue = store.read(StateQuery([user.pk], conf.default_calendar)).catalogue
    assert store.is_current(catalogue)

    by_update(xp_reward=30)

    assert store.is_current(catalogue) is not store.is_optimistic
