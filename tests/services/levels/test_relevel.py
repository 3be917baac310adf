from __future__ import annotations

from random import Random

import pytest

from gamification.exceptions import JobStateError, LevelsPinnedError
from gamification.maintenance import reconcile
from gamification.models import Celebration, Job, Level
from gamification.services import (
    adjust_xp,
    award_achievement,
    get_progress,
    record_activity,
)
from gamification.staff import (
    LevelRule,
    abandon_job,
    begin_releveling,
    begin_undo,
    exclude_user,
    get_levels,
    make_table,
    pause_job,
    preview_levels,
    relevel_users,
    resume_job,
    run_next_step,
)
from gamification.testing import captured_signals
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import held_by, ledger_of, profile_of
from tests.services.levels.conftest import save
from tests.services.many.conftest import finish, totals
from tests.services.many.test_random_games import make_game

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def climbers(activity):
    """Users with 40, 80, 120 and 160 XP, on levels 1, 2, 2 and 3."""
    users = UserFactory.create_batch(4)
    for place, user in enumerate(users, start=1):
        record_activity(user, "walk", quantity=4 * place)
    Celebration.objects.all().delete()
    return users


def levels_of(users):
    return [profile_of(user).level for user in users]


def test_users_get_the_levels_of_a_new_table(climbers):
    finish(save(0, 30, 60, 90).job)

    assert levels_of(climbers) == [2, 3, 4, 4]
    assert [profile_of(user).highest_level for user in climbers] == [2, 3, 4, 4]


def test_the_highest_level_of_those_who_fall_stays(climbers):
    finish(save(0, 1_000).job)

    assert levels_of(climbers) == [1, 1, 1, 1]
    assert [profile_of(user).highest_level for user in climbers] == [1, 2, 2, 3]


def test_nothing_is_celebrated_and_no_signal_is_sent(climbers):
    AchievementFactory(key="second", criterion="level", threshold=2)

    with captured_signals() as heard:
        finish(save(0, 30, 60, 90).job)

    assert held_by(climbers[0]) == {"second"}
    assert not Celebration.objects.exists()
    assert heard == []


def test_who_rises_unlocks_what_they_then_meet_dated_by_the_ledger(climbers):
    AchievementFactory(key="third", criterion="level", threshold=3, xp_reward=7)
    [walk] = ledger_of(climbers[1])

    job = finish(save(0, 30, 60).job)

    reward = ledger_of(climbers[1])[-1]
    assert (reward.amount, reward.occurred_at) == (7, walk.occurred_at)
    assert (reward.job_id, job.xp) == (job.pk, 14)


def test_counts_of_an_activity_unlock_nothing_until_it_is_done_again(
    climbers, activity
):
    again = {"threshold": 4, "repeat_every": 4, "max_times": None, "xp_reward": 1}
    AchievementFactory(criterion="activity_count", activity=activity, **again)

    preview = preview_levels(make_table([0, 30], ()))
    job = finish(save(0, 30).job)

    assert (preview.effects.unlocks, preview.effects.xp.value, job.xp) == ((), 0, 0)
    assert len(record_activity(climbers[0], "walk").unlocks) == 1


def test_who_falls_keeps_what_they_hold(climbers):
    AchievementFactory(key="third", criterion="level", threshold=3)
    award_achievement(climbers[3], "third")

    finish(save(0, 1_000).job)

    assert held_by(climbers[3]) == {"third"}


def test_excluded_users_change_their_level_and_unlock_nothing(climbers, staff):
    AchievementFactory(key="second", criterion="level", threshold=2)
    exclude_user(climbers[0], reason="Cheated.", actor=staff)

    finish(save(0, 30).job)

    assert profile_of(climbers[0]).level == 2
    assert held_by(climbers[0]) == set()


def test_a_reward_beyond_what_can_be_stored_is_left_out(climbers):
    adjust_xp(climbers[0], amount=2**53 - 41, note="Rich.")
    AchievementFactory(key="top", criterion="level", threshold=31, xp_reward=100)

    finish(save(*range(0, 62, 2)).job)

    assert profile_of(climbers[0]).level == 31
    assert held_by(climbers[0]) == set()


def test_the_level_of_the_highest_total_counts_for_who_fell(climbers):
    adjust_xp(climbers[3], amount=-150, note="Sorry.")

    finish(save(0, 30, 60, 90).job)

    assert profile_of(climbers[3]).level == 1
    assert profile_of(climbers[3]).highest_level == 4


def test_without_users_there_is_nothing_to_do():
    assert relevel_users().after is None


def test_users_are_taken_in_order_without_a_job(climbers):
    job = save(0, 30, 60, 90).job

    first = relevel_users(limit=3)
    rest = relevel_users(after=first.after, limit=3)

    assert (first.moved, rest.moved, rest.after) == (3, 1, None)
    finish(job)


def test_an_undone_table_leaves_a_higher_level_of_before(climbers):
    finish(save(0, 10, 20, 30, 40).job)
    finish(save(0, 1_000).job)

    job = finish(save(0, 30).job)
    finish(begin_undo(job.pk, actor=None))

    assert [profile_of(user).highest_level for user in climbers] == [5, 5, 5, 5]


def test_an_undone_table_lowers_the_highest_level_of_who_unlocked_something(climbers):
    AchievementFactory(key="second", criterion="level", threshold=2, xp_reward=0)
    job = finish(save(0, 30).job)

    finish(begin_undo(job.pk, actor=None))

    assert (profile_of(climbers[0]).level, held_by(climbers[0])) == (1, set())
    assert profile_of(climbers[0]).highest_level == 1


def test_a_second_run_changes_nothing(climbers):
    finish(save(0, 30, 60, 90).job)
    before = totals()

    done = relevel_users()

    assert (done.moved, done.xp, done.after) == (0, 0, None)
    assert totals() == before


def test_answers_follow_the_table_before_the_job_has_run(climbers):
    job = save(0, 30, 60, 90).job

    progress = get_progress(climbers[2])

    assert (progress.level.level, progress.highest_level) == (4, 4)
    finish(job)


@pytest.mark.usefixtures("two_at_a_time")
def test_a_job_is_paused_resumed_and_abandoned(climbers):
    job = run_next_step(save(0, 30, 60, 90).job.pk, actor=None)
    pause_job(job.pk, actor=None)
    assert run_next_step(job.pk, actor=None).done == 2

    resume_job(job.pk, actor=None)
    assert run_next_step(job.pk, actor=None).done == 4
    job = abandon_job(save(0, 40).job.pk, actor=None)

    assert (job.is_abandoned, job.done) == (True, 0)
    finish(begin_releveling(actor=None))
    assert list(reconcile()) == []


def test_what_the_settings_change_is_made_up_for_by_a_job(climbers, site):
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 1_000)}

    job = finish(begin_releveling(actor=None))

    assert (job.total, job.done, levels_of(climbers)) == (3, 3, [1, 1, 1, 1])
    with pytest.raises(JobStateError, match="changed no levels"):
        begin_undo(job.pk, actor=None)


@pytest.fixture(params=range(3))
def other_table(request, two_at_a_time, monkeypatch):
    """Give users of a game another table: what was before, and the finished job."""
    monkeypatch.setattr("gamification.services.many.undo.USERS_AT_ONCE", 2)
    chance = Random(request.param)
    make_game(chance)
    before = totals(), get_levels()
    return before, finish(save(0, *sorted(chance.sample(range(1, 600), 8))).job)


def test_taking_a_table_back_undoes_all_of_it(other_table):
    (before, table), job = other_table
    assert totals() != before

    undo = finish(begin_undo(job.pk, actor=None))

    assert totals() == before
    assert get_levels() == table
    assert list(reconcile()) == []
    assert undo.undoes == job


def test_an_abandoned_undo_of_a_table_is_completed_by_another(other_table):
    (before, table), job = other_table
    first = run_next_step(begin_undo(job.pk, actor=None).pk, actor=None)
    abandon_job(first.pk, actor=None)

    finish(begin_undo(job.pk, actor=None))

    assert totals() == before
    assert get_levels() == table


def test_names_that_staff_gave_since_stay_when_a_table_is_taken_back(climbers):
    finish(save(0, 30, 60).job)
    Level.objects.filter(number=3).update(name="Master")
    job = finish(save(0, 40).job)
    Level.objects.filter(number=2).update(name="Explorer")

    finish(begin_undo(job.pk, actor=None))

    assert get_levels() == (
        LevelRule(1, 0),
        LevelRule(2, 30, "Explorer"),
        LevelRule(3, 60, "Master"),
    )


def test_a_table_is_not_put_back_over_a_later_one(climbers):
    first = finish(save(0, 30).job)
    finish(save(0, 40).job)

    with pytest.raises(JobStateError, match="changed since"):
        begin_undo(first.pk, actor=None)

    assert [level.threshold for level in get_levels()] == [0, 40]
    assert not Job.objects.filter(kind="undo").exists()


def test_a_pinned_table_is_not_put_back(climbers, settings):
    job = finish(save(0, 30).job)
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 30)}

    with pytest.raises(LevelsPinnedError):
        begin_undo(job.pk, actor=None)

    assert Level.objects.count() == 2
