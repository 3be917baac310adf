from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gamification.models import Achievement
from gamification.services import award_achievement, effects, record_activity
from gamification.staff import (
    apply_definitions,
    changed_reach,
    create_streak,
    get_reach,
    reach_problem,
)
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import statements

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements", "activity"),
]

CRITERIA = [
    "activity_count",
    "active_days",
    "longest_streak",
    "level",
    "total_xp",
    "achievements",
]


@pytest.fixture
def walkers(activity):
    """Three users, with 10, 20 and 30 XP."""
    users = UserFactory.create_batch(3)
    for number, user in enumerate(users, 1):
        record_activity(user, "walk", quantity=number)
    return users


@pytest.mark.usefixtures("walkers")
def test_users_who_meet_it_already_are_counted():
    AchievementFactory(key="rich", name="Rich", criterion="total_xp", threshold=20)

    [reach] = get_reach(["rich"])

    assert (reach.achievement.key, reach.users, reach.problem) == ("rich", 2, "")
    assert reach.notice == (
        "2 users meet “Rich” already, and get it with their next record, or now by a "
        "backfill."
    )


@pytest.mark.usefixtures("walkers")
def test_an_activity_has_to_be_done_again(activity):
    AchievementFactory(
        key="walker",
        name="Walker",
        criterion="activity_count",
        activity=activity,
        threshold=3,
    )

    [reach] = get_reach(["walker"])

    assert reach.notice == (
        "1 user meets “Walker” already, and gets it with the next record of “Walk”, or "
        "now by a backfill."
    )


def test_holders_do_not_count(walkers):
    AchievementFactory(key="rich", criterion="total_xp", threshold=20)
    award_achievement(walkers[2], "rich")

    [reach] = get_reach(["rich"])

    assert reach.users == 1


@pytest.mark.usefixtures("walkers")
@pytest.mark.parametrize(
    ("fields", "users"),
    [
        ({"starts_at": datetime(2026, 6, 11, tzinfo=UTC)}, 0),
        ({"starts_at": datetime(2026, 6, 9, tzinfo=UTC)}, 2),
        ({"repeat_period": "week", "max_times": None}, 2),
    ],
)
def test_only_what_counts_for_a_season_or_a_period_is_counted(activity, fields, users):
    counted = {"criterion": "activity_count", "activity": activity, "threshold": 2}
    AchievementFactory(key="walker", **counted, **fields)

    assert get_reach(["walker"])[0].users == users


@pytest.mark.usefixtures("walkers")
@pytest.mark.parametrize(
    "fields",
    [{"status": "draft"}, {"status": "retired"}, {"criterion": "manual"}],
)
def test_what_nobody_can_earn_has_no_reach(fields):
    AchievementFactory(key="rich", **{"criterion": "total_xp"} | fields)

    assert get_reach(["rich"]) == []


def test_where_nobody_meets_it_there_is_nothing_to_say():
    AchievementFactory(key="rich", criterion="total_xp")

    [reach] = get_reach(["rich"])

    assert (reach.users, reach.notice) == (0, "")


@pytest.mark.parametrize(
    ("criterion", "threshold", "problem"),
    [
        ("level", 30, ""),
        ("level", 31, "There are only 30 levels, so nobody can reach it."),
        ("achievements", 1, ""),
        (
            "achievements",
            2,
            "There is only 1 other achievement, so nobody can reach it.",
        ),
        ("total_xp", 2**53, ""),
    ],
)
def test_a_threshold_that_nobody_can_reach_is_a_problem(criterion, threshold, problem):
    AchievementFactory(key="other", status="retired")
    AchievementFactory(key="draft", status="draft")
    row = AchievementFactory(key="new", criterion=criterion, threshold=threshold)

    [reach] = get_reach(["new"])

    assert (reach.problem, reach_problem(row)) == (problem, problem)
    assert reach_problem(Achievement(criterion=criterion, threshold=5)) == (
        "There are only 2 other achievements, so nobody can reach it."
        if criterion == "achievements"
        else ""
    )


def test_the_levels_are_those_of_the_site(site):
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0,)}

    problem = reach_problem(Achievement(criterion="level", threshold=2))

    assert problem == "There is only 1 level, so nobody can reach it."


def test_a_file_reaches_users_by_what_it_changes():
    record_activity(UserFactory(), "walk")
    AchievementFactory(key="named", criterion="total_xp", name="Old")
    AchievementFactory(key="lowered", criterion="total_xp", threshold=20)
    weekly = create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    AchievementFactory(key="run", criterion="longest_streak", streak=weekly)
    text = """{"format": 1, "activities": [], "achievements": [
        {"key": "named", "name": "New"},
        {"key": "lowered", "threshold": 10},
        {"key": "run", "streak": "daily"},
        {"key": "new", "name": "N", "category": "mastery", "criterion": "active_days"}
    ]}"""

    reaches = changed_reach(apply_definitions(text))

    found = {reach.achievement.key: reach.users for reach in reaches}
    assert found == {"lowered": 1, "run": 1, "new": 1}


def test_a_file_that_changes_nothing_reaches_nobody(django_assert_num_queries):
    text = """{"format": 1, "activities": [], "achievements": []}"""
    differences = apply_definitions(text)

    with django_assert_num_queries(0):
        assert changed_reach(differences) == []


@pytest.mark.usefixtures("walkers")
def test_more_achievements_take_as_many_queries(activity):
    counts = []
    for more in (1, 5):
        for _ in range(more):
            for criterion in CRITERIA:
                counted = activity if criterion == "activity_count" else None
                AchievementFactory(criterion=criterion, activity=counted)
        keys = [*Achievement.objects.values_list("key", flat=True)]
        counts.append(statements(lambda keys=keys: get_reach(keys)))

    assert counts == [4, 4]


@pytest.mark.usefixtures("walkers")
def test_more_achievements_with_conditions_take_as_many_queries():
    tree, keys, counts = {"all": [{"criterion": "level"}]}, [], []

    for _ in range(2):
        keys += [AchievementFactory(criterion="total_xp", conditions=tree).key]
        counts.append(statements(lambda keys=keys: get_reach(keys)))

    assert counts[0] == counts[1]
    assert [reach.users for reach in get_reach(keys)] == [3, 3]


@pytest.mark.usefixtures("walkers")
def test_the_ledgers_are_read_once_for_all_seasons(activity):
    keys, walked = [], {"criterion": "activity_count", "activity": activity}
    for threshold in (1, 2, 3):
        keys += [AchievementFactory(threshold=threshold, **walked).key]
    Achievement.objects.update(starts_at=datetime(2026, 6, 9, tzinfo=UTC))

    users = {reach.achievement.key: reach.users for reach in get_reach(keys)}
    of_one, of_all = (
        statements(lambda keys=keys: get_reach(keys)) for keys in (keys[:1], keys)
    )

    assert users == dict(zip(keys, [3, 2, 1], strict=True))
    # To find those who may meet another one takes two.
    assert of_all - of_one == 4


@pytest.mark.usefixtures("walkers")
def test_when_the_time_is_up_some_users_stand_for_all(activity, monkeypatch):
    monkeypatch.setattr(effects, "TIME", -1)
    monkeypatch.setattr(effects, "USERS_AT_ONCE", 2)
    walked = {"criterion": "activity_count", "activity": activity, "max_times": None}
    AchievementFactory(key="day", repeat_period="day", **walked)
    AchievementFactory(key="week", repeat_period="week", **walked)

    reaches = get_reach(["day", "week"])

    assert [reach.users for reach in reaches] == [3, 3]


# --- Conditions


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        ({"criterion": "level", "threshold": 31}, "level 31"),
        ({"criterion": "achievements", "threshold": 9}, "9 achievements held"),
        ({"all": [{"holds": "draft"}, {"lacks": "draft"}]}, "“Draft” held"),
        (
            {"any": [{"holds": "draft"}, {"criterion": "level", "threshold": 99}]},
            "“Draft” held, level 99",
        ),
    ],
)
@pytest.mark.usefixtures("no_achievements")
def test_conditions_that_nobody_can_meet_are_named(tree, problem):
    AchievementFactory(key="draft", name="Draft", status="draft")
    item = AchievementFactory(criterion="total_xp", conditions=tree)

    text = f"Nobody can meet its further conditions: {problem}."
    assert reach_problem(item) == text


@pytest.mark.usefixtures("no_achievements")
def test_one_condition_that_somebody_can_meet_may_be_enough():
    tree = {"any": [{"criterion": "level", "threshold": 99}, {"criterion": "total_xp"}]}
    item = AchievementFactory(criterion="total_xp", conditions={"all": [tree]})

    assert reach_problem(item) == ""
