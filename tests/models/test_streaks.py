from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from gamification.models import (
    RepairedDate,
    StreakDefinition,
    StreakFreeze,
    StreakPause,
)
from tests.factories import AchievementFactory
from tests.inspection import violates

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 1)


@pytest.fixture
def daily(db):
    return StreakDefinition.objects.get(key="daily")


def freeze(user, daily, **fields):
    defaults = {"kind": "granted", "amount": 1, "date": DAY, "key": "a"}
    return StreakFreeze(user=user, streak=daily, **{**defaults, **fields})


def test_every_site_has_a_daily_streak_that_gives_no_freezes(daily):
    assert (daily.unit, daily.goal, daily.activities, daily.weekdays) == (
        "day",
        1,
        [],
        [],
    )
    assert (daily.initial_freezes, daily.freeze_every, daily.freeze_cap) == (0, None, 2)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"goal": 0}, "gamification_streakdefinition_goal"),
        ({"goal": 29}, "gamification_streakdefinition_goal"),
        ({"first_weekday": 0}, "gamification_streakdefinition_weekday"),
        ({"first_weekday": 8}, "gamification_streakdefinition_weekday"),
        ({"initial_freezes": 3}, "gamification_streakdefinition_freezes"),
        ({"freeze_cap": 101}, "gamification_streakdefinition_freezes"),
        ({"initial_freezes": -1}, "gamification_streakdefinition_freezes"),
        ({"freeze_every": 0}, "gamification_streakdefinition_every"),
    ],
)
def test_the_rules_of_a_streak_are_bounded(fields, name):
    create = StreakDefinition.objects.create

    assert violates(name, lambda: create(key="weekly", name="Weekly", **fields))


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("used", 1), ("granted", -1), ("returned", -1), ("earned", 0), ("lost", 0)],
)
def test_the_amount_of_a_freeze_has_the_sign_of_its_kind(user, daily, kind, amount):
    row = freeze(user, daily, kind=kind, amount=amount)

    assert violates("gamification_streakfreeze_amount", row.save)


def test_a_key_of_a_freeze_is_used_once_per_user_and_streak(user, staff, daily):
    freeze(user, daily, kind="earned").save()
    freeze(staff, daily, kind="earned").save()

    again = freeze(user, daily, kind="earned")
    assert violates("gamification_streakfreeze_key", again.save)
    StreakFreeze.objects.all()._raw_delete(connection.alias)


def test_the_database_refuses_to_edit_a_freeze(user, daily):
    freeze(user, daily, kind="earned").save()

    with (
        pytest.raises((IntegrityError, DatabaseError), match="never edited"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE gamification_streakfreeze SET amount = 5")
    StreakFreeze.objects.all()._raw_delete(connection.alias)


def test_freezes_are_neither_edited_nor_deleted():
    with pytest.raises(TypeError, match="never edited"):
        StreakFreeze.objects.update(amount=5)
    with pytest.raises(TypeError, match="only with its user"):
        StreakFreeze.objects.all().delete()


def test_a_pause_ends_after_it_begins(user):
    row = StreakPause(user=user, since=DAY, until=date(2026, 10, 31))

    assert violates("gamification_streakpause_order", row.save)


def test_a_date_begins_one_pause_of_all_streaks(user):
    StreakPause.objects.create(user=user, since=DAY, until=DAY)
    row = StreakPause(user=user, since=DAY, until=DAY)

    assert violates("gamification_streakpause_all", row.save)


def test_a_date_begins_one_pause_of_a_streak(user, daily):
    StreakPause.objects.create(user=user, streak=daily, since=DAY, until=DAY)
    row = StreakPause(user=user, streak=daily, since=DAY, until=DAY)

    assert violates("gamification_streakpause_one", row.save)


def test_a_date_is_repaired_once(user, daily):
    RepairedDate.objects.create(user=user, streak=daily, date=DAY)
    row = RepairedDate(user=user, streak=daily, date=DAY)

    assert violates("gamification_repaireddate_once", row.save)


def test_only_what_measures_streaks_names_one(daily):
    assert violates(
        "gamification_achievement_streak",
        lambda: AchievementFactory(criterion="level", streak=daily),
    )


def test_rows_are_named_by_their_user_and_date(user, daily):
    pause = StreakPause(user=user, since=DAY, until=date(2026, 11, 3))

    assert str(daily) == "Daily streak"
    assert str(freeze(user, daily)) == f"{user} · granted +1"
    assert str(pause) == f"{user} · 2026-11-01 – 2026-11-03"
    assert str(RepairedDate(user=user, date=DAY)) == f"{user} · 2026-11-01"


@pytest.mark.parametrize(
    ("unit", "words", "sentence"),
    [
        ("week", "streak of 3 weeks", "the goal of 3 weeks in a row."),
        ("month", "streak of 3 months", "the goal of 3 months in a row."),
        ("day", "streak of 3 days", "have been active on 3 days in a row."),
    ],
)
def test_an_achievement_names_the_unit_of_its_streak(unit, words, sentence):
    streak = StreakDefinition(key="other", unit=unit)
    row = AchievementFactory.build(
        criterion="longest_streak", threshold=3, streak=streak
    )

    assert row.criterion_text == words
    assert row.criterion_sentence.endswith(sentence)
