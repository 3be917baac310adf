"""Repairs for everybody as a job."""

from __future__ import annotations

import pytest

from gamification import maintenance
from gamification.exceptions import InvalidTextError, NotRepairableError
from gamification.models import RepairedDate, StreakFreeze, UserAchievement
from gamification.services import get_streaks
from gamification.services.streaks.repairs import jobs as repair_jobs
from gamification.staff import (
    abandon_job,
    begin_repairs,
    begin_undo,
    grant_freezes,
    pause_job,
    repair_streak,
    resume_job,
    run_next_step,
)
from tests.factories import AchievementFactory, UserFactory
from tests.services.streaks.conftest import november

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(act):
    """Three users whom an outage on the 3rd broke."""
    users = [UserFactory() for _ in range(3)]
    for who in users:
        act(1, 2, 4, who=who)
    return users


@pytest.fixture
def one_at_a_time(monkeypatch):
    monkeypatch.setattr(repair_jobs, "USERS_AT_ONCE", 1)
    monkeypatch.setattr(repair_jobs, "UNDONE_AT_ONCE", 1)


def begin(actor=None):
    return begin_repairs([november(3)], actor=actor, note="Down.")


def finish(job):
    while job.finished_at is None:
        job = run_next_step(job.pk, actor=None)
        assert job.error == ""
    return job


def award_keys(user):
    rows = UserAchievement.objects.filter(user=user, revoked_at=None)
    return [*rows.values_list("achievement__key", flat=True)]


def streaks(users):
    return [get_streaks(user)[0].current for user in users]


def test_a_job_repairs_everybody_whom_the_dates_broke(broken, staff, act, on):
    act(4)
    with on(4):
        begun = begin(staff)
        assert (begun.kind, begun.total, streaks(broken)) == ("repair", 3, [1, 1, 1])

        job = finish(begun)

        assert streaks(broken) == [3, 3, 3]
    assert (job.done, job.xp, job.fraction) == (3, 0, 1.0)
    rows = {(row.actor, row.note, row.job) for row in RepairedDate.objects.all()}
    assert rows == {(staff, "Down.", job)}


@pytest.mark.usefixtures("one_at_a_time")
def test_a_job_goes_on_where_it_was_paused(broken, on):
    with on(4):
        job = run_next_step(begin().pk, actor=None)
        pause_job(job.pk, actor=None)
        run_next_step(job.pk, actor=None)
        assert sorted(streaks(broken)) == [1, 1, 3]
        resume_job(job.pk, actor=None)

        assert finish(job).done == 3
        assert streaks(broken) == [3, 3, 3]


@pytest.mark.usefixtures("one_at_a_time")
def test_a_job_is_taken_back(broken, on):
    with on(4):
        job = finish(begin())

        undo = finish(begin_undo(job.pk, actor=None))

        assert (undo.total, undo.done) == (3, 3)
        assert streaks(broken) == [1, 1, 1]
    assert not RepairedDate.objects.exists()
    assert [*maintenance.reconcile()] == []


def test_what_others_repaired_stays(broken, on):
    with on(4):
        repair_streak(broken[0], [november(3)], actor=None, note="By hand.")
        job = finish(begin())

        finish(begin_undo(job.pk, actor=None))

        assert (job.total, streaks(broken)) == (2, [3, 1, 1])


@pytest.mark.usefixtures("one_at_a_time")
def test_an_abandoned_job_is_taken_back(broken, on):
    with on(4):
        job = run_next_step(begin().pk, actor=None)
        abandon_job(job.pk, actor=None)

        undo = finish(begin_undo(job.pk, actor=None))

        assert (undo.done, streaks(broken)) == (1, [1, 1, 1])


def test_what_users_unlocked_thanks_to_a_repair_stays(act, on, user):
    medal = AchievementFactory(criterion="longest_streak", threshold=4)
    act(1, 2, 4)
    with on(4):
        job = finish(begin())
    act(5)
    assert award_keys(user) == [medal.key]

    with on(5):
        finish(begin_undo(job.pk, actor=None))

        assert [*maintenance.reconcile()] == []
        assert (streaks([user]), award_keys(user)) == ([2], [medal.key])


def test_freezes_that_a_repair_gave_back_are_used_again(act, on, user):
    act(1)
    with on(1):
        grant_freezes(user, 1)
    act(4)
    with on(4):
        job = finish(begin_repairs([november(3)], actor=None, note="Down."))
        assert [get_streaks(user)[0].current, get_streaks(user)[0].freezes] == [2, 0]

        finish(begin_undo(job.pk, actor=None))

        assert [get_streaks(user)[0].current, get_streaks(user)[0].freezes] == [1, 1]
    kinds = StreakFreeze.objects.order_by("id").values_list("kind", flat=True)
    assert [*kinds] == ["granted", "used", "returned"]


def test_dates_and_note_are_checked_before_a_job_begins(db):
    with pytest.raises(NotRepairableError):
        begin_repairs([], actor=None, note="Down.")
    with pytest.raises(InvalidTextError):
        begin_repairs([november(3)], actor=None, note="")
