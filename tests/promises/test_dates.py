"""On which date something counts, and on which an achievement was met."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.core.checks import run_checks

from gamification.models import (
    Achievement,
    Activity,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    ActivityRecord,
    get_calendar,
    get_progress,
    record_activities,
    record_activity,
    set_time_zone,
)
from gamification.staff import (
    RecalculationScope,
    backfill_achievement,
    begin_recalculation,
    run_next_step,
)
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import ledger_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def june(day, hour=9):
    return datetime(2026, 6, day, hour, tzinfo=UTC)


def import_days(user, *days):
    """Record a walk on each of these days of June, silently."""
    records = [ActivityRecord(user, "walk", june(day)) for day in days]
    record_activities(records, historical=True, celebrate=False)


def unlocked_on(user):
    """Return the day of June of the user's one unlock, which its XP has too."""
    unlock = UserAchievement.objects.get(user=user)
    [reward] = [entry for entry in ledger_of(user) if entry.kind == "achievement"]
    assert unlock.unlocked_at == reward.occurred_at
    assert reward.local_date == reward.occurred_at.date()
    return reward.local_date.day


def achievement(criterion, threshold, **fields):
    if criterion == "activity_count":
        fields["activity"] = Activity.objects.get(key="walk")
    return AchievementFactory(
        key="it", criterion=criterion, threshold=threshold, xp_reward=5, **fields
    )


def test_a_streak_that_is_imported_from_its_end_is_met_on_its_last_day(user):
    achievement("longest_streak", 7)
    import_days(user, 5, 6, 7, 8)

    import_days(user, 1, 2, 3, 4)

    assert unlocked_on(user) == 7


@pytest.mark.parametrize(
    ("criterion", "threshold"),
    [("activity_count", 3), ("active_days", 3), ("total_xp", 30)],
)
def test_what_is_recorded_backwards_is_met_on_the_last_date(user, criterion, threshold):
    achievement(criterion, threshold)

    for day in (3, 2, 1):
        import_days(user, day)

    assert unlocked_on(user) == 3


def test_the_date_of_an_unlock_stays_when_earlier_records_arrive(user):
    achievement("activity_count", 3)
    import_days(user, 6, 7, 8)

    import_days(user, 1, 2, 3)

    assert unlocked_on(user) == 8


CRITERIA = [
    ("activity_count", 3),
    ("active_days", 3),
    ("longest_streak", 3),
    ("total_xp", 30),
]


@pytest.mark.parametrize("days", [(8, 9, 10), (8, 10, 9), (10, 9, 8), (9, 10, 8)])
@pytest.mark.parametrize(("criterion", "threshold"), CRITERIA)
def test_live_recording_and_a_backfill_agree_on_the_date(
    user, criterion, threshold, days
):
    other = UserFactory()
    it = achievement(criterion, threshold)
    import_days(user, *days[:2])
    import_days(user, days[2])
    Achievement.objects.filter(pk=it.pk).update(status="draft")
    import_days(other, *days)
    Achievement.objects.filter(pk=it.pk).update(status="active")

    backfill_achievement("it")

    assert (unlocked_on(user), unlocked_on(other)) == (10, 10)


def test_a_backlog_is_dated_in_the_zone_that_was_chosen_before_it(user):
    set_time_zone(user, "America/Los_Angeles")

    for hour in (5, 17):
        record_activity(user, "walk", occurred_at=june(9, hour))

    days = get_calendar(user, since=date(2026, 6, 1), until=date(2026, 6, 10))
    assert [day.date.day for day in days] == [8, 9]
    assert get_progress(user).streak.longest == 2


def test_a_choice_after_the_first_entry_counts_only_forward(user):
    record_activity(user, "walk", occurred_at=june(9, 5))
    set_time_zone(user, "America/Los_Angeles")

    outcome = record_activity(user, "walk", occurred_at=june(9, 17))

    assert outcome.entry.local_date == date(2026, 6, 9)


def lose_zone(*users):
    """Let the zone of users be one that nobody knows."""
    UserGamification.objects.filter(user__in=users).update(
        time_zone="Mars/Phobos", zone_history=[[0, "Mars/Phobos"]]
    )


@pytest.fixture
def lost(user):
    """A user with one walk, whose zone the system has lost since."""
    record_activity(user, "walk")
    lose_zone(user)
    return user


def test_a_user_whose_zone_was_lost_sees_their_progress(lost):
    answer = client_of(lost).get(f"{API}me/")

    assert answer.status_code == 200
    assert get_progress(lost).level.total_xp == 10


def test_a_user_whose_zone_was_lost_records_in_that_of_the_site(lost):
    outcome = record_activity(lost, "walk")

    assert outcome.entry.local_date == date(2026, 6, 10)
    assert outcome.total_xp == 20


def test_a_lost_zone_stops_nobody_in_a_batch(lost):
    users = [UserFactory(), lost, UserFactory()]

    report = record_activities([ActivityRecord(user, "walk") for user in users])

    assert (report.recorded, report.refused) == (3, 0)


def test_a_lost_zone_stops_no_job(lost, staff, activity):
    other = UserFactory()
    record_activity(other, "walk")
    activity.xp_reward = 25
    activity.save()
    scope = RecalculationScope(["walk"], date(2026, 6, 1), date(2026, 6, 10))
    job = begin_recalculation(scope, actor=staff)

    while job.finished_at is None:
        job = run_next_step(job.pk, actor=staff)

    totals = [get_progress(user).level.total_xp for user in (lost, other)]
    assert totals == [25, 25]


def test_a_user_whose_zone_was_lost_can_choose_another(lost):
    change = set_time_zone(lost, "Asia/Tokyo")

    assert change.time_zone == get_progress(lost).time_zone == "Asia/Tokyo"


def test_a_check_says_how_many_users_have_a_zone_that_was_lost(lost):
    other = UserFactory()
    record_activity(other, "walk")
    lose_zone(other)

    messages = run_checks(databases=["default"])

    [warning] = [each for each in messages if "Mars/Phobos" in each.msg]
    assert "2 users" in warning.msg


@pytest.mark.parametrize(
    ("sent", "stored"),
    [("Asia/Calcutta", "Asia/Kolkata"), ("Europe/Kiev", "Europe/Kyiv")],
)
def test_a_name_that_browsers_still_send_is_stored_as_the_present_one(
    user, sent, stored
):
    change = set_time_zone(user, sent)

    assert change.time_zone == stored
    assert UserGamification.objects.get(user=user).time_zone == stored


def test_a_day_that_a_zone_skipped_does_not_break_a_streak(user, server_clock):
    server_clock.move_to(datetime(2012, 1, 2, tzinfo=UTC))
    set_time_zone(user, "Pacific/Apia")

    # 20:00 in Apia on the 28th, 29th and 31st; there was no 30th.
    for instant in ("29T06", "30T06", "31T06"):
        at = datetime.fromisoformat(f"2011-12-{instant}:00:00+00:00")
        record_activity(user, "walk", occurred_at=at, historical=True)

    assert get_progress(user).streak.longest == 3
