from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.exceptions import (
    InvalidRequestError,
    InvalidSpanError,
    InvalidTextError,
    StaleEditError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.leaderboards import get_leaderboard
from gamification.models import (
    ActiveDay,
    Activity,
    ActivityTally,
    Celebration,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    adjust_xp,
    effects,
    get_calendar,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from gamification.services.balance import sql
from gamification.services.balance.recalculation import jobs as recalculation_jobs
from gamification.services.balance.recalculation.recalculating import (
    RecalculationProgress,
)
from gamification.staff import (
    RecalculationScope,
    begin_recalculation,
    preview_recalculation,
    recalculate_xp,
    repair_streak,
    run_next_step,
)
from gamification.values import ActivityCorrection
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import ledger_of, statements

pytestmark = pytest.mark.django_db

#: The server's clock in these tests.
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)


def past(*keys, days=30):
    return RecalculationScope(
        keys or ("walk",), NOW.date() - timedelta(days=days - 1), NOW.date()
    )


def edit(key="walk", **numbers):
    Activity.objects.filter(key=key).update(**numbers)


def total(user):
    return UserGamification.objects.get(user=user).total_xp


@pytest.fixture(autouse=True)
def nothing_is_unlocked(no_achievements):
    pass


def test_each_record_gets_what_the_activity_gives_now(user, activity, staff):
    record_activity(user, "walk", quantity=2, occurred_at=YESTERDAY)
    later = YESTERDAY + timedelta(hours=3)
    record_activity(user, "walk", occurred_at=later, source="kpi:1")
    edit(xp_reward=15)

    done = recalculate_xp(past(), actor=staff, note="It was too little.")

    first, second, *corrections = ledger_of(user)
    assert done == RecalculationProgress(corrected=1, xp=15)
    assert total(user) == 45
    assert {(e.kind, e.corrects, e.amount) for e in corrections} == {
        ("correction", first.pk, 10),
        ("correction", second.pk, 5),
    }


def test_a_correction_belongs_to_the_record_and_has_actor_and_note(
    user, activity, staff
):
    record_activity(user, "walk", occurred_at=YESTERDAY, key="a", source="kpi:1")
    edit(xp_reward=15)

    recalculate_xp(past(), actor=staff, note="It was too little.")

    entry = LedgerEntry.objects.get(kind="correction")
    assert (entry.activity, entry.quantity, entry.rewarded) == (activity, 0, 0)
    assert (entry.occurred_at, entry.local_date) == (YESTERDAY, date(2026, 6, 9))
    assert (entry.recorded_at, entry.xp_reward) == (NOW, 15)
    assert (entry.key, entry.source) == (None, "kpi:1")
    assert (entry.actor, entry.note) == (staff, "It was too little.")


def test_days_and_calendar_have_the_corrections(user, activity):
    record_activity(user, "walk", occurred_at=YESTERDAY)
    record_activity(user, "walk")
    edit(xp_reward=4)

    recalculate_xp(past())

    days = get_calendar(user, since=YESTERDAY.date(), until=NOW.date())
    assert [(day.date.day, day.xp) for day in days] == [(9, 4), (10, 4)]
    assert total(user) == 8


def test_boards_have_the_corrections(user, activity):
    record_activity(user, "walk", occurred_at=YESTERDAY)
    edit(xp_reward=25)

    recalculate_xp(past())

    [first] = get_leaderboard("all").entries
    assert (first.score, first.reached_at) == (25, YESTERDAY)


def test_doing_it_again_changes_nothing(user, activity):
    record_activity(user, "walk")
    edit(xp_reward=15)
    recalculate_xp(past())

    assert recalculate_xp(past()) == RecalculationProgress()
    assert LedgerEntry.objects.count() == 2


def test_tallies_and_streaks_stay_as_they_were(user, activity):
    record_activity(user, "walk", quantity=3)
    edit(xp_reward=15)

    recalculate_xp(past())

    row = UserGamification.objects.get()
    assert ActivityTally.objects.get().count == 3
    assert (row.current_streak, row.active_days) == (1, 1)
    assert ActiveDay.objects.get().activities == 1


def test_a_higher_limit_admits_what_was_withheld(user):
    ActivityFactory(key="swim", daily_limit=2)
    record_activity(user, "swim", quantity=9)
    edit("swim", daily_limit=5)

    recalculate_xp(past("swim"))

    assert total(user) == 50


def test_a_lower_limit_takes_what_is_above_it(user, activity):
    record_activity(user, "walk", quantity=9)
    edit(daily_limit=5)

    recalculate_xp(past())

    assert total(user) == 50


def test_units_withheld_by_a_cooldown_stay_withheld(user):
    ActivityFactory(key="swim", cooldown=60)
    record_activity(user, "swim")
    record_activity(user, "swim")
    edit("swim", xp_reward=15)

    recalculate_xp(past("swim"))

    assert total(user) == 15


def test_late_records_find_the_room_that_is_left(user):
    ActivityFactory(key="swim", daily_limit=2)
    record_activity(user, "swim", quantity=4)
    edit("swim", daily_limit=5)
    recalculate_xp(past("swim"))

    record_activity(user, "swim", quantity=4)

    assert total(user) == 50


def test_units_withheld_under_a_cooldown_stay_withheld_by_a_higher_limit(user):
    ActivityFactory(key="swim", cooldown=60)
    record_activity(user, "swim", quantity=5)
    edit("swim", daily_limit=2)
    recalculate_xp(past("swim"))
    edit("swim", daily_limit=None)

    recalculate_xp(past("swim"))

    assert total(user) == 20


def test_a_limit_that_is_lifted_leaves_no_trace(user, activity):
    record_activity(user, "walk", quantity=5)
    edit(daily_limit=2)
    recalculate_xp(past())
    edit(daily_limit=None)

    recalculate_xp(past())

    assert total(user) == 50


def test_a_reversed_record_is_owed_nothing(user, activity):
    outcome = record_activity(user, "walk", quantity=2)
    reverse_entry(user, entry_id=outcome.entry.id)
    edit(xp_reward=15)

    assert recalculate_xp(past()) == RecalculationProgress()


def test_a_record_reversed_later_takes_its_correction_along(user, activity):
    outcome = record_activity(user, "walk", quantity=2)
    edit(xp_reward=15)
    recalculate_xp(past())

    reverse_entry(user, entry_id=outcome.entry.id)

    assert total(user) == 0
    assert recalculate_xp(past()) == RecalculationProgress()


def test_a_recalculation_back_and_forth_ends_where_it_began(user, activity):
    record_activity(user, "walk", quantity=2)
    for reward in (15, 4, 10):
        edit(xp_reward=reward)
        recalculate_xp(past())

    amounts = [entry.amount for entry in ledger_of(user)]
    assert (amounts, total(user)) == ([20, 10, -22, 12], 20)


def test_a_record_that_earned_nothing_is_corrected_to_the_new_reward(user):
    ActivityFactory(key="swim", daily_limit=1)
    first = record_activity(user, "swim").entry
    record_activity(user, "swim")
    edit("swim", xp_reward=15)
    recalculate_xp(past("swim"))

    reverse_entry(user, entry_id=first.id)

    assert total(user) == 15


def test_other_dates_and_activities_are_left_alone(user, activity):
    ActivityFactory(key="swim")
    record_activity(user, "swim")
    record_activity(user, "walk", occurred_at=YESTERDAY)
    edit(xp_reward=15)
    edit("swim", xp_reward=15)

    assert recalculate_xp(past(days=1)) == RecalculationProgress()


def test_dates_are_those_of_the_user(user, activity):
    set_time_zone(user, "Pacific/Auckland")
    # The site's date is the 10th, theirs the 11th.
    record_activity(user, "walk")
    edit(xp_reward=15)

    assert recalculate_xp(past()) == RecalculationProgress()
    assert (
        recalculate_xp(
            RecalculationScope(["walk"], date(2026, 6, 11), date(2026, 6, 11))
        ).corrected
        == 1
    )


def test_a_user_whose_total_would_fall_below_0_is_left_alone(user, activity):
    record_activity(user, "walk", quantity=10)
    adjust_xp(user, amount=-60, note="A fine.")
    record_activity(other := UserFactory(), "walk", quantity=10)
    edit(xp_reward=5)

    done = recalculate_xp(past())

    assert done == RecalculationProgress(corrected=1, skipped=1, xp=-50)
    assert (total(user), total(other)) == (40, 50)


def test_a_total_that_cannot_be_kept_is_left_alone(user, activity):
    record_activity(user, "walk")
    adjust_xp(user, amount=2**53 - 10, note="A fortune.")
    edit(xp_reward=15)

    assert recalculate_xp(past()) == RecalculationProgress(skipped=1)


def test_a_new_total_unlocks_as_of_when_it_was_reached(user, activity):
    AchievementFactory(key="rich", criterion="total_xp", threshold=60, xp_reward=7)
    record_activity(user, "walk", quantity=3, occurred_at=YESTERDAY)
    record_activity(user, "walk")
    edit(xp_reward=20)

    done = recalculate_xp(past())

    assert done == RecalculationProgress(corrected=1, xp=47)
    assert UserAchievement.objects.get().unlocked_at == YESTERDAY
    assert not Celebration.objects.exists()


def test_a_run_over_a_repaired_date_is_dated_to_its_own_end(user, activity):
    for days in (6, 5, 3, 2):
        then = NOW - timedelta(days=days)
        record_activity(user, "walk", occurred_at=then, historical=True)
    repaired = (NOW - timedelta(days=4)).date()
    repair_streak(user, [repaired], actor=None, note="An outage.")
    AchievementFactory(key="run", criterion="longest_streak", threshold=3)
    edit("walk", xp_reward=11)

    recalculate_xp(past())

    unlock = UserAchievement.objects.get(user=user, achievement__key="run")
    assert unlock.unlocked_at == NOW - timedelta(days=3)


def test_no_level_is_reached_on_the_way_only(user, activity):
    ActivityFactory(key="swim", xp_reward=40)
    record_activity(user, "walk", quantity=4, occurred_at=YESTERDAY)
    record_activity(user, "swim")
    edit(xp_reward=20)
    edit("swim", xp_reward=1)

    recalculate_xp(past("walk", "swim"))

    # 80 + 1 XP, where 80 + 40 were never there.
    row = UserGamification.objects.get()
    assert (row.total_xp, row.level, row.highest_level) == (81, 2, 2)


def test_it_goes_on_where_it_ended(activity):
    users = UserFactory.create_batch(5)
    for user in users:
        record_activity(user, "walk")
    edit(xp_reward=15)

    first = recalculate_xp(past(), limit=2)
    second = recalculate_xp(past(), limit=2, after=first.after)
    third = recalculate_xp(past(), limit=2, after=second.after)

    assert [each.corrected for each in (first, second, third)] == [2, 2, 1]
    assert third.after is None
    assert {total(user) for user in users} == {15}


def test_it_locks_some_users_at_a_time(activity, monkeypatch):
    monkeypatch.setattr(
        "gamification.services.balance.recalculation.recalculating.USERS_AT_ONCE", 2
    )
    for user in UserFactory.create_batch(3):
        record_activity(user, "walk")
    edit(xp_reward=15)

    assert recalculate_xp(past()) == RecalculationProgress(corrected=3, xp=15)


def test_one_query_reads_the_ledgers_of_all_who_unlock_something(activity):
    AchievementFactory(key="rich", criterion="total_xp", threshold=15)
    for user in UserFactory.create_batch(4):
        record_activity(user, "walk")
    edit(xp_reward=15)

    # The rows that tell whose ledgers are short, and the short ones together.
    assert statements(lambda: recalculate_xp(past()), "COUNT(") == 1
    assert UserAchievement.objects.count() == 4


def test_an_edit_since_the_preview_stops_it(user, activity):
    record_activity(user, "walk")
    edit(xp_reward=15)
    tag = preview_recalculation(past()).tag
    edit(xp_reward=16)

    with pytest.raises(StaleEditError):
        recalculate_xp(past(), expected=tag)

    assert total(user) == 10


def test_the_preview_says_what_would_be_done(activity):
    ActivityFactory(key="swim", xp_reward=4, daily_limit=2)
    poor, *users = UserFactory.create_batch(4)
    for user in users:
        record_activity(user, "walk", quantity=4)
        record_activity(user, "swim", quantity=3)
    record_activity(users[0], "walk", quantity=4)
    record_activity(poor, "walk")
    adjust_xp(poor, amount=-10, note="A fine.")
    edit(xp_reward=4)
    edit("swim", daily_limit=3)

    preview = preview_recalculation(past("walk", "swim"))

    # Of 88 XP, beyond the 50 of level 2, 44 stay.
    assert preview.activities == {
        "walk": ActivityCorrection(0, 96),
        "swim": ActivityCorrection(12, 0),
    }
    assert (preview.users, preview.skipped.value) == (3, 1)
    assert (preview.raised, preview.lowered) == (0, 1)


def test_the_preview_plays_some_of_very_many_users(activity, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 5 * 30)
    for user in UserFactory.create_batch(10):
        record_activity(user, "walk", quantity=5)
    edit(xp_reward=9)

    preview = preview_recalculation(past())

    # Whichever five are played, all ten are alike.
    assert (preview.effects.played, preview.effects.population) == (5, 10)
    assert (preview.users, preview.lowered) == (10, 10)
    assert preview.activities == {"walk": ActivityCorrection(0, 50)}


def test_the_preview_plays_some_of_very_many_corrections(activity, monkeypatch):
    monkeypatch.setattr(effects, "MOST", 4)
    for quantity in range(1, 9):
        record_activity(UserFactory(), "walk", quantity=quantity)
    edit(xp_reward=9)

    preview = preview_recalculation(past())

    lost = preview.effects.xp
    assert (preview.effects.played, preview.users) == (4, 8)
    assert lost.low <= -sum(range(1, 9)) <= lost.high
    assert lost.low < lost.value < lost.high < 0


@pytest.mark.usefixtures("activity")
def test_users_who_are_skipped_are_estimated_too(monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 4 * 30)
    for _ in range(8):
        user = UserFactory()
        record_activity(user, "walk")
        adjust_xp(user, amount=-10, note="A fine.")
    edit(xp_reward=9)

    preview = preview_recalculation(past())

    assert (preview.users, preview.skipped.value) == (0, 8)


def test_the_preview_of_a_sample_without_users_is_nothing(activity, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 5 * 30)
    for _ in range(10):
        record_activity(UserFactory(), "walk")

    preview = preview_recalculation(past())

    assert (preview.users, preview.raised, preview.effects.population) == (0, 0, 10)


def test_the_preview_takes_as_many_queries_for_more_users(activity):
    counts = []
    for more in (1, 9):
        for user in UserFactory.create_batch(more):
            record_activity(user, "walk")
        edit(xp_reward=9)
        counts.append(statements(lambda: preview_recalculation(past())))

    assert counts[1] <= counts[0] <= 12


def test_the_preview_of_nothing_is_nothing(user, activity):
    preview = preview_recalculation(past())

    assert preview.activities == {"walk": ActivityCorrection()}
    assert (preview.users, preview.raised, preview.lowered) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_a_sum_by_hand(seed):
    """Records, reversals, edits and recalculations in any order."""
    chance = random.Random(seed)
    ActivityFactory(key="walk")
    ActivityFactory(key="swim", daily_limit=3)
    ActivityFactory(key="job", daily_limit=4, cooldown=3_600)
    users, reversed_ids = UserFactory.create_batch(3), set()
    for _ in range(60):
        match chance.randrange(8):
            case 0:
                limit = chance.choice([None, 1, 3, 6])
                numbers = {"xp_reward": chance.randrange(1, 30), "daily_limit": limit}
                edit(chance.choice(["walk", "swim", "job"]), **numbers)
            case 1:
                recalculate_xp(past("walk", "swim", "job"))
            case 2:
                entry = chance.choice(
                    [None, *LedgerEntry.objects.filter(kind="activity")]
                )
                if entry:
                    reverse_entry(entry.user, entry_id=entry.pk)
                    reversed_ids.add(entry.pk)
            case _:
                record_activity(
                    chance.choice(users),
                    chance.choice(["walk", "swim", "job"]),
                    quantity=chance.randint(1, 4),
                    occurred_at=NOW - timedelta(minutes=chance.randrange(40 * 60)),
                )

    recalculate_xp(past("walk", "swim", "job"))

    assert {user.pk: total_by_hand(user, reversed_ids) for user in users} == {
        user.pk: xp_of(user) for user in users
    }


def xp_of(user):
    row = UserGamification.objects.filter(user=user).first()
    return row.total_xp if row else 0


def total_by_hand(user, reversed_ids):
    """Return what the user's records are worth now, by a loop over all of them."""
    units = {}
    for entry in LedgerEntry.objects.filter(user=user).exclude(kind="reversal"):
        if not {entry.pk, entry.corrects} & reversed_ids:
            what = (entry.activity, entry.local_date)
            counted = entry.rewarded if entry.activity.cooldown else entry.quantity
            units[what] = units.get(what, 0) + counted
    return sum(
        activity.xp_reward * min(count, activity.daily_limit or count)
        for (activity, _), count in units.items()
    )


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (([], date(2026, 6, 1), date(2026, 6, 2)), InvalidRequestError),
        ((["walk"], date(2026, 6, 2), date(2026, 6, 1)), InvalidSpanError),
        ((["walk"], date(2025, 6, 1), date(2026, 6, 1)), InvalidSpanError),
    ],
)
def test_a_past_that_cannot_be_recalculated_is_refused(values, error):
    with pytest.raises(error):
        RecalculationScope(*values)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"scope": past("swim")}, UnknownActivityError),
        ({"actor": 987_654_321}, UnknownUserError),
        ({"note": "x" * 2_001}, InvalidTextError),
        ({"limit": 0}, ValueError),
    ],
)
def test_a_recalculation_that_cannot_be_done_is_refused(user, activity, values, error):
    record_activity(user, "walk")

    with pytest.raises(error):
        recalculate_xp(**{"scope": past(), **values})


def test_where_there_are_no_users_nothing_is_done(activity):
    assert recalculate_xp(past()) == RecalculationProgress()


def test_a_job_corrects_everybody_in_steps(activity, staff, monkeypatch):
    monkeypatch.setattr(recalculation_jobs, "USERS_AT_ONCE", 2)
    for user in UserFactory.create_batch(5):
        record_activity(user, "walk")
    adjust_xp(user, amount=-10, note="A fine.")
    edit(xp_reward=4)
    job = begin_recalculation(
        past(),
        actor=staff,
        note="Too much.",
        expected=preview_recalculation(past()).tag,
    )

    done = []
    while job.finished_at is None:
        job = run_next_step(job.pk, actor=staff)
        done.append(job.done)

    assert (job.total, done) == (5, [2, 4, 5])
    assert (job.skipped, job.xp) == (1, -24)
    assert recalculation_jobs.scope_of(job).activities == ["walk"]


def test_a_step_looks_on_where_little_is_to_correct(activity, staff, monkeypatch):
    monkeypatch.setattr(recalculation_jobs, "USERS_AT_ONCE", 2)
    monkeypatch.setattr(recalculation_jobs, "LOOKS", 2)
    for user in UserFactory.create_batch(7):
        record_activity(user, "walk")
    job = begin_recalculation(past(), actor=staff)

    steps = 0
    while job.finished_at is None:
        job, steps = run_next_step(job.pk, actor=staff), steps + 1

    assert (steps, job.total, job.done) == (2, 0, 0)


def test_a_job_stops_where_an_activity_was_edited(user, activity, staff):
    record_activity(user, "walk")
    edit(xp_reward=15)
    tag = preview_recalculation(past()).tag
    job = begin_recalculation(past(), actor=staff, expected=tag)
    edit(xp_reward=16)

    job = run_next_step(job.pk, actor=staff)

    assert job.finished_at is None
    assert job.error == "Somebody else changed it in the meantime."
    assert total(user) == 10


def test_a_job_about_an_unknown_activity_does_not_begin(staff):
    with pytest.raises(UnknownActivityError):
        begin_recalculation(past("swim"), actor=staff)
