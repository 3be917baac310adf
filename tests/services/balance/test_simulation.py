from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from gamification.domain.levels import LEVEL_THRESHOLDS
from gamification.exceptions import (
    InvalidRequestError,
    UnknownAchievementError,
    UnknownActivityError,
)
from gamification.models import Activity, LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    award_achievement,
    record_activities,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.services.balance import sql
from gamification.services.balance.simulation import BeforeAfter
from gamification.staff import (
    ActivityNumbers,
    RewardProposal,
    simulate_rewards,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(no_achievements):
    with time_machine.travel(NOON, tick=False):
        yield


def numbers(**activities):
    return RewardProposal(
        {key: ActivityNumbers(*value) for key, value in activities.items()}
    )


def test_another_reward_applies_to_rewarded_units(user, activity):
    record_activity(user, "walk", quantity=4)

    result = simulate_rewards(numbers(walk=(15, None)))

    assert result.activities == {"walk": BeforeAfter(40, 60)}
    # 60 XP is level 2.
    assert result.levels == {1: BeforeAfter(1, 0), 2: BeforeAfter(0, 1)}
    assert (result.raised, result.lowered) == (1, 0)


def test_with_one_level_everybody_is_on_it(user, activity):
    record_activity(user, "walk", quantity=10)

    result = simulate_rewards(RewardProposal(thresholds=[0]))

    assert result.levels == {1: BeforeAfter(0, 1), 2: BeforeAfter(1, 0)}
    assert (result.raised, result.lowered) == (0, 1)


def test_a_reversed_record_gives_nothing(user, activity):
    outcome = record_activity(user, "walk", quantity=4)
    reverse_entry(user, entry_id=outcome.entry.id)

    result = simulate_rewards(numbers(walk=(15, None)))

    assert result.activities == {"walk": BeforeAfter(0, 0)}


def test_a_daily_limit_applies_to_each_date(user, activity):
    record_activity(user, "walk", quantity=5)
    record_activity(user, "walk", quantity=2, occurred_at=NOON - timedelta(days=1))

    result = simulate_rewards(numbers(walk=(10, 3)))

    assert result.activities == {"walk": BeforeAfter(70, 50)}


def test_without_the_limit_all_units_count(user):
    ActivityFactory(key="swim", daily_limit=2)
    record_activity(user, "swim", quantity=9)

    result = simulate_rewards(numbers(swim=(10, None)))

    assert result.activities == {"swim": BeforeAfter(20, 90)}


def swims(user, *hours, **fields):
    """Record a swim so many hours ago, for each of ``hours``."""
    return [
        record_activity(user, "swim", occurred_at=NOON - timedelta(hours=ago), **fields)
        for ago in hours
    ]


def test_without_the_cooldown_all_units_count(user):
    ActivityFactory(key="swim", cooldown=3 * 3600)
    swims(user, 6, 5, 4, 3)

    result = simulate_rewards(numbers(swim=(10, None, None)))

    assert result.activities == {"swim": BeforeAfter(20, 40)}


def test_a_cooldown_lasts_from_one_rewarded_record_to_the_next(user):
    ActivityFactory(key="swim")
    # Those of 9, 6 and 4 hours ago are two hours apart or more.
    swims(user, 4, 9, 8, 6, 5)

    result = simulate_rewards(numbers(swim=(10, None, 7200)))

    assert result.activities == {"swim": BeforeAfter(50, 30)}
    assert result.levels == {2: BeforeAfter(1, 0), 1: BeforeAfter(0, 1)}


def test_another_limit_keeps_the_cooldown(user):
    ActivityFactory(key="swim", daily_limit=2, cooldown=7200)
    swims(user, 9, 8, quantity=3)

    result = simulate_rewards(numbers(swim=(10, 4, 7200)))

    assert result.activities == {"swim": BeforeAfter(20, 30)}


def test_another_reward_applies_in_spite_of_a_cooldown(user):
    ActivityFactory(key="swim", cooldown=7200)
    swims(user, 9, 8)

    result = simulate_rewards(numbers(swim=(15, None, 7200)))

    assert result.activities == {"swim": BeforeAfter(10, 15)}


def test_a_reversed_record_starts_no_cooldown(user):
    ActivityFactory(key="swim")
    first, _ = swims(user, 9, 8)
    reverse_entry(user, entry_id=first.entry.id)

    result = simulate_rewards(numbers(swim=(10, None, 7200)))

    assert result.activities == {"swim": BeforeAfter(10, 10)}


def test_other_limits_and_rewards_are_simulated_together(user, activity):
    ActivityFactory(key="swim")
    swims(user, 9, 8)
    record_activity(user, "walk")

    result = simulate_rewards(numbers(swim=(10, None, 7200), walk=(40, None)))

    assert result.activities == {
        "swim": BeforeAfter(20, 10),
        "walk": BeforeAfter(10, 40),
    }
    # From 30 XP to 50.
    assert result.levels == {1: BeforeAfter(1, 0), 2: BeforeAfter(0, 1)}


def test_the_cooldown_of_an_activity_gives_what_it_gave():
    chance, records = random.Random(11), []
    ActivityFactory(key="swim", daily_limit=4, cooldown=5 * 3600)
    ActivityFactory(key="free", xp_reward=10)
    for user in UserFactory.create_batch(5):
        for ago in sorted(chance.sample(range(200), 30), reverse=True):
            at, quantity = NOON - timedelta(hours=ago), chance.randint(1, 3)
            records += [
                ActivityRecord(user, key, at, quantity) for key in ("swim", "free")
            ]
    record_activities(records, historical=True)

    result = simulate_rewards(numbers(free=(10, 4, 5 * 3600)))

    paid = sum(each.amount for each in LedgerEntry.objects.filter(activity__key="swim"))
    assert result.activities["free"].after == paid


def test_another_reward_of_an_achievement_applies_to_unlocks(user):
    AchievementFactory(key="medal", xp_reward=40)
    for holder in (user, UserFactory(), other := UserFactory()):
        award_achievement(holder, "medal")
    revoke_achievement(other, "medal")

    result = simulate_rewards(RewardProposal(achievements={"medal": 50}))

    assert result.achievements == {"medal": BeforeAfter(80, 100)}


def test_other_thresholds_give_other_levels(user, activity):
    record_activity(user, "walk", quantity=10)

    result = simulate_rewards(RewardProposal(thresholds=(0, 10, 20, 30)))

    assert result.levels == {2: BeforeAfter(1, 0), 4: BeforeAfter(0, 1)}


def test_the_stored_numbers_change_nothing(user, activity):
    record_activity(user, "walk")
    # XP from before the reward was edited is not recalculated.
    Activity.objects.filter(key="walk").update(xp_reward=20)

    result = simulate_rewards(numbers(walk=(20, None)))

    assert (result.activities, result.raised) == ({}, 0)


def test_the_stored_reward_of_an_achievement_changes_nothing(user):
    award_achievement(user, AchievementFactory(key="medal", xp_reward=40).key)

    result = simulate_rewards(RewardProposal(achievements={"medal": 40}))

    assert (result.achievements, result.raised) == ({}, 0)


def test_older_entries_keep_their_xp(user, activity):
    record_activity(user, "walk", occurred_at=NOON - timedelta(days=1))

    result = simulate_rewards(numbers(walk=(90, None)), days=1)

    assert (result.since, result.until) == (date(2026, 3, 2), date(2026, 3, 2))
    assert result.activities == {"walk": BeforeAfter(0, 0)}


def test_it_agrees_with_a_sum_by_hand():
    chance = random.Random(7)
    ActivityFactory(key="walk", xp_reward=10, daily_limit=5)
    ActivityFactory(key="swim", xp_reward=30)
    users = UserFactory.create_batch(6)
    for _ in range(80):
        at = NOON - timedelta(hours=chance.randrange(240))
        key, quantity = chance.choice(["walk", "swim"]), chance.randint(1, 4)
        record_activity(
            chance.choice(users),
            key,
            quantity=quantity,
            occurred_at=at,
            historical=True,
        )

    result = simulate_rewards(numbers(walk=(25, 3), swim=(4, None)), days=5)

    assert (result.raised, result.lowered) == moved_by_hand(date(2026, 2, 26))


def moved_by_hand(since):
    """Return how many users rise and fall, by loops over all entries."""
    units, delta = {}, {}
    for entry in LedgerEntry.objects.filter(local_date__gte=since):
        delta[entry.user_id] = delta.get(entry.user_id, 0) - entry.amount
        what = (entry.user_id, entry.activity.key, entry.local_date)
        units[what] = units.get(what, 0) + entry.quantity
    for (user_id, key, _), count in units.items():
        delta[user_id] += 25 * min(3, count) if key == "walk" else 4 * count
    raised = lowered = 0
    for row in UserGamification.objects.all():
        xp = row.total_xp + delta.get(row.user_id, 0)
        level = sum(threshold <= xp for threshold in LEVEL_THRESHOLDS)
        raised, lowered = raised + (level > row.level), lowered + (level < row.level)
    return raised, lowered


@pytest.mark.parametrize(
    ("proposal", "error"),
    [
        (numbers(swim=(1, None)), UnknownActivityError),
        (RewardProposal(achievements={"medal": 1}), UnknownAchievementError),
        (numbers(walk=(-1, None)), InvalidRequestError),
        (numbers(walk=(1_000_001, None)), InvalidRequestError),
        (numbers(walk=(True, None)), InvalidRequestError),
        (numbers(walk=(10, 0)), InvalidRequestError),
        (numbers(walk=(10, None, 0)), InvalidRequestError),
        (numbers(walk=(10, None, 31_536_001)), InvalidRequestError),
        (RewardProposal(thresholds=(5, 10)), InvalidRequestError),
        (RewardProposal(thresholds=(0, 10, 10)), InvalidRequestError),
    ],
)
def test_numbers_out_of_bounds_are_refused(activity, proposal, error):
    with pytest.raises(error):
        simulate_rewards(proposal)


def test_it_takes_as_many_queries_for_more_users(activity, django_assert_num_queries):
    for _ in range(9):
        record_activity(UserFactory(), "walk")

    # Activities, achievements, how many users, and the one that reads the ledger.
    with django_assert_num_queries(4):
        simulate_rewards(numbers(walk=(1, 1)))
    # And one that reads what a cooldown holds for.
    with django_assert_num_queries(5):
        simulate_rewards(numbers(walk=(1, 1, 60)))


def test_a_sample_of_very_many_users_is_extrapolated(activity, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 5 * 30)
    users = UserFactory.create_batch(10)
    for user in users:
        record_activity(user, "walk", quantity=4)

    result = simulate_rewards(numbers(walk=(15, 3)))

    # Whichever five are looked at, all ten are alike.
    assert (result.every, result.activities) == (2, {"walk": BeforeAfter(400, 450)})
    assert result.levels == {1: BeforeAfter(10, 10)}
