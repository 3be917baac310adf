from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError

from gamification.exceptions import (
    AchievementNotActiveError,
    IdempotencyConflictError,
    InvalidKeyError,
    InvalidTextError,
    StorageError,
    UnknownAchievementError,
    UnknownJobError,
    UnknownUserError,
)
from gamification.models import (
    Achievement,
    Celebration,
    Job,
    JobUser,
    LedgerEntry,
    UserAchievement,
)
from gamification.services import (
    adjust_xp,
    award_achievement,
    job_steps,
    record_activity,
)
from gamification.services.catalogue.backfill import jobs as backfill_jobs
from gamification.services.catalogue.backfill.jobs import unfinished_backfills
from gamification.services.job_steps import LEASE
from gamification.services.jobs import Step, begin_job, find_job
from gamification.staff import (
    Act,
    begin_backfill,
    begin_list,
    begin_take_back,
    run_next_step,
)
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def medal(activity):
    """What five users earned before it could be earned."""
    users = UserFactory.create_batch(5)
    for user in users:
        record_activity(user, "walk")
    UserFactory()
    return AchievementFactory(
        key="medal", criterion="activity_count", activity=activity, xp_reward=50
    )


@pytest.fixture
def two_at_a_time(monkeypatch):
    monkeypatch.setattr(backfill_jobs, "USERS_IN_A_STEP", 2)


@pytest.fixture
def job(medal, staff, two_at_a_time):
    return begin_backfill("medal", actor=staff, note="A present.")


def holders():
    return UserAchievement.objects.filter(revoked_at=None).count()


def stands(job):
    """Return how far ``job`` is: users, XP, and whether it is over."""
    job.refresh_from_db()
    return job.done, job.xp, job.finished_at is not None


def stepping(monkeypatch, stepper):
    monkeypatch.setitem(job_steps.STEP_FUNCTIONS, "recalculation", stepper)
    return begin_job("recalculation", parameters={}, total=3, actor=None)


def test_a_job_begins_with_all_that_is_to_do(medal, staff):
    job = begin_backfill("medal", actor=staff, note="A present.", celebrate=True)

    assert (job.kind, job.total, job.actor, stands(job)) == (
        "backfill",
        5,
        staff,
        (0, 0, False),
    )
    assert job.parameters == {
        "achievement": "medal",
        "note": "A present.",
        "internal_note": "",
        "celebrate": True,
    }
    assert holders() == 0


def test_each_step_goes_on_where_the_last_one_ended(job, staff):
    states = []
    while job.finished_at is None:
        job = run_next_step(job.pk, actor=staff)
        states.append((stands(job), holders()))

    assert states == [
        ((2, 100, False), 2),
        ((4, 200, False), 4),
        ((5, 250, True), 5),
    ]


def test_an_award_names_the_user_who_runs_the_step(job):
    other = UserFactory()

    run_next_step(job.pk, actor=other)

    [entry, _] = LedgerEntry.objects.filter(kind="achievement")
    assert (entry.actor, entry.note) == (other, "A present.")


def test_an_award_by_nobody_names_the_user_who_began_the_job(job, staff):
    run_next_step(job.pk, actor=None)

    [entry, _] = LedgerEntry.objects.filter(kind="achievement")
    assert (entry.actor, entry.note) == (staff, "A present.")


def test_an_award_names_the_user_who_goes_on_if_the_first_is_gone(job, staff):
    other = UserFactory()
    staff.delete()

    run_next_step(job.pk, actor=other)

    [entry, _] = LedgerEntry.objects.filter(kind="achievement")
    assert entry.actor == other


@pytest.mark.parametrize(("celebrate", "celebrations"), [(False, 0), (True, 2)])
def test_users_celebrate_if_that_was_asked_for(
    medal, staff, two_at_a_time, celebrate, celebrations
):
    job = begin_backfill("medal", actor=staff, celebrate=celebrate)

    run_next_step(job.pk, actor=staff)

    assert Celebration.objects.filter(kind="achievement").count() == celebrations


def test_a_job_that_is_over_changes_nothing_more(job, staff):
    for _ in range(3):
        run_next_step(job.pk, actor=staff)
    before = everything()

    run_next_step(job.pk, actor=staff)

    assert everything() == before


def test_a_user_who_got_it_meanwhile_gets_it_once(job, staff):
    for user_id in Achievement.objects.get().activity.tallies.values_list("user_id"):
        award_achievement(user_id[0], "medal")
    for _ in range(3):
        job = run_next_step(job.pk, actor=staff)

    assert stands(job) == (0, 0, True)
    assert LedgerEntry.objects.filter(kind="achievement").count() == 5


def test_two_do_not_step_at_once(job, staff, server_clock):
    Job.objects.update(stepping_until=NOW + timedelta(seconds=1))

    stepped = run_next_step(job.pk, actor=staff)

    assert stepped.stepping_until == NOW + timedelta(seconds=1)
    assert holders() == 0


def test_a_step_that_never_ended_keeps_nobody_from_another(job, staff, server_clock):
    Job.objects.update(stepping_until=NOW + LEASE)
    server_clock.shift(LEASE)

    stepped = run_next_step(job.pk, actor=staff)

    assert stepped.stepping_until is None
    assert holders() == 2


@pytest.mark.parametrize(
    "meanwhile", [{"done": 1}, {"cursor": "1"}, {"finished_at": NOW}]
)
def test_a_step_that_somebody_else_has_done_is_undone(
    monkeypatch, user, staff, caplog, meanwhile
):
    def stepper(job, actor_id):
        adjust_xp(user, amount=5, note="A present.")
        Job.objects.update(**meanwhile)
        return Step(1, 5)

    job = stepping(monkeypatch, stepper)

    run_next_step(job.pk, actor=staff)

    assert stands(job) == (0, 0, False)
    assert not LedgerEntry.objects.exists()
    assert caplog.messages == [
        f"Job {job.pk}: a step was undone; somebody else has done it or ended it."
    ]


def test_a_slow_step_is_kept_if_nobody_who_took_over_is_done(monkeypatch, user):
    def stepper(job, actor_id):
        adjust_xp(user, amount=5, note="A present.")
        Job.objects.update(stepping_until=NOW + 2 * LEASE)
        return Step(1, 5)

    job = stepping(monkeypatch, stepper)

    run_next_step(job.pk, actor=None)

    assert stands(job) == (1, 5, True)
    assert LedgerEntry.objects.count() == 1


def test_a_step_that_is_interrupted_is_done_again(monkeypatch, user, server_clock):
    def stepper(job, actor_id):
        adjust_xp(user, amount=5, note="A present.")
        if server_clock_is_early():
            raise KeyboardInterrupt
        return Step(1, 5)

    def server_clock_is_early():
        return Job.objects.get().stepping_until == NOW + LEASE

    job = stepping(monkeypatch, stepper)
    with pytest.raises(KeyboardInterrupt):
        run_next_step(job.pk, actor=None)
    server_clock.shift(LEASE)

    run_next_step(job.pk, actor=None)

    assert stands(job) == (1, 5, True)
    assert LedgerEntry.objects.count() == 1


def test_a_job_keeps_the_error_of_its_step(job, staff):
    run_next_step(job.pk, actor=staff)
    Achievement.objects.update(status="retired")

    stepped = run_next_step(job.pk, actor=staff)

    assert stepped.error == (
        f"{job.parameters['achievement']!r} is retired: only an active achievement can "
        "be awarded."
    )
    assert stepped.stepping_until is None
    assert stands(job) == (2, 100, False)


def test_a_job_goes_on_once_nothing_is_wrong_any_more(job, staff):
    Achievement.objects.update(status="retired")
    run_next_step(job.pk, actor=staff)
    Achievement.objects.update(status="active")

    stepped = run_next_step(job.pk, actor=staff)

    assert (stepped.error, stands(job)) == ("", (2, 100, False))


def test_a_step_that_the_database_refused_may_be_tried_again(monkeypatch):
    def stepper(job, actor_id):
        raise StorageError

    job = stepping(monkeypatch, stepper)

    stepped = run_next_step(job.pk, actor=None)

    assert stepped.error.startswith("The database did not confirm the change")


def test_keys_of_users_are_kept_as_text(monkeypatch):
    last = UUID(int=7)
    job = stepping(monkeypatch, lambda job, actor_id: Step(1, 5, str(last)))

    assert run_next_step(job.pk, actor=None).cursor == str(last)


@pytest.mark.parametrize("number", [0, -1, 999, 10**24])
def test_an_unknown_job_is_refused(db, number):
    with pytest.raises(UnknownJobError):
        run_next_step(number, actor=None)
    with pytest.raises(UnknownJobError):
        find_job(number)


def test_the_actor_of_a_step_must_exist(job):
    with pytest.raises(UnknownUserError):
        run_next_step(job.pk, actor="nobody")


@pytest.mark.parametrize(
    ("key", "options", "error"),
    [
        ("no_such", {}, UnknownAchievementError),
        ("draft", {}, AchievementNotActiveError),
        ("medal", {"note": "n" * 2_001}, InvalidTextError),
        ("medal", {"actor": "nobody"}, UnknownUserError),
    ],
)
def test_a_job_that_cannot_be_done_does_not_begin(medal, key, options, error):
    AchievementFactory(key="draft", status="draft")

    with pytest.raises(error):
        begin_backfill(key, **{"actor": None, **options})

    assert not Job.objects.exists()


def test_runs_that_still_award_an_achievement_are_known(job, medal, staff):
    later = begin_backfill("medal", actor=staff)
    AchievementFactory(key="other")
    begin_backfill("other", actor=staff)
    Job.objects.filter(pk=job.pk).update(finished_at=NOW)

    assert list(unfinished_backfills(medal)) == [later]


def test_the_user_who_began_a_job_is_logged(
    medal, staff, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(logging.INFO, "gamification")

    with django_capture_on_commit_callbacks(execute=True):
        job = begin_backfill("medal", actor=staff)

    assert caplog.messages == [f"Job {job.pk}: backfill begun by user {staff.pk}."]


GIFT = Act(kind="adjustment", amount=10, note="A gift.")
PERIOD = Act(kind="reversal", since=NOW.date(), until=NOW.date(), note="A fault.")


def test_a_job_with_a_key_begins_once(user, staff):
    first, again = (
        begin_list(GIFT, [user, staff], actor=staff, key="may") for _ in range(2)
    )

    assert (again, first.is_replay, again.is_replay) == (first, False, True)
    assert (Job.objects.count(), JobUser.objects.count()) == (1, 2)


def test_a_job_with_a_key_is_the_same_after_its_achievement_was_switched_off(user):
    AchievementFactory(key="medal")
    act = Act(kind="award", achievement="medal")
    first = begin_list(act, [user], actor=None, key="may")
    Achievement.objects.update(status="draft")

    assert begin_list(act, [user], actor=None, key="may") == first


def test_a_job_that_another_call_began_at_the_same_time_is_returned():
    values = {"parameters": {}, "total": 1, "actor": None, "key": "may"}
    first, again = (begin_job("reversal", **values, request="x") for _ in range(2))

    assert (again, again.is_replay) == (first, True)


def test_a_job_that_takes_back_a_period_begins_once_with_a_key(activity, staff):
    first, again = (begin_take_back(PERIOD, actor=staff, key="may") for _ in range(2))

    assert (again, again.is_replay) == (first, True)


def test_a_job_with_a_key_is_the_same_after_its_user_was_deleted(user, activity):
    pk = user.pk
    first = begin_list(GIFT, [pk], actor=None, key="may")
    back = begin_take_back(PERIOD, user=pk, actor=None, key="june")
    user.delete()

    assert begin_list(GIFT, [pk], actor=None, key="may") == first
    assert begin_take_back(PERIOD, user=pk, actor=None, key="june") == back


@pytest.mark.parametrize("amount", [10, 11])
def test_the_key_of_a_job_stands_for_no_other_one(user, staff, amount):
    begin_list(GIFT, [user, staff], actor=staff, key="may")
    other = Act(kind="adjustment", amount=amount, note="A gift.")

    with pytest.raises(IdempotencyConflictError, match="'may' was used before"):
        begin_list(
            other, [user] if amount == 10 else [user, staff], actor=staff, key="may"
        )

    assert Job.objects.count() == 1


def test_a_key_of_a_job_belongs_to_its_actor(user, staff):
    actors = [staff, user, None, None]

    jobs = {begin_list(GIFT, [user], actor=each, key="may").pk for each in actors}

    assert len(jobs) == 3


def test_a_key_of_a_job_is_checked(user):
    with pytest.raises(InvalidKeyError):
        begin_list(GIFT, [user], actor=None, key="")


def test_other_errors_of_the_database_have_nothing_to_do_with_keys(user):
    job = begin_list(GIFT, [user], actor=None)
    begin_job("undo", parameters={}, total=1, actor=None, undoes=job, key="may")

    with pytest.raises(IntegrityError):
        begin_job("undo", parameters={}, total=1, actor=None, undoes=job, key="june")
