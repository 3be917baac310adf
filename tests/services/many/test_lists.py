from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.exceptions import (
    AchievementNotActiveError,
    InvalidActError,
    InvalidAmountError,
    InvalidRequestError,
    InvalidTextError,
    UnknownAchievementError,
    UnknownUserError,
)
from gamification.models import Celebration, Job, JobUser, LedgerEntry
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    revoke_achievement,
)
from gamification.signals import achievement_revoked, achievement_unlocked, xp_adjusted
from gamification.staff import Act, begin_list, preview_list, run_next_step
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.many.conftest import finish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

AWARD = Act(kind="award", achievement="medal", note="Helped.")
REVOKE = Act(kind="revocation", achievement="medal", note="A mistake.")
GIFT = Act(kind="adjustment", amount=100, note="A gift.")


@pytest.fixture
def medal():
    return AchievementFactory(key="medal", xp_reward=60)


@pytest.fixture
def users(medal):
    return sorted(UserFactory.create_batch(5), key=lambda user: user.pk)


def results(job):
    return [*JobUser.objects.filter(job=job).values_list("result", "reason")]


def test_an_award_reaches_each_user_of_the_list(users, staff):
    stranger = UserFactory()

    job = finish(begin_list(AWARD, users, actor=staff))

    assert [held_by(user) for user in (*users, stranger)] == [{"medal"}] * 5 + [set()]
    assert (job.total, job.done, job.skipped, job.xp) == (5, 5, 0, 300)
    entry = ledger_of(users[0])[0]
    assert (entry.job, entry.actor, entry.note) == (job, staff, "Helped.")


def test_who_holds_it_already_is_skipped_with_the_reason(users, staff):
    award_achievement(users[1], "medal")

    job = finish(begin_list(AWARD, users, actor=staff))

    assert (job.done, job.skipped, job.xp) == (5, 1, 240)
    assert len(ledger_of(users[1])) == 1
    assert results(job)[1] == ("skipped", "The user holds it already.")
    assert results(job)[0] == ("changed", "")


def test_a_revocation_reaches_each_user_who_holds_it(users, staff):
    for user in users[:3]:
        award_achievement(user, "medal")
    revoke_achievement(users[2], "medal")

    job = finish(begin_list(REVOKE, users, actor=staff))

    assert [held_by(user) for user in users] == [set()] * 5
    assert (job.done, job.skipped, job.xp) == (5, 3, -120)
    assert [reason for _, reason in results(job)] == [
        "",
        "",
        "It was revoked before.",
        "The user does not hold 'medal'.",
        "The user does not hold 'medal'.",
    ]


def test_an_adjustment_reaches_each_user_who_has_the_xp(users, staff):
    adjust_xp(users[0], amount=30, note="Found.")

    job = finish(
        begin_list(Act(kind="adjustment", amount=-20, note="Lost."), users, actor=staff)
    )

    assert (job.done, job.skipped, job.xp) == (5, 4, -20)
    assert profile_of(users[0]).total_xp == 10
    assert results(job)[1] == ("skipped", "The user has 0 XP; 20 cannot be taken.")


def test_what_follows_is_marked_with_the_job(users, staff):
    AchievementFactory(key="rich", criterion="total_xp", threshold=60, xp_reward=5)

    job = finish(begin_list(AWARD, users[:1], actor=staff))

    assert held_by(users[0]) == {"medal", "rich"}
    assert {entry.job for entry in ledger_of(users[0])} == {job}
    assert job.xp == 65


def test_each_step_goes_on_where_the_last_one_ended(users, staff, two_at_a_time):
    job = begin_list(AWARD, users, actor=staff)

    done = [run_next_step(job.pk, actor=None).done for _ in range(3)]

    assert done == [2, 4, 5]
    assert LedgerEntry.objects.count() == 5


def test_a_step_that_is_repeated_adjusts_nobody_twice(users, staff, two_at_a_time):
    job = begin_list(GIFT, users, actor=staff)
    run_next_step(job.pk, actor=None)
    JobUser.objects.update(result="waiting")

    run_next_step(job.pk, actor=None)

    assert LedgerEntry.objects.count() == 2
    assert results(job)[0] == ("skipped", "The job has adjusted it before.")


@pytest.mark.usefixtures("activity")
def test_no_key_of_a_record_keeps_a_job_from_its_work(users, staff):
    job = begin_list(GIFT, users[:1], actor=staff)
    for number in (0, job.pk):
        record_activity(users[0], "walk", key=f"gamification:job:{number}")

    assert (preview_list(GIFT, users[:1]).xp, finish(job).xp) == (100, 100)


@pytest.mark.parametrize(("celebrate", "number"), [(True, 5), (False, 0)])
def test_users_celebrate_if_that_was_asked_for(
    users, celebrate, number, django_capture_on_commit_callbacks
):
    heard = []
    achievement_unlocked.connect(receiver := lambda **sent: heard.append(sent))
    act = Act(kind="award", achievement="medal", celebrate=celebrate)

    with django_capture_on_commit_callbacks(execute=True):
        finish(begin_list(act, users, actor=None))
    achievement_unlocked.disconnect(receiver)

    assert Celebration.objects.filter(kind="achievement").count() == number
    assert len(heard) == number


@pytest.mark.parametrize(
    ("signal", "act"),
    [
        (achievement_revoked, REVOKE),
        (xp_adjusted, Act(kind="adjustment", amount=5, note="x", celebrate=True)),
    ],
)
def test_a_site_hears_of_each_user(
    users, signal, act, django_capture_on_commit_callbacks
):
    heard = []
    signal.connect(receiver := lambda user_id, **sent: heard.append(user_id))
    for user in users:
        award_achievement(user, "medal")

    with django_capture_on_commit_callbacks(execute=True):
        finish(begin_list(act, users, actor=None))
    signal.disconnect(receiver)

    assert heard == [user.pk for user in users]


def test_a_deleted_user_leaves_the_list(users, staff):
    job = begin_list(AWARD, users, actor=staff)
    users[0].delete()

    job = finish(job)

    assert (job.total, job.done, job.xp) == (5, 4, 240)


def test_a_preview_says_what_the_job_then_does(users, staff):
    AchievementFactory(key="rich", criterion="total_xp", threshold=60, xp_reward=5)
    AchievementFactory(key="level", criterion="level", threshold=2, xp_reward=1)
    award_achievement(users[0], "medal")

    before = everything()
    preview = preview_list(AWARD, users, actor=staff)

    assert everything() == before
    assert (preview.users, preview.xp, preview.raised, preview.lowered) == (
        4,
        264,
        4,
        0,
    )
    assert preview.unlocks == {"medal": 4, "rich": 4, "level": 4}
    assert preview.skipped == [(users[0].pk, "The user holds it already.")]
    assert preview.is_exact
    assert finish(begin_list(AWARD, users, actor=staff)).xp == 264


def test_a_preview_of_a_revocation_counts_losses(users):
    for user in users[:2]:
        award_achievement(user, "medal")

    preview = preview_list(REVOKE, users)

    assert (preview.users, preview.xp, preview.lowered) == (2, -120, 2)
    assert (preview.losses, preview.unlocks) == ({"medal": 2}, {})


def test_a_preview_counts_users_who_unlock_something_several_times_once(users):
    again = {"repeat_every": 30, "max_times": None, "xp_reward": 1}
    AchievementFactory(key="rich", criterion="total_xp", threshold=30, **again)

    preview = preview_list(GIFT, users[:2])

    assert (preview.unlocks, preview.xp) == ({"rich": 2}, 206)


def test_a_preview_of_many_users_plays_a_sample(users, monkeypatch):
    monkeypatch.setattr("gamification.services.many.preview.MAX_PLAYED", 2)
    monkeypatch.setattr("gamification.services.many.preview.USERS_AT_ONCE", 1)

    preview = preview_list(AWARD, users)

    assert (preview.asked, preview.played, preview.is_exact) == (5, 2, False)
    assert (preview.users, preview.xp) == (2, 120)


def test_a_preview_ends_in_time_with_a_sample(users, monkeypatch):
    monkeypatch.setattr("gamification.services.many.preview.MAX_SECONDS", -1)
    monkeypatch.setattr("gamification.services.many.preview.USERS_AT_ONCE", 2)
    award_achievement(users[3], "medal")

    preview = preview_list(AWARD, users)

    # The first of three pages, which has every third user.
    assert (preview.asked, preview.played, preview.is_exact) == (5, 2, False)
    assert (preview.users, len(preview.skipped)) == (1, 1)


def test_skipped_users_are_in_the_order_of_the_list(users, monkeypatch):
    monkeypatch.setattr("gamification.services.many.preview.USERS_AT_ONCE", 2)
    for user in users:
        award_achievement(user, "medal")

    preview = preview_list(AWARD, users)

    assert [user_id for user_id, _reason in preview.skipped] == [u.pk for u in users]


def test_a_preview_takes_no_query_for_each_user_who_unlocks_something(
    users, django_assert_max_num_queries
):
    for user in users:
        adjust_xp(user, amount=90, note="A present.")
    # All users meet it already, so that their ledgers say since when.
    AchievementFactory(key="rich", criterion="total_xp", threshold=80)
    with CaptureQueriesContext(connection) as of_one:
        preview_list(GIFT, users[:1])

    with django_assert_max_num_queries(len(of_one)):
        preview = preview_list(GIFT, users)

    assert preview.unlocks == {"rich": 5}


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (Act(kind="award"), InvalidActError),
        (Act(kind="revocation"), InvalidActError),
        (Act(kind="award", achievement="none"), UnknownAchievementError),
        (Act(kind="award", achievement="draft"), AchievementNotActiveError),
        (Act(kind="revocation", achievement="none"), UnknownAchievementError),
        (Act(kind="adjustment", amount=0, note="x"), InvalidAmountError),
        (Act(kind="adjustment", amount=5), InvalidTextError),
        (Act(kind="award", achievement="medal", note="x" * 2001), InvalidTextError),
        (Act(kind="undo"), InvalidRequestError),
    ],
)
def test_an_impossible_act_does_not_begin(users, act, error):
    AchievementFactory(key="draft", status="draft")

    with pytest.raises(error):
        begin_list(act, users, actor=None)

    assert not Job.objects.exists()


def test_a_list_has_users_who_can_exist(users, staff):
    with pytest.raises(InvalidRequestError, match="0 users"):
        begin_list(AWARD, [], actor=staff)
    with pytest.raises(UnknownUserError):
        begin_list(AWARD, ["nobody"], actor=staff)
