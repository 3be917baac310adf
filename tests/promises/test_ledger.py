"""What the ledger is worth after corrections and reversals, in whatever order."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection

from gamification.exceptions import UnknownUserError
from gamification.maintenance import reconcile
from gamification.models import Activity, ActivityTally, UserAchievement
from gamification.services import (
    adjust_xp,
    get_calendar,
    get_progress,
    record_activity,
    reverse_entry,
    reverse_source,
    reverse_source_for_everyone,
)
from gamification.staff import RecalculationScope, recalculate_xp
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import held_by, ledger_of, profile_of
from tests.promises.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

TODAY = NOW.date()


def total_of(user):
    return get_progress(user).level.total_xp


def reward(xp):
    """Let a walk give ``xp`` from now on."""
    Activity.objects.filter(key="walk").update(xp_reward=xp)


def limit(units):
    """Let so many walks of a date earn XP."""
    Activity.objects.filter(key="walk").update(daily_limit=units)


def recalculate():
    recalculate_xp(RecalculationScope(["walk"], TODAY - timedelta(days=30), TODAY))


def walk(user, **fields):
    """Record a walk; return the id of its entry."""
    return record_activity(user, "walk", **fields).entry.id


def undo(user, entry_id):
    reverse_entry(user, entry_id=entry_id)


@pytest.mark.parametrize("later", [25, 4])
def test_a_reversal_takes_back_what_a_recalculation_made_of_the_record(user, later):
    walk(user, source="s:1", key="first")
    reward(later)
    recalculate()

    reverse_source(user, source="s:1")

    assert total_of(user) == 0
    assert [entry.amount for entry in ledger_of(user)] == [10, later - 10, -later]


@pytest.mark.parametrize("later", [25, 4])
def test_what_is_recorded_again_gives_the_reward_of_today(user, later):
    walk(user, source="s:1", key="first")
    reward(later)
    recalculate()
    reverse_source(user, source="s:1")

    walk(user, source="s:1", key="second")

    assert total_of(user) == later


def test_a_recalculation_that_is_repeated_changes_nothing(user):
    walk(user)
    reward(25)
    recalculate()

    again = recalculate_xp(RecalculationScope(["walk"], TODAY, TODAY))

    assert (again.corrected, again.xp, total_of(user)) == (0, 0, 25)


def test_the_first_of_three_makes_room_for_the_last_when_it_is_reversed(user):
    limit(2)
    first, _, _ = [walk(user) for _ in "ABC"]

    undo(user, first)

    assert total_of(user) == 20


def test_a_reversal_makes_room_for_what_is_recorded_later(user):
    limit(2)
    first, _ = [walk(user) for _ in "AB"]
    undo(user, first)

    walk(user)

    assert total_of(user) == 20


def test_four_records_give_the_limit_when_the_two_rewarded_ones_are_reversed(user):
    limit(2)
    first, second, _, _ = [walk(user) for _ in "ABCD"]

    undo(user, first)
    undo(user, second)

    assert total_of(user) == 20


def test_freed_room_goes_to_the_earliest_record_in_the_user_s_day(user):
    limit(1)
    first = walk(user, occurred_at=NOW - timedelta(hours=1))
    late, early = (
        walk(user, occurred_at=NOW - timedelta(hours=hours)) for hours in (2, 3)
    )

    undo(user, first)

    corrected = [e.corrects for e in ledger_of(user) if e.kind == "correction"]
    assert corrected == [early]
    assert late > first


def test_freed_room_gives_the_reward_that_the_record_had_when_it_was_made(user):
    limit(1)
    first = walk(user)
    walk(user)
    reward(25)

    undo(user, first)

    assert total_of(user) == 10


def test_a_cooldown_ends_with_the_record_that_began_it(user):
    Activity.objects.filter(key="walk").update(cooldown=3_600)
    first = walk(user, occurred_at=NOW - timedelta(minutes=30))
    walk(user)

    undo(user, first)

    assert total_of(user) == 10


@pytest.mark.parametrize("units", [None, 5])
def test_room_is_freed_also_where_the_limit_was_raised_or_lifted_since(user, units):
    limit(1)
    first, _ = [walk(user) for _ in "AB"]
    limit(units)

    undo(user, first)

    assert total_of(user) == 10


@pytest.mark.parametrize("seconds", [None, 60])
def test_a_cooldown_that_was_shortened_or_lifted_since_frees_as_well(user, seconds):
    Activity.objects.filter(key="walk").update(cooldown=3_600)
    first = walk(user, occurred_at=NOW - timedelta(minutes=30))
    walk(user)
    Activity.objects.filter(key="walk").update(cooldown=seconds)

    undo(user, first)

    assert total_of(user) == 10


def test_a_reversal_counts_once(user):
    entry = walk(user)

    undo(user, entry)
    undo(user, entry)

    assert total_of(user) == 0
    assert ActivityTally.objects.get(user=user).count == 0


def test_an_unlock_whose_row_was_lost_is_found_and_restored(user):
    AchievementFactory(key="ten", criterion="total_xp", threshold=10)
    walk(user)
    before = UserAchievement.objects.values().get()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM gamification_userachievement")

    found = [drift.what for drift in reconcile(fix=True)]

    assert found == ["achievement ten"]
    assert UserAchievement.objects.values().get() | {"id": before["id"]} == before


def test_an_unlock_that_was_restored_is_not_given_twice(user):
    AchievementFactory(key="ten", criterion="total_xp", threshold=10)
    walk(user)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM gamification_userachievement")
    list(reconcile(fix=True))

    walk(user)

    assert total_of(user) == 10 + 50 + 10


def test_the_calendar_has_the_xp_of_a_day_with_its_corrections(user):
    walk(user)
    reward(25)

    recalculate()

    [day] = get_calendar(user, since=TODAY, until=TODAY)
    assert (day.date, day.activities, day.xp) == (date(2026, 6, 10), 1, 25)
    assert total_of(user) == 25


@pytest.mark.parametrize("owner", [None, "", "nobody"])
def test_a_source_is_not_reversed_for_an_owner_that_is_missing(user, owner):
    walk(user, source="s:1")

    with pytest.raises(UnknownUserError):
        reverse_source(owner, source="s:1")

    assert total_of(user) == 10


def test_a_source_is_reversed_for_everyone_by_a_verb_of_its_own(user):
    other = UserFactory()
    for owner in (user, other):
        walk(owner, source="s:1")

    outcomes = reverse_source_for_everyone(source="s:1")

    assert [outcome.credited for outcome in outcomes] == [-10, -10]
    assert (total_of(user), total_of(other)) == (0, 0)


def test_an_unlock_outlasts_the_source_that_earned_it(user):
    AchievementFactory(
        key="first_book", criterion="total_xp", threshold=10, xp_reward=20
    )
    walk(user, source="book:1")

    reverse_source(user, source="book:1")

    assert (total_of(user), held_by(user)) == (20, {"first_book"})


def book_that_can_be_lost():
    return AchievementFactory(
        key="first_book",
        criterion="activity_count",
        activity=Activity.objects.get(key="walk"),
        xp_reward=20,
        revocable=True,
    )


def test_a_revocable_unlock_goes_with_the_source_that_earned_it(user):
    book_that_can_be_lost()
    walk(user, source="book:1")

    [outcome] = reverse_source(user, source="book:1")

    assert [unlock.achievement for unlock in outcome.lost] == ["first_book"]
    assert (outcome.xp_gained, outcome.total_xp) == (-30, 0)
    assert (total_of(user), held_by(user)) == (0, set())


def test_a_revocable_unlock_stays_while_something_else_earns_it(user):
    book_that_can_be_lost()
    walk(user, source="book:1")
    walk(user, source="book:2")

    reverse_source(user, source="book:1")

    assert (total_of(user), held_by(user)) == (30, {"first_book"})


def total_that_can_be_lost(key, threshold, xp):
    AchievementFactory(
        key=key, criterion="total_xp", threshold=threshold, xp_reward=xp, revocable=True
    )


def test_a_revocable_unlock_does_not_keep_itself_by_its_own_reward(user):
    total_that_can_be_lost("ten", 10, 20)
    walk(user, source="book:1")

    reverse_source(user, source="book:1")

    assert (total_of(user), held_by(user)) == (0, set())


def test_revocable_unlocks_do_not_keep_each_other_by_their_rewards(user):
    total_that_can_be_lost("ten", 10, 20)
    total_that_can_be_lost("thirty", 30, 10)
    AchievementFactory(
        key="second_level", criterion="level", threshold=2, xp_reward=60, revocable=True
    )
    AchievementFactory(
        key="three", criterion="achievements", threshold=3, xp_reward=0, revocable=True
    )
    walk(user, occurred_at=NOW - timedelta(days=1))
    walk(user, source="book:1")
    assert held_by(user) == {"ten", "thirty", "second_level", "three"}

    reverse_source(user, source="book:1")

    assert (total_of(user), held_by(user)) == (40, {"ten", "thirty"})


def test_an_unlock_that_its_reward_alone_has_kept_outlasts_another_reversal(user):
    total_that_can_be_lost("hundred", 100, 40)
    walk(user, quantity=10)
    walk(user, source="book:1")
    adjust_xp(user, amount=-30, note="Spent.")

    reverse_source(user, source="book:1")

    assert (total_of(user), held_by(user)) == (110, {"hundred"})


def test_a_revocable_unlock_that_went_can_be_earned_again(user):
    book_that_can_be_lost()
    walk(user, source="book:1")
    reverse_source(user, source="book:1")

    outcome = record_activity(user, "walk", source="book:2")

    assert [unlock.achievement for unlock in outcome.unlocks] == ["first_book"]
    assert (total_of(user), held_by(user)) == (30, {"first_book"})
    assert profile_of(user).level == 1
