"""Achievements that users earn more than once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.exceptions import (
    AchievementNotHeldError,
    InvalidRequestError,
    OutOfRangeError,
)
from gamification.maintenance import rebuild
from gamification.models import Achievement, Activity, Celebration, UserAchievement
from gamification.services import (
    award_achievement,
    explain_achievement,
    get_achievements,
    get_progress,
    get_rarity,
    pending_celebrations,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from gamification.staff import (
    backfill_everyone,
    begin_backfill,
    begin_undo,
    get_balance_report,
    held_achievements,
    held_once,
    preview_backfill,
    run_next_step,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import ledger_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def tens(activity):
    """Five XP for every ten walks."""
    return AchievementFactory(
        key="tens",
        name="Tens",
        criterion="activity_count",
        activity=activity,
        threshold=10,
        xp_reward=5,
        max_times=None,
        repeat_every=10,
    )


@pytest.fixture
def weekly(activity):
    """Five XP for three walks in a week."""
    return AchievementFactory(
        key="weekly",
        criterion="activity_count",
        activity=activity,
        threshold=3,
        xp_reward=5,
        max_times=None,
        repeat_period="week",
    )


def numbers(user, **which):
    rows = UserAchievement.objects.filter(user=user, **which).order_by("number")
    return [*rows.values_list("number", flat=True)]


def held(user):
    return numbers(user, revoked_at=None)


def june(day):
    return datetime(2026, 6, day, 9, tzinfo=UTC)


def test_each_time_has_its_own_entry_and_xp(user, tens):
    outcome = record_activity(user, "walk", quantity=25)

    assert [(each.number, each.xp) for each in outcome.unlocks] == [(1, 5), (2, 5)]
    rewards = [each for each in ledger_of(user) if each.achievement == tens]
    assert [(each.number, each.amount) for each in rewards] == [(None, 5), (2, 5)]
    assert held(user) == [1, 2]


def test_a_replay_returns_which_time_it_was(user, tens):
    record_activity(user, "walk", quantity=25, key="k")

    replay = record_activity(user, "walk", quantity=25, key="k")

    assert replay.replayed
    assert [each.number for each in replay.unlocks] == [1, 2]


def test_it_ends_after_the_last_time(user, tens):
    Achievement.objects.update(max_times=2)

    record_activity(user, "walk", quantity=100)

    assert held(user) == [1, 2]


def test_a_week_earns_it_once(user, weekly):
    for day in (1, 2, 3, 4, 8, 9, 10):
        record_activity(user, "walk", occurred_at=june(day), historical=True)

    rows = UserAchievement.objects.order_by("number")
    assert [*rows.values_list("number", "period", "unlocked_at")] == [
        (1, date(2026, 6, 1), june(3)),
        (2, date(2026, 6, 8), june(10)),
    ]


def test_a_late_record_earns_an_earlier_week(user, weekly):
    record_activity(user, "walk", quantity=3, occurred_at=june(9), historical=True)
    record_activity(user, "walk", quantity=2, occurred_at=june(2), historical=True)

    record_activity(user, "walk", occurred_at=june(1), historical=True)

    rows = UserAchievement.objects.order_by("number")
    assert [*rows.values_list("period", "unlocked_at")] == [
        (date(2026, 6, 8), june(9)),
        (date(2026, 6, 1), june(2)),
    ]


def test_one_time_is_revoked_and_stays_away(user, staff, tens):
    record_activity(user, "walk", quantity=25)

    outcome = revoke_achievement(user, "tens", number=1, actor=staff, reason="No.")
    record_activity(user, "walk", quantity=5)

    assert (outcome.credited, outcome.entry.number) == (-5, None)
    assert held(user) == [2, 3]


def test_revoking_a_time_again_changes_nothing(user, tens):
    record_activity(user, "walk", quantity=25)
    revoke_achievement(user, "tens", number=2)

    assert revoke_achievement(user, "tens", number=2).replayed
    assert held(user) == [1]


def test_without_a_number_all_times_are_revoked(user, tens):
    record_activity(user, "walk", quantity=25)

    outcome = revoke_achievement(user, "tens")

    assert (held(user), outcome.xp_gained) == ([], -10)
    assert [(each.number, each.xp) for each in outcome.lost] == [(1, 5)]
    assert revoke_achievement(user, "tens").replayed


def test_a_time_that_nobody_holds_cannot_be_revoked(user, tens):
    record_activity(user, "walk", quantity=10)

    with pytest.raises(AchievementNotHeldError) as refusal:
        revoke_achievement(user, "tens", number=2)

    assert str(refusal.value) == "The user does not hold 'tens' × 2."


@pytest.mark.parametrize("number", [0, True, "2"])
def test_a_number_that_nothing_has_is_refused(user, tens, number):
    with pytest.raises(InvalidRequestError):
        award_achievement(user, "tens", number=number)


def test_a_number_beyond_the_last_is_refused(user, tens):
    Achievement.objects.update(max_times=2)

    with pytest.raises(OutOfRangeError, match="users can earn 'tens' 2 times at most"):
        award_achievement(user, "tens", number=3)


def test_what_is_earned_once_has_no_second_time(user):
    AchievementFactory(key="medal")

    with pytest.raises(OutOfRangeError, match="users can earn 'medal' 1 time at most"):
        award_achievement(user, "medal", number=2)


def test_a_time_is_awarded_once(user, tens):
    award_achievement(user, "tens", number=2)

    assert award_achievement(user, "tens", number=2).replayed
    assert held(user) == [2]


def test_an_award_without_a_number_is_for_those_who_hold_none(user, tens):
    award_achievement(user, "tens")

    assert award_achievement(user, "tens").replayed
    assert held(user) == [1]


def test_an_awarded_time_is_not_earned_again(user, tens):
    award_achievement(user, "tens", number=2)

    outcome = record_activity(user, "walk", quantity=30)

    assert [each.number for each in outcome.unlocks] == [1, 3]


def test_a_revoked_time_can_be_awarded_again(user, tens):
    record_activity(user, "walk", quantity=20)
    revoke_achievement(user, "tens", number=2)

    award_achievement(user, "tens", number=2)

    assert held(user) == [1, 2]


def test_a_reversal_takes_the_last_times_and_they_come_back(user, tens):
    Achievement.objects.update(revocable=True)
    record_activity(user, "walk", quantity=10)
    entry = record_activity(user, "walk", quantity=20).entry

    outcome = reverse_entry(user, entry_id=entry.id)
    after = held(user)
    again = record_activity(user, "walk", quantity=10)

    assert [each.number for each in outcome.lost] == [3, 2]
    assert (after, [each.number for each in again.unlocks]) == ([1], [2])


def test_a_reversal_takes_a_week_back(user, weekly):
    Achievement.objects.update(revocable=True)
    record_activity(user, "walk", quantity=3, occurred_at=june(2), historical=True)
    entry = record_activity(user, "walk", quantity=3).entry

    reverse_entry(user, entry_id=entry.id)

    rows = UserAchievement.objects.filter(revoked_at=None)
    assert [*rows.values_list("period", flat=True)] == [date(2026, 6, 1)]


def test_each_time_is_celebrated_once(user, tens):
    record_activity(user, "walk", quantity=10)
    record_activity(user, "walk", quantity=20)

    found = [each for each in pending_celebrations(user) if each.kind == "achievement"]
    assert [each.dedupe_key for each in found] == [
        "achievement:tens",
        "achievement:tens:3",
    ]
    assert [each.title for each in found] == ["Tens", "Tens × 3"]
    assert found[1].text == "You unlocked “Tens × 3” and earned 10 XP."


def test_a_celebration_goes_with_its_time(user, tens):
    record_activity(user, "walk", quantity=10)
    record_activity(user, "walk", quantity=10)

    revoke_achievement(user, "tens", number=2)

    found = [each for each in pending_celebrations(user) if each.kind == "achievement"]
    assert [each.dedupe_key for each in found] == ["achievement:tens"]
    assert Celebration.objects.filter(dedupe_key="achievement:tens:2").exists()


def test_progress_is_towards_the_next_time(user, tens):
    record_activity(user, "walk", quantity=25)

    [row] = get_achievements(user)

    assert (row.times, row.current, row.target) == (2, 25, 30)
    assert row.fraction == 25 / 30


def test_progress_of_a_week_begins_anew(user, weekly):
    record_activity(user, "walk", quantity=3, occurred_at=june(2), historical=True)
    record_activity(user, "walk")

    [row] = get_achievements(user)

    assert (row.times, row.current, row.target) == (1, 1, 3)


def test_a_week_that_is_earned_is_done(user, weekly):
    record_activity(user, "walk", quantity=4)

    [row] = get_achievements(user)

    assert (row.times, row.current, row.fraction) == (1, 4, 1.0)


def test_progress_after_the_last_time_is_done(user, tens):
    Achievement.objects.update(max_times=2)
    record_activity(user, "walk", quantity=25)

    [row] = get_achievements(user)

    assert (row.times, row.target, row.fraction) == (2, 20, 1.0)


def test_all_times_are_one_achievement(user, tens, settings):
    settings.GAMIFICATION = {"RARITY_TTL": timedelta(0)}
    record_activity(user, "walk", quantity=35)

    assert get_progress(user).achievements == 1
    assert get_rarity().holders == {tens.pk: 1}
    assert get_balance_report().unlocks[tens.pk].holders == 1
    [once] = held_once(user, viewer=user)
    assert (once.number, once.times) == (3, 3)
    assert held_achievements(user, viewer=user).count() == 3


def test_an_explanation_says_what_earns_it_again(user, tens):
    record_activity(user, "walk", quantity=25)

    assert explain_achievement(user, "tens").text == (
        "“Tens” is unlocked. Held 2 times; again at 30 × walk, now at 25 × walk."
    ).replace("walk", tens.activity.name)


def test_an_explanation_of_repeats_goes_on_to_the_next_time(user, tens):
    record_activity(user, "walk", quantity=15)

    explained = explain_achievement(user, "tens")

    assert explained.text.startswith("“Tens” is unlocked. Held once; again at 20 × ")
    assert (explained.current, explained.target, explained.missing) == (15, 20, 5)
    assert (explained.is_unlocked, explained.fraction) == (True, 0.75)


def test_a_backfill_gives_all_times_with_their_dates(user, tens):
    Achievement.objects.update(status="draft")
    for day in (1, 2, 3):
        record_activity(
            user, "walk", quantity=8, occurred_at=june(day), historical=True
        )
    Achievement.objects.update(status="active")

    preview = preview_backfill("tens")
    progress = backfill_everyone("tens")

    assert (preview.users, preview.xp) == (1, 10)
    assert (progress.awarded, progress.xp) == (1, 10)
    rows = UserAchievement.objects.order_by("number")
    assert [*rows.values_list("number", "unlocked_at")] == [(1, june(2)), (2, june(3))]
    assert preview_backfill("tens").users == 0


def test_a_backfill_gives_all_weeks(user, weekly):
    Achievement.objects.update(status="draft")
    for day in (1, 2, 3, 8, 9, 10):
        record_activity(user, "walk", occurred_at=june(day), historical=True)
    other = UserFactory()
    for day in (1, 9):
        record_activity(
            other, "walk", quantity=2, occurred_at=june(day), historical=True
        )
    Achievement.objects.update(status="active")

    preview = preview_backfill("weekly")
    backfill_everyone("weekly")

    assert (preview.users, preview.xp) == (1, 10)
    assert (held(user), held(other)) == ([1, 2], [])


def test_a_backfill_is_taken_back(user, staff, tens):
    Achievement.objects.update(status="draft")
    record_activity(user, "walk", quantity=25)
    Achievement.objects.update(status="active")
    job = begin_backfill("tens", actor=staff)
    while job.finished_at is None:
        job = run_next_step(job.pk, actor=staff)

    undo = begin_undo(job.pk, actor=staff)
    while undo.finished_at is None:
        undo = run_next_step(undo.pk, actor=staff)

    assert numbers(user) == []
    assert get_progress(user).level.total_xp == 250


def test_a_rebuild_restores_all_times(user, weekly):
    for day in (1, 8):
        record_activity(
            user, "walk", quantity=3, occurred_at=june(day), historical=True
        )
    before = [*UserAchievement.objects.order_by("number").values()]
    UserAchievement.objects.filter(number=2).delete()
    UserAchievement.objects.create(
        user=user,
        achievement=weekly,
        number=7,
        unlocked_at=june(1),
        xp_awarded=0,
    )

    rebuild(user)

    after = [*UserAchievement.objects.order_by("number").values()]
    assert [each | {"id": 0} for each in after] == [each | {"id": 0} for each in before]


def test_rewards_that_earn_xp_end(user, activity):
    AchievementFactory(
        key="hundreds",
        criterion="total_xp",
        threshold=100,
        xp_reward=50,
        max_times=None,
        repeat_every=100,
    )

    record_activity(user, "walk", quantity=20)

    # 200 XP of walks; each hundred brings fifty more: 100, 200, 300 are reached.
    assert held(user) == [1, 2, 3]
    assert get_progress(user).level.total_xp == 350


def test_each_time_needs_the_conditions(user, tens):
    level = {"criterion": "level", "threshold": 4}
    Achievement.objects.update(conditions=level)
    record_activity(user, "walk", quantity=20)
    before = held(user)

    record_activity(user, "walk", quantity=11)

    # 300 XP are level 4.
    assert (before, held(user)) == ([], [1, 2, 3])


def test_each_week_counts_what_it_should(user, weekly):
    ActivityFactory(key="review", attributes={"pages": "integer"})
    review = Activity.objects.get(key="review")
    Achievement.objects.update(activity=review, counting={"sum": "pages"}, threshold=90)
    for day, pages in ((1, 50), (2, 50), (8, 70), (9, 10)):
        record_activity(
            user,
            "review",
            attributes={"pages": pages},
            occurred_at=june(day),
            historical=True,
        )

    rows = UserAchievement.objects.order_by("number")
    assert [*rows.values_list("period", "unlocked_at")] == [(date(2026, 6, 1), june(2))]
