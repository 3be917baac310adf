"""What boosts do to records, and what else they cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from gamification.models import Activity, Boost, LedgerEntry
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    pending_celebrations,
    record_activities,
    record_activity,
    record_each,
    reverse_entry,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import edit_boost, find_boost
from tests.conftest import IS_POSTGRESQL
from tests.factories import (
    AchievementFactory,
    ActivityFactory,
    BoostFactory,
    UserFactory,
)
from tests.inspection import ledger_of, profile_of, statements
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

HOUR = timedelta(hours=1)


@pytest.fixture
def club(user) -> Group:
    """A group in which the user is."""
    group = Group.objects.create(name="Club")
    user.groups.add(group)
    return group


def limit(units: int) -> None:
    Activity.objects.update(daily_limit=units)


def amounts(user) -> list[tuple[str, int, int]]:
    return [(each.kind, each.amount, each.rewarded) for each in ledger_of(user)]


def test_the_entry_keeps_the_factor_and_the_boosts(user):
    BoostFactory(key="launch", factor=Decimal("1.5"))

    record_activity(user, "walk")

    [entry] = ledger_of(user)
    assert (entry.amount, entry.rewarded, entry.xp_reward) == (15, 1, 10)
    assert entry.boosts == {
        "factor": "1.50",
        "boosts": [["launch", "Launch weekend", "1.50"]],
    }


def test_without_boosts_the_entry_keeps_nothing(user):
    BoostFactory(is_active=False)

    record_activity(user, "walk")

    [entry] = ledger_of(user)
    assert (entry.amount, entry.boosts) == (10, None)


def test_a_replay_returns_the_boosts_of_the_first_time(user):
    boost = BoostFactory(key="launch")
    first = record_activity(user, "walk", key="a")
    Boost.objects.filter(pk=boost.pk).update(factor=Decimal(5))

    again = record_activity(user, "walk", key="a")

    assert again.replayed
    assert (again.credited, again.base, again.factor) == (20, 10, Decimal("2.00"))
    assert again.boosts == first.boosts


def test_an_edited_boost_holds_for_the_next_record(user):
    boost = BoostFactory(ends_at=NOW + HOUR)
    record_activity(user, "walk")

    edit_boost(boost.key, actor=None, expected=None, ends_at=NOW)

    assert record_activity(user, "walk").credited == 10


def test_room_is_credited_at_the_factor_of_its_own_record(user):
    limit(1)
    BoostFactory(ends_at=NOW - HOUR, factor=Decimal(2))
    BoostFactory(starts_at=NOW - HOUR, factor=Decimal("1.5"))
    first = record_activity(user, "walk", occurred_at=NOW - 2 * HOUR)
    record_activity(user, "walk", occurred_at=NOW)

    undone = reverse_entry(user, entry_id=first.entry.id)

    assert undone.credited == -20
    [correction] = undone.corrections
    assert (correction.amount, correction.boosted.base) == (15, 10)
    assert correction.boosted.factor == Decimal("1.50")
    assert undone.total_xp == 15


def test_room_adds_what_is_missing_to_one_rounding_for_the_entry(user):
    limit(2)
    Activity.objects.update(xp_reward=7)
    BoostFactory(factor=Decimal("1.5"))
    first = record_activity(user, "walk")
    record_activity(user, "walk", quantity=3)

    undone = reverse_entry(user, entry_id=first.entry.id)

    # 7 × 1.5 and 14 × 1.5, each rounded once.
    assert amounts(user) == [
        ("activity", 10, 1),
        ("activity", 10, 1),
        ("reversal", -10, -1),
        ("correction", 11, 1),
    ]
    assert undone.total_xp == 21


def test_a_reversal_takes_the_corrections_back_too(user):
    limit(1)
    BoostFactory(factor=Decimal("1.5"))
    first = record_activity(user, "walk")
    second = record_activity(user, "walk")
    reverse_entry(user, entry_id=first.entry.id)

    undone = reverse_entry(user, entry_id=second.entry.id)

    assert (undone.credited, undone.total_xp) == (-15, 0)


def test_an_ended_boost_changes_no_reversal(user):
    boost = BoostFactory(ends_at=NOW + HOUR)
    made = record_activity(user, "walk")
    edit_boost(boost.key, actor=None, expected=None, ends_at=NOW)

    undone = reverse_entry(user, entry_id=made.entry.id)

    assert (undone.credited, undone.base, undone.boosts) == (-20, -20, ())


def test_each_user_is_boosted_on_their_own_clock(user):
    other = UserFactory()
    set_time_zone(user, "Pacific/Auckland")
    set_time_zone(other, "America/Los_Angeles")
    # Noon in UTC is midnight in Auckland and five in the morning in Los Angeles.
    BoostFactory(zone="", starts_at=NOW - 12 * HOUR, ends_at=NOW)

    records = [ActivityRecord(each, "walk", NOW) for each in (user, other)]
    done = record_each(records)

    assert [each.credited for each in done] == [10, 20]


def test_a_boost_for_a_group_is_for_its_members(user, club):
    BoostFactory(group=club)

    assert record_activity(user, "walk").credited == 20
    assert record_activity(user, "walk").credited == 20
    assert record_activity(UserFactory(), "walk").credited == 10


def test_in_a_batch_each_user_is_in_their_own_groups(user, club):
    BoostFactory(group=club, factor=Decimal(3))
    BoostFactory(group=Group.objects.create(name="Others"))
    stranger = UserFactory()
    record_activity(stranger, "walk")

    record_activities([ActivityRecord(each, "walk") for each in (user, stranger)] * 2)

    assert profile_of(user).total_xp == 60
    assert profile_of(stranger).total_xp == 30


def test_groups_are_read_in_the_statement_that_reads_the_rest(user, club):
    record_activity(user, "walk")
    record_activity(user, "walk")
    plain = statements(lambda: record_activity(user, "walk"), "")
    BoostFactory(group=club)
    record_activity(user, "walk")

    boosted = statements(lambda: record_activity(user, "walk"), "")

    assert boosted - plain == (0 if IS_POSTGRESQL else 1)


def test_groups_of_boosts_that_are_over_are_not_read(user, club):
    BoostFactory(group=club, starts_at=NOW - 90 * HOUR, ends_at=NOW - 80 * HOUR)
    # The first one may still know the catalogue of another test.
    record_activity(user, "walk")

    assert statements(lambda: record_activity(user, "walk"), "user_groups") == 0


def test_a_boost_reads_what_a_record_says(user):
    Activity.objects.update(attributes={"genre": "string", "pages": "integer"})
    BoostFactory(where=[["genre", "in", ["fantasy"]], ["pages", "at_least", 100]])

    said = [{"genre": "fantasy", "pages": 100}, {"genre": "fantasy", "pages": 99}, None]

    assert [
        record_activity(user, "walk", attributes=each).credited for each in said
    ] == [20, 10, 10]


def test_a_boost_of_activities_leaves_out_the_others(user):
    ActivityFactory(key="swim")
    BoostFactory(activities=["swim"])

    assert record_activity(user, "walk").credited == 10
    assert record_activity(user, "swim").credited == 20


@pytest.mark.parametrize(("says_so", "credited"), [(False, 10), (True, 20)])
def test_imports_are_boosted_only_if_the_boost_says_so(user, says_so, credited):
    BoostFactory(boosts_imports=says_so)
    long_ago = datetime(2026, 6, 2, tzinfo=UTC)

    single = record_activity(user, "walk", occurred_at=long_ago, historical=True)
    many = record_activities([ActivityRecord(user, "walk", long_ago)], historical=True)

    assert (single.credited, many.xp) == (credited, credited)


@pytest.mark.parametrize(("says_so", "credited"), [(False, 10), (True, 15)])
def test_gains_by_staff_are_boosted_only_if_the_boost_says_so(user, says_so, credited):
    BoostFactory(boosts_adjustments=says_so, factor=Decimal("1.5"))

    done = adjust_xp(user, amount=10, note="Found.")

    assert (done.credited, done.base) == (credited, 10)
    assert adjust_xp(user, amount=-10, note="Lost.").credited == -10


@pytest.mark.parametrize(("says_so", "credited"), [(False, 50), (True, 75)])
def test_rewards_are_boosted_only_if_the_boost_says_so(user, says_so, credited):
    BoostFactory(boosts_achievements=says_so, factor=Decimal("1.5"))
    AchievementFactory(key="medal")

    given = award_achievement(user, "medal")

    assert (given.credited, given.base) == (credited, 50)
    [unlock] = given.unlocks
    assert unlock.xp == credited
    [celebration] = [
        each for each in pending_celebrations(user) if each.kind == "achievement"
    ]
    assert celebration.data["xp"] == credited
    assert revoke_achievement(user, "medal").credited == -credited


def test_a_reward_is_boosted_when_its_achievement_was_truly_met(user):
    BoostFactory(boosts_achievements=True, ends_at=NOW - 2 * HOUR)
    walk = Activity.objects.get(key="walk")
    AchievementFactory(criterion="activity_count", activity=walk, threshold=2)
    record_activity(user, "walk", occurred_at=NOW)

    # The second walk by the clock is the one that came first.
    late = record_activity(user, "walk", occurred_at=NOW - 3 * HOUR)

    [unlock] = late.unlocks
    assert unlock.xp == 50
    assert LedgerEntry.objects.get(kind="achievement").occurred_at == NOW


def test_a_site_without_activities_knows_its_boosts(user):
    Activity.objects.all().delete()
    BoostFactory(boosts_adjustments=True)

    assert adjust_xp(user, amount=10, note="Found.").credited == 20


def test_a_boost_of_an_activity_that_is_gone_boosts_nothing(user):
    BoostFactory(activities=["gone"])

    assert record_activity(user, "walk").credited == 10


def test_boosts_cost_a_record_no_statement(user):
    record_activity(user, "walk")
    record_activity(user, "walk")
    plain = statements(lambda: record_activity(user, "walk"), "")
    for _ in range(5):
        BoostFactory(factor=Decimal("0.9"))
    record_activity(user, "walk")

    assert statements(lambda: record_activity(user, "walk"), "") == plain


def test_the_range_of_totals_holds_for_boosted_xp(user):
    boost = BoostFactory(factor=Decimal(10))

    made = record_activity(user, "walk", quantity=1_000_000)

    assert made.credited == 100_000_000
    assert find_boost(boost.key).factor == Decimal("10.00")


def test_a_boost_without_an_end_in_sight_stops_nobody(user):
    BoostFactory(zone="", ends_at=datetime.max.replace(tzinfo=UTC))

    assert record_activity(user, "walk").credited == 20
