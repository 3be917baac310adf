from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta

import pytest
import time_machine
from pytest_django import DjangoDbBlocker

from gamification.exceptions import JobStateError
from gamification.models import (
    Achievement,
    Activity,
    Celebration,
    Job,
    UserAchievement,
)
from gamification.services import (
    acknowledge_celebrations,
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.signals import level_changed
from gamification.staff import (
    Act,
    RecalculationScope,
    abandon_job,
    begin_backfill,
    begin_list,
    begin_recalculation,
    begin_take_back,
    begin_undo,
    find_job,
    run_next_step,
    undo_of,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import held_by, ledger_of, profile_of
from tests.resets import rows_of_a_file
from tests.services.conftest import NOW
from tests.services.many.conftest import finish, totals

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("past")]

AWARD = Act(kind="award", achievement="medal", celebrate=True)
GIFT = Act(kind="adjustment", amount=1_000, note="A gift.", celebrate=True)
WEEK = {"since": date(2026, 6, 1), "until": date(2026, 6, 7)}


@pytest.fixture(autouse=True)
def time_passes(server_clock):
    """Let each step happen at a time of its own."""


@pytest.fixture(scope="module")
def past(django_db_setup: None, django_db_blocker: DjangoDbBlocker):
    """Users with a past: records, awards, losses, a limit, and more to earn."""
    with rows_of_a_file(django_db_blocker):
        with time_machine.travel(NOW, tick=False) as clock:
            users = make_past(clock)
        yield users


def make_past(clock):
    Achievement.objects.all().delete()
    ActivityFactory(key="walk", name="Walk", daily_limit=2)
    AchievementFactory(key="medal", xp_reward=60)
    AchievementFactory(key="rich", criterion="total_xp", threshold=500, xp_reward=5)
    AchievementFactory(
        key="walker", criterion="active_days", threshold=3, xp_reward=7, revocable=True
    )
    users = sorted(UserFactory.create_batch(5), key=lambda user: user.pk)
    for number, user in enumerate(users):
        for day in range(1, 3 + number):
            record(user, day, number + 1)
    award_achievement(users[1], "medal")
    award_achievement(users[2], "medal")
    clock.shift(60)
    revoke_achievement(users[2], "medal", reason="Cheated.")
    return users


@pytest.fixture
def users(past, db, server_clock):
    server_clock.shift(120)
    return deepcopy(past)


def record(user, day, quantity=1):
    when = NOW.replace(day=day)
    return record_activity(
        user, "walk", occurred_at=when, historical=True, quantity=quantity
    ).entry


def after(clock, job):
    finish(job)
    clock.shift(60)
    return job


def take_back(clock, job):
    return after(clock, begin_undo(job.pk, actor=None))


def jobs():
    """Return a function for each kind of job that begins one."""
    scope = RecalculationScope(["walk"], date(2026, 6, 1), date(2026, 6, 30))
    return {
        "award": lambda users: begin_list(AWARD, users, actor=None),
        "revocation": lambda users: begin_list(
            Act(kind="revocation", achievement="medal"), users, actor=None
        ),
        "gift": lambda users: begin_list(GIFT, users, actor=None),
        "loss": lambda users: begin_list(
            Act(kind="adjustment", amount=-5, note="Lost."), users, actor=None
        ),
        "period of one": lambda users: begin_take_back(
            Act(kind="reversal", **WEEK), user=users[3], actor=None
        ),
        "period of all": lambda users: begin_take_back(
            Act(kind="reversal", **WEEK), actor=None
        ),
        "backfill": lambda users: begin_backfill("new", actor=None, celebrate=True),
        "recalculation": lambda users: begin_recalculation(scope, actor=None),
    }


@pytest.mark.parametrize("name", jobs())
def test_every_total_is_as_before_to_the_row(users, server_clock, name, two_at_a_time):
    AchievementFactory(key="new", criterion="active_days", threshold=2, xp_reward=90)
    Activity.objects.update(xp_reward=25)
    before = totals()

    job = after(server_clock, jobs()[name](users))
    between = totals()
    take_back(server_clock, job)

    assert between != before
    assert totals() == before


@pytest.mark.parametrize("name", jobs())
def test_a_job_that_was_taken_back_can_be_done_and_taken_back_again(
    users, server_clock, name
):
    AchievementFactory(key="new", criterion="active_days", threshold=2, xp_reward=90)
    Activity.objects.update(xp_reward=25)
    before = totals()
    take_back(server_clock, after(server_clock, jobs()[name](users)))

    again = after(server_clock, jobs()[name](users))
    between = totals()
    take_back(server_clock, again)

    assert between != before
    assert totals() == before


def test_the_history_stays(users, server_clock, staff):
    entries = [len(ledger_of(user)) for user in users]
    job = after(server_clock, begin_list(GIFT, users, actor=None))

    undo = finish(begin_undo(job.pk, actor=staff, note="Too much."))

    # The gift and the achievement that followed, and their reversals.
    assert [len(ledger_of(user)) for user in users] == [n + 4 for n in entries]
    assert (undo.kind, undo.undoes, undo.total, undo.done) == ("undo", job, 5, 5)
    assert undo.xp == -5 * 1_005
    entry = ledger_of(users[0])[-1]
    assert (entry.job, entry.actor, entry.note) == (undo, staff, "Too much.")


def test_an_entry_names_the_job_that_was_taken_back(users, server_clock):
    job = after(server_clock, begin_list(GIFT, users, actor=None))

    take_back(server_clock, job)

    assert ledger_of(users[0])[-1].note == f"Job {job.pk} was taken back."


def test_an_abandoned_job_is_taken_back_from_those_it_reached(
    users, server_clock, two_at_a_time
):
    before = totals()
    job = begin_list(AWARD, users, actor=None)
    run_next_step(job.pk, actor=None)
    abandon_job(job.pk, actor=None)
    server_clock.shift(60)

    undo = take_back(server_clock, job)

    assert totals() == before
    assert Job.objects.get(pk=undo.pk).total == 1


def test_an_abandoned_undo_is_completed_by_another(users, server_clock, two_at_a_time):
    before = totals()
    job = after(server_clock, begin_list(GIFT, users, actor=None))
    first = begin_undo(job.pk, actor=None)
    run_next_step(first.pk, actor=None)
    abandon_job(first.pk, actor=None)

    take_back(server_clock, job)

    assert totals() == before
    assert [len(ledger_of(user)) for user in users] == [6, 9, 11, 10, 11]


def test_what_users_did_meanwhile_stays(users, server_clock):
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    record(users[0], 9)
    adjust_xp(users[0], amount=3, note="Found.")
    server_clock.shift(60)

    take_back(server_clock, job)

    row = profile_of(users[0])
    # Two days of one unit, a third day that brought an achievement, and 3.
    assert (row.total_xp, row.active_days) == (40, 3)
    assert held_by(users[0]) == {"walker"}


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        ({"daily_limit": 2}, 0),
        ({"daily_limit": 3}, 10),
        ({"daily_limit": None}, 10),
        # The limit was lowered after the date had credited more.
        ({"daily_limit": 1}, 0),
        ({"daily_limit": None, "cooldown": 3_600}, 0),
    ],
)
def test_what_users_did_meanwhile_counts_against_limits(
    users, server_clock, rules, more
):
    total, act = profile_of(users[1]).total_xp, Act(kind="reversal", **WEEK)
    job = after(server_clock, begin_take_back(act, user=users[1], actor=None))
    Activity.objects.filter(key="walk").update(**rules)
    record(users[1], 1)
    server_clock.shift(60)

    take_back(server_clock, job)

    # The date had two units before, and has one more.
    assert profile_of(users[1]).total_xp == total + more


def test_what_was_taken_back_meanwhile_is_not_taken_twice(users, server_clock):
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    gift = next(entry for entry in ledger_of(users[0]) if entry.amount == 1_000)
    reverse_entry(users[0], entry_id=gift.pk)
    server_clock.shift(60)

    take_back(server_clock, job)

    assert profile_of(users[0]).total_xp == 20


def test_what_was_given_again_meanwhile_stays(users, server_clock):
    act = Act(kind="revocation", achievement="medal")
    job = after(server_clock, begin_list(act, users[1:2], actor=None))
    award_achievement(users[1], "medal")
    total = profile_of(users[1]).total_xp
    server_clock.shift(60)

    take_back(server_clock, job)

    assert profile_of(users[1]).total_xp == total
    assert held_by(users[1]) == {"medal", "walker"}


def test_a_record_that_came_back_can_be_reversed_and_taken_back_again(
    users, server_clock
):
    act = Act(kind="reversal", **WEEK)
    before = totals()
    job = after(server_clock, begin_take_back(act, user=users[3], actor=None))
    take_back(server_clock, job)

    again = after(server_clock, begin_take_back(act, user=users[3], actor=None))
    empty = profile_of(users[3]).total_xp
    take_back(server_clock, again)

    assert empty == 0
    assert totals() == before


def test_a_replay_of_a_record_that_came_back_says_nothing_of_its_reversal(
    user, server_clock
):
    record_activity(user, "walk", key="first")
    act = Act(kind="reversal", since=NOW.date(), until=NOW.date())
    job = after(server_clock, begin_take_back(act, user=user, actor=None))
    reversed_at = record_activity(user, "walk", key="first").reversed_at

    take_back(server_clock, job)

    replay = record_activity(user, "walk", key="first")
    assert reversed_at == NOW
    assert (replay.replayed, replay.reversed_at) == (True, None)


def test_nothing_is_unlocked_by_the_way(users, server_clock):
    act = Act(kind="reversal", **WEEK)
    job = after(server_clock, begin_take_back(act, user=users[3], actor=None))
    AchievementFactory(key="new", criterion="total_xp", threshold=20, xp_reward=1)

    take_back(server_clock, job)

    assert held_by(users[3]) == {"walker"}


def test_a_revocable_achievement_that_is_met_no_more_is_lost(users, server_clock):
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    AchievementFactory(
        key="lent", criterion="total_xp", threshold=900, xp_reward=1, revocable=True
    )
    record(users[0], 2)
    assert "lent" in held_by(users[0])
    server_clock.shift(60)

    take_back(server_clock, job)

    assert held_by(users[0]) == set()


def test_the_ledger_may_say_that_an_achievement_is_met_without_the_job(
    users, server_clock
):
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    AchievementFactory(
        key="busy",
        criterion="total_xp",
        threshold=10,
        counting={"window": {"days": 7}},
        revocable=True,
    )
    record(users[0], 9)
    assert "busy" in held_by(users[0])
    server_clock.shift(60)

    take_back(server_clock, job)

    assert held_by(users[0]) == {"busy", "walker"}


def lend(user):
    """Let ``user``, who has 20 XP, unlock a revocable achievement of 50 XP."""
    AchievementFactory(
        key="lent", criterion="total_xp", threshold=50, xp_reward=5, revocable=True
    )
    return adjust_xp(user, amount=30, note="Found.").entry


def test_an_achievement_from_before_the_job_that_is_met_no_more_stays(
    users, server_clock
):
    lend(users[0])
    adjust_xp(users[0], amount=-30, note="Lost.")
    server_clock.shift(60)
    before = totals()
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))

    take_back(server_clock, job)

    assert totals() == before
    assert held_by(users[0]) == {"lent"}


def test_an_achievement_from_before_the_job_outlasts_what_staff_took_meanwhile(
    users, server_clock
):
    lend(users[0])
    server_clock.shift(60)
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    adjust_xp(users[0], amount=-30, note="Lost.")
    revoke_achievement(users[0], "rich", reason="Cheated.")

    take_back(server_clock, job)

    assert profile_of(users[0]).total_xp == 25
    assert held_by(users[0]) == {"lent"}


def test_an_achievement_is_lost_if_only_the_job_kept_it_when_more_was_reversed(
    users, server_clock
):
    found = lend(users[0])
    server_clock.shift(60)
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    reverse_entry(users[0], entry_id=found.id)
    assert "lent" in held_by(users[0])

    take_back(server_clock, job)

    assert profile_of(users[0]).total_xp == 20
    assert held_by(users[0]) == set()


def test_an_achievement_is_lost_if_only_the_job_kept_it_when_another_was_undone(
    users, server_clock
):
    other = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    AchievementFactory(
        key="lent", criterion="total_xp", threshold=900, xp_reward=1, revocable=True
    )
    record(users[0], 2)
    server_clock.shift(60)
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    take_back(server_clock, other)
    assert "lent" in held_by(users[0])

    take_back(server_clock, job)

    assert held_by(users[0]) == set()


def test_celebrations_that_nobody_saw_are_withdrawn(users, server_clock):
    job = after(server_clock, begin_list(GIFT, users[:2], actor=None))
    seen = Celebration.objects.filter(user=users[1], kind="level").last()
    acknowledge_celebrations(users[1], ids=[seen.pk])

    take_back(server_clock, job)

    rows = Celebration.objects.filter(created_at__gt=NOW + timedelta(seconds=119))
    assert [*rows.values_list("user", "pk")] == [(users[1].pk, seen.pk)]


def test_a_level_that_was_taken_back_is_celebrated_when_it_is_reached(
    users, server_clock
):
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    take_back(server_clock, job)

    outcome = adjust_xp(users[0], amount=30, note="Found.")

    assert [each.dedupe_key for each in outcome.celebrations] == ["level:2"]


def test_a_higher_level_that_was_reached_otherwise_stays(users, server_clock):
    adjust_xp(users[0], amount=2_000, note="Found.")
    adjust_xp(users[0], amount=-2_000, note="Lost.")
    highest = profile_of(users[0]).highest_level
    server_clock.shift(60)
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))

    take_back(server_clock, job)

    assert highest == profile_of(users[0]).highest_level == 9


def test_a_highest_level_above_the_ledgers_stays(users, server_clock):
    profile = profile_of(users[0])
    profile.highest_level = 20
    profile.save(update_fields=["highest_level"])
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))

    take_back(server_clock, job)

    assert profile_of(users[0]).highest_level == 20


def test_a_user_whose_total_would_leave_its_range_is_passed_over(
    users, server_clock, monkeypatch
):
    job = after(server_clock, begin_list(GIFT, users[:1], actor=None))
    monkeypatch.setattr("gamification.domain.totals.MAX_TOTAL", 10)

    take_back(server_clock, job)

    assert profile_of(users[0]).total_xp == 1_025


@pytest.mark.parametrize("celebrate", [True, False])
def test_a_site_that_heard_of_the_job_hears_of_its_end(
    users, server_clock, celebrate, django_capture_on_commit_callbacks
):
    act = Act(kind="adjustment", amount=1_000, note="A gift.", celebrate=celebrate)
    job = after(server_clock, begin_list(act, users[:1], actor=None))
    heard = []
    level_changed.connect(receiver := lambda level, **sent: heard.append(level))

    with django_capture_on_commit_callbacks(execute=True):
        take_back(server_clock, job)
    level_changed.disconnect(receiver)

    assert heard == [1] * celebrate


def test_a_job_is_taken_back_once_and_when_it_is_over(users, server_clock):
    job = begin_list(GIFT, users, actor=None)
    with pytest.raises(JobStateError, match="not over"):
        begin_undo(job.pk, actor=None)
    finish(job)
    undo = begin_undo(job.pk, actor=None)

    assert undo_of(find_job(job.pk)) == undo
    with pytest.raises(JobStateError, match="already"):
        begin_undo(job.pk, actor=None)
    with pytest.raises(JobStateError, match="cannot be taken back itself"):
        begin_undo(undo.pk, actor=None)


def test_two_who_take_a_job_back_at_once_do_it_once(users, monkeypatch):
    job = finish(begin_list(GIFT, users, actor=None))
    begin_undo(job.pk, actor=None)
    monkeypatch.setattr("gamification.services.many.undo.undo_of", lambda job: None)

    with pytest.raises(JobStateError, match="already"):
        begin_undo(job.pk, actor=None)

    assert Job.objects.filter(kind="undo").count() == 1


def test_a_lapsed_achievement_can_be_earned_again_as_before(users, server_clock):
    reverse_entry(users[1], entry_id=ledger_of(users[1])[0].pk)
    row = UserAchievement.objects.get(user=users[1], achievement__key="walker")
    assert row.can_be_earned_again
    server_clock.shift(60)
    before = totals()
    Achievement.objects.filter(key="walker").update(criterion="manual")
    act = Act(kind="award", achievement="walker")
    job = after(server_clock, begin_list(act, users[1:2], actor=None))

    take_back(server_clock, job)

    assert totals() == before


def test_what_staff_revoked_at_the_moment_of_a_reversal_stays_revoked(
    users, server_clock
):
    revoke_achievement(users[1], "walker", reason="Cheated.")
    reverse_entry(users[1], entry_id=ledger_of(users[1])[0].pk)
    before = totals()
    server_clock.shift(60)
    act = Act(kind="award", achievement="walker")
    job = after(server_clock, begin_list(act, users[1:2], actor=None))

    take_back(server_clock, job)

    assert totals() == before
