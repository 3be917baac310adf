from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from gamification.domain.estimates import Estimate
from gamification.domain.levels import LEVEL_THRESHOLDS
from gamification.exceptions import (
    InvalidRequestError,
    UnknownAchievementError,
    UnknownActivityError,
)
from gamification.models import Activity, LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    effects,
    record_activities,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.services.balance import sql
from gamification.services.balance.worlds import SimulatedNumber
from gamification.staff import (
    ActivityNumbers,
    RewardProposal,
    simulate_rewards,
)
from tests.factories import (
    AchievementFactory,
    ActivityFactory,
    BoostFactory,
    UserFactory,
)
from tests.inspection import statements

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


def moved(result):
    """Return how many users rise and fall."""
    return result.raised.value, result.lowered.value


def test_another_reward_applies_to_rewarded_units(user, activity):
    record_activity(user, "walk", quantity=4)

    result = simulate_rewards(numbers(walk=(15, None)))

    assert result.activities == {"walk": SimulatedNumber(40, 40, 60)}
    # 60 XP is level 2.
    assert result.levels == {1: SimulatedNumber(1, 1, 0), 2: SimulatedNumber(0, 0, 1)}
    assert moved(result) == (1, 0)


def test_with_one_level_everybody_is_on_it(user, activity):
    record_activity(user, "walk", quantity=10)

    result = simulate_rewards(RewardProposal(thresholds=[0]))

    assert result.levels == {1: SimulatedNumber(0, 0, 1), 2: SimulatedNumber(1, 1, 0)}
    assert moved(result) == (0, 1)


def test_a_reversed_record_gives_nothing(user, activity):
    outcome = record_activity(user, "walk", quantity=4)
    reverse_entry(user, entry_id=outcome.entry.id)

    result = simulate_rewards(numbers(walk=(15, None)))

    assert result.activities == {"walk": SimulatedNumber(0, 0, 0)}


def test_a_daily_limit_applies_to_each_date(user, activity):
    record_activity(user, "walk", quantity=5)
    record_activity(user, "walk", quantity=2, occurred_at=NOON - timedelta(days=1))

    result = simulate_rewards(numbers(walk=(10, 3)))

    assert result.activities == {"walk": SimulatedNumber(70, 70, 50)}


def test_without_the_limit_all_units_count(user):
    ActivityFactory(key="swim", daily_limit=2)
    record_activity(user, "swim", quantity=9)

    result = simulate_rewards(numbers(swim=(10, None)))

    assert result.activities == {"swim": SimulatedNumber(20, 20, 90)}


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

    assert result.activities == {"swim": SimulatedNumber(20, 20, 40)}


def test_a_cooldown_lasts_from_one_rewarded_record_to_the_next(user):
    ActivityFactory(key="swim")
    # Those of 9, 6 and 4 hours ago are two hours apart or more.
    swims(user, 4, 9, 8, 6, 5)

    result = simulate_rewards(numbers(swim=(10, None, 7200)))

    assert result.activities == {"swim": SimulatedNumber(50, 50, 30)}
    assert result.levels == {2: SimulatedNumber(1, 1, 0), 1: SimulatedNumber(0, 0, 1)}


def test_another_limit_keeps_the_cooldown(user):
    ActivityFactory(key="swim", daily_limit=2, cooldown=7200)
    swims(user, 9, 8, quantity=3)

    result = simulate_rewards(numbers(swim=(10, 4, 7200)))

    assert result.activities == {"swim": SimulatedNumber(20, 20, 30)}


def test_another_reward_applies_in_spite_of_a_cooldown(user):
    ActivityFactory(key="swim", cooldown=7200)
    swims(user, 9, 8)

    result = simulate_rewards(numbers(swim=(15, None, 7200)))

    assert result.activities == {"swim": SimulatedNumber(10, 10, 15)}


def test_a_reversed_record_starts_no_cooldown(user):
    ActivityFactory(key="swim")
    first, _ = swims(user, 9, 8)
    reverse_entry(user, entry_id=first.entry.id)

    result = simulate_rewards(numbers(swim=(10, None, 7200)))

    assert result.activities == {"swim": SimulatedNumber(10, 10, 10)}


def test_other_limits_and_rewards_are_simulated_together(user, activity):
    ActivityFactory(key="swim")
    swims(user, 9, 8)
    record_activity(user, "walk")

    result = simulate_rewards(numbers(swim=(10, None, 7200), walk=(40, None)))

    assert result.activities == {
        "swim": SimulatedNumber(20, 20, 10),
        "walk": SimulatedNumber(10, 10, 40),
    }
    # From 30 XP to 50.
    assert result.levels == {1: SimulatedNumber(1, 1, 0), 2: SimulatedNumber(0, 0, 1)}


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
    assert result.activities["free"].proposed == paid


def test_another_reward_of_an_achievement_applies_to_unlocks(user):
    AchievementFactory(key="medal", xp_reward=40)
    for holder in (user, UserFactory(), other := UserFactory()):
        award_achievement(holder, "medal")
    revoke_achievement(other, "medal")

    result = simulate_rewards(RewardProposal(achievements={"medal": 50}))

    assert result.achievements == {"medal": SimulatedNumber(80, 80, 100)}


def test_other_thresholds_give_other_levels(user, activity):
    record_activity(user, "walk", quantity=10)

    result = simulate_rewards(RewardProposal(thresholds=(0, 10, 20, 30)))

    assert result.levels == {2: SimulatedNumber(1, 1, 0), 4: SimulatedNumber(0, 0, 1)}


def test_the_stored_numbers_change_nothing(user, activity):
    record_activity(user, "walk")
    # XP from before the reward was edited is not recalculated.
    Activity.objects.filter(key="walk").update(xp_reward=20)

    result = simulate_rewards(numbers(walk=(20, None)))

    assert (result.activities, moved(result)) == ({}, (0, 0))


def test_the_stored_reward_of_an_achievement_changes_nothing(user):
    award_achievement(user, AchievementFactory(key="medal", xp_reward=40).key)

    result = simulate_rewards(RewardProposal(achievements={"medal": 40}))

    assert (result.achievements, moved(result)) == ({}, (0, 0))


def test_older_entries_keep_their_xp(user, activity):
    record_activity(user, "walk", occurred_at=NOON - timedelta(days=1))

    result = simulate_rewards(numbers(walk=(90, None)), days=1)

    assert (result.since, result.until) == (date(2026, 3, 2), date(2026, 3, 2))
    assert result.activities == {"walk": SimulatedNumber(0, 0, 0)}


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

    assert moved(result) == moved_by_hand(date(2026, 2, 26))


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


@pytest.mark.parametrize("tried", [(1, 1), (1, 1, 60)])
def test_it_takes_as_many_queries_for_more_users(activity, tried):
    counts = []
    for more in (1, 9):
        for user in UserFactory.create_batch(more):
            record_activity(user, "walk")
        counts.append(statements(lambda: simulate_rewards(numbers(walk=tried))))

    assert counts[1] <= counts[0] <= 17


def test_the_numbers_of_today_are_a_column_of_their_own(user, activity):
    record_activity(user, "walk", quantity=6)
    Activity.objects.filter(key="walk").update(xp_reward=25, daily_limit=4)

    result = simulate_rewards(numbers(walk=(20, 4)))

    # Recorded at 10 each; the levels of 60, 100 and 80 XP are the same.
    assert result.activities == {"walk": SimulatedNumber(60, 100, 80)}
    assert moved(result) == (0, 0)


def test_lower_numbers_lower_levels_though_they_are_higher_than_they_were(
    user, activity
):
    record_activity(user, "walk", quantity=2)
    Activity.objects.filter(key="walk").update(xp_reward=80)

    result = simulate_rewards(numbers(walk=(30, None)))

    assert result.levels == {
        1: SimulatedNumber(1, 0, 0),
        2: SimulatedNumber(0, 0, 1),
        3: SimulatedNumber(0, 1, 0),
    }
    assert moved(result) == (0, 1)


def test_todays_cooldown_is_counted_again(user):
    ActivityFactory(key="swim")
    swims(user, 9, 8, 6)
    Activity.objects.filter(key="swim").update(cooldown=2 * 3600)

    result = simulate_rewards(numbers(swim=(10, None, None)))

    assert result.activities == {"swim": SimulatedNumber(30, 20, 30)}


def test_unlocks_that_follow_are_simulated(user, activity):
    record_activity(user, "walk", quantity=4)
    AchievementFactory(
        key="rich", name="Rich", criterion="level", threshold=2, xp_reward=100
    )
    AchievementFactory(key="day", name="Day", criterion="active_days", xp_reward=0)

    result = simulate_rewards(numbers(walk=(15, None)))

    # 60 XP are level 2, and 160 are level 3. The day was met already.
    one, none = Estimate.exactly(1), Estimate.exactly(0)
    assert result.unlocks == {"day": ("Day", one, one), "rich": ("Rich", none, one)}
    assert result.followed == SimulatedNumber(0, 0, 100)
    assert result.levels == {1: SimulatedNumber(1, 1, 0), 3: SimulatedNumber(0, 0, 1)}


def season(threshold):
    """Create an achievement for XP since the last midnight."""
    AchievementFactory(
        key="season",
        criterion="total_xp",
        threshold=threshold,
        starts_at=NOON - timedelta(hours=12),
    )


def test_a_season_counts_the_xp_of_its_own_records(user, activity):
    season(60)
    yesterday = NOON - timedelta(days=1)
    record_activity(UserFactory(), "walk", quantity=7, occurred_at=yesterday)
    record_activity(user, "walk", quantity=4)

    result = simulate_rewards(numbers(walk=(20, None)))

    assert result.unlocks["season"][1:] == (Estimate.exactly(0), Estimate.exactly(1))


def test_a_season_leaves_out_what_another_cooldown_would_have_given_before(user):
    ActivityFactory(key="walk", cooldown=3_600)
    season(30)
    for hours in (24, 23.5, 2, 1):
        moment = NOON - timedelta(hours=hours)
        record_activity(user, "walk", occurred_at=moment)

    result = simulate_rewards(numbers(walk=(10, None, 1_800)))

    assert result.activities == {"walk": SimulatedNumber(30, 30, 40)}
    assert result.unlocks == {}


def test_another_reward_is_that_of_further_unlocks(user, activity):
    AchievementFactory(key="rich", criterion="total_xp", threshold=50, xp_reward=100)
    record_activity(user, "walk", quantity=4)
    proposal = RewardProposal({"walk": ActivityNumbers(15)}, {"rich": 7})

    result = simulate_rewards(proposal)

    assert result.followed == SimulatedNumber(0, 0, 7)


def test_a_total_out_of_range_is_left_as_it_is(user, activity):
    record_activity(user, "walk")
    adjust_xp(user, amount=2**53 - 20, note="All there is.")

    result = simulate_rewards(numbers(walk=(1_000, None)))

    assert (result.activities, moved(result)) == (
        {"walk": SimulatedNumber(10, 10, 1_000)},
        (0, 0),
    )


def test_levels_of_very_many_users_are_those_of_a_sample(activity, monkeypatch):
    monkeypatch.setattr(effects, "MOST", 4)
    for quantity in (1, 1, 1, 1, 4, 4, 4, 4):
        record_activity(UserFactory(), "walk", quantity=quantity)

    result = simulate_rewards(numbers(walk=(15, None)))

    assert (result.played, result.population, result.is_exact) == (4, 8, False)
    assert result.activities == {"walk": SimulatedNumber(200, 200, 300)}
    assert result.raised.low <= 4 <= result.raised.high


def test_a_sample_of_very_many_users_is_extrapolated(activity, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 5 * 30)
    users = UserFactory.create_batch(10)
    for user in users:
        record_activity(user, "walk", quantity=4)

    result = simulate_rewards(numbers(walk=(15, 3)))

    # Whichever five are looked at, all ten are alike.
    assert (result.every, result.activities) == (
        2,
        {"walk": SimulatedNumber(400, 400, 450)},
    )
    assert result.levels == {1: SimulatedNumber(10, 10, 10)}


def test_a_cooldown_is_counted_for_a_smaller_sample(activity, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 10 * 30)
    for user in UserFactory.create_batch(10):
        record_activity(user, "walk")

    result = simulate_rewards(
        RewardProposal({"walk": ActivityNumbers(15, cooldown=60)})
    )

    assert result.every == 4


@pytest.fixture
def doubled():
    """A boost that doubles all XP in March 2026."""
    march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    BoostFactory(starts_at=march, ends_at=april, boosts_achievements=True)


def test_another_reward_of_an_achievement_is_boosted_as_it_was(user, doubled):
    AchievementFactory(key="walker", criterion="active_days", threshold=1, xp_reward=40)
    ActivityFactory(key="swim")
    swims(user, 1)

    result = simulate_rewards(RewardProposal(achievements={"walker": 50}))

    assert result.achievements == {"walker": SimulatedNumber(80, 80, 100)}


def test_a_cooldown_is_counted_with_boosts(user, doubled):
    ActivityFactory(key="swim")
    swims(user, 3, 2)

    result = simulate_rewards(numbers(swim=(10, None, 7200)))

    assert result.activities == {"swim": SimulatedNumber(40, 40, 20)}
