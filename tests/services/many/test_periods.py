from __future__ import annotations

from datetime import date, timedelta

import pytest

from gamification.exceptions import (
    InvalidSpanError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.models import Job
from gamification.services import adjust_xp, award_achievement, record_activity
from gamification.signals import entry_reversed
from gamification.staff import (
    Act,
    begin_take_back,
    preview_take_back,
    run_next_step,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW
from tests.services.many.conftest import finish

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

WEEK = {"since": date(2026, 6, 1), "until": date(2026, 6, 7)}
ALL = Act(kind="reversal", note="Cheated.", **WEEK)


def record(user, day, activity="walk"):
    when = NOW.replace(day=day)
    return record_activity(user, activity, occurred_at=when, historical=True).entry


@pytest.fixture
def swim():
    return ActivityFactory(key="swim", xp_reward=30)


@pytest.fixture
def cheat(swim):
    """A user with records before, in, and after the week."""
    user = UserFactory()
    for day in (1, 5, 7, 8):
        record(user, day)
    record(user, 3, "swim")
    record_activity(user, "walk", occurred_at=NOW - timedelta(days=20), historical=True)
    return user


def test_a_week_of_one_user_is_taken_back(cheat, staff):
    friend = UserFactory()
    record(friend, 3)

    job = finish(begin_take_back(ALL, user=cheat, actor=staff))

    assert (profile_of(cheat).total_xp, profile_of(cheat).active_days) == (20, 2)
    assert profile_of(friend).total_xp == 10
    assert (job.total, job.done, job.xp) == (1, 1, -60)
    entry = ledger_of(cheat)[-1]
    assert (entry.kind, entry.job, entry.actor, entry.note) == (
        "reversal",
        job,
        staff,
        "Cheated.",
    )


def test_only_one_activity_is_taken_back_if_that_was_asked_for(cheat, staff):
    act = Act(kind="reversal", activity="swim", **WEEK)
    record(UserFactory(), 3)

    assert preview_take_back(act).asked == 1
    job = finish(begin_take_back(act, user=cheat, actor=staff))

    assert (profile_of(cheat).total_xp, job.xp) == (50, -30)


def test_a_week_of_everybody_is_taken_back(staff, two_at_a_time):
    users = UserFactory.create_batch(5)
    for user in users:
        record(user, 3)
        record(user, 9)
    UserFactory()
    idle = UserFactory()
    record(idle, 9)

    job = finish(begin_take_back(ALL, actor=staff))

    assert [profile_of(user).total_xp for user in (*users, idle)] == [10] * 6
    assert (job.total, job.done, job.xp) == (5, 5, -50)


@pytest.mark.parametrize(("looked_at", "looks"), [(1, 1), (1, 20), (3, 1), (2, 2)])
def test_no_user_is_passed_over(monkeypatch, looked_at, looks, two_at_a_time):
    module = "gamification.services.many.periods"
    monkeypatch.setattr(f"{module}.LOOKED_AT_ONCE", looked_at)
    monkeypatch.setattr(f"{module}.LOOKS", looks)
    users = UserFactory.create_batch(7)
    for user in users[::2]:
        record(user, 3)
    for user in users:
        record(user, 9)

    job = finish(begin_take_back(ALL, actor=None))

    assert [profile_of(user).total_xp for user in users] == [10] * 7
    assert job.done == 4


def test_awards_and_adjustments_stay(cheat, staff):
    AchievementFactory(key="medal", xp_reward=50)
    record(cheat, 4)
    award_achievement(cheat, "medal")
    adjust_xp(cheat, amount=7, note="A gift.")
    everywhere = Act(kind="reversal", since=date(2026, 1, 1), until=date(2026, 12, 31))

    finish(begin_take_back(everywhere, user=cheat, actor=staff))

    assert profile_of(cheat).total_xp == 57
    assert held_by(cheat) == {"medal"}


def test_a_revocable_achievement_goes_with_the_records(cheat, staff):
    for key, revocable in (("kept", False), ("lost", True)):
        AchievementFactory(
            key=key,
            criterion="active_days",
            threshold=6,
            revocable=revocable,
            xp_reward=1,
        )
    record(cheat, 2)
    assert held_by(cheat) == {"kept", "lost"}

    job = finish(begin_take_back(ALL, user=cheat, actor=staff))

    assert held_by(cheat) == {"kept"}
    assert job.xp == -71


def test_taking_back_twice_changes_nothing_more(cheat, staff):
    finish(begin_take_back(ALL, user=cheat, actor=staff))

    job = finish(begin_take_back(ALL, user=cheat, actor=staff))
    nobody = finish(begin_take_back(ALL, actor=staff))

    assert (job.done, job.skipped, job.xp) == (1, 1, 0)
    assert [row.reason for row in job.users.all()] == ["The user has no such records."]
    assert (nobody.total, nobody.done, nobody.xp) == (0, 0, 0)


def test_a_site_hears_of_each_record(cheat, django_capture_on_commit_callbacks):
    heard = []
    entry_reversed.connect(receiver := lambda outcome, **sent: heard.append(outcome))

    with django_capture_on_commit_callbacks(execute=True):
        finish(begin_take_back(ALL, user=cheat, actor=None))
    entry_reversed.disconnect(receiver)

    assert [outcome.credited for outcome in heard] == [-10, -10, -10, -30]


def test_a_preview_says_what_the_job_then_does(cheat):
    friend = UserFactory()
    record(friend, 7)
    before = everything()

    one, both = preview_take_back(ALL, user=cheat), preview_take_back(ALL)

    assert everything() == before
    assert (one.users, one.xp, one.lowered) == (1, -60, 1)
    assert (both.users, both.xp, both.asked) == (2, -70, 2)
    assert finish(begin_take_back(ALL, actor=None)).xp == -70


@pytest.mark.parametrize(
    ("act", "user", "error"),
    [
        (Act(kind="reversal", since=date(2026, 6, 1)), None, InvalidSpanError),
        (
            Act(kind="reversal", since=date(2026, 6, 2), until=date(2026, 6, 1)),
            None,
            InvalidSpanError,
        ),
        (Act(kind="reversal", activity="none", **WEEK), None, UnknownActivityError),
        (ALL, "nobody", UnknownUserError),
    ],
)
def test_an_impossible_period_does_not_begin(act, user, error):
    with pytest.raises(error):
        begin_take_back(act, user=user, actor=None)

    assert not Job.objects.exists()


def test_an_activity_may_be_deleted_meanwhile(user, swim):
    act = Act(kind="reversal", activity="swim", **WEEK)
    begun = begin_take_back(act, user=user, actor=None)
    swim.delete()

    job = finish(begun)

    assert (job.done, job.skipped, job.xp) == (1, 1, 0)


def test_a_user_who_is_deleted_meanwhile_is_passed_over(cheat):
    job = begin_take_back(ALL, user=cheat, actor=None)
    cheat.delete()

    assert finish(job).done == 0


def test_users_who_are_deleted_meanwhile_end_no_job_later(two_at_a_time, monkeypatch):
    monkeypatch.setattr("gamification.services.many.periods.LOOKED_AT_ONCE", 2)
    users = sorted(UserFactory.create_batch(4), key=lambda user: user.pk)
    for user in users:
        record(user, 3)
    job = run_next_step(begin_take_back(ALL, actor=None).pk, actor=None)
    for user in users[2:]:
        user.delete()

    job = run_next_step(job.pk, actor=None)

    assert (job.state, job.done) == ("finished", 2)
