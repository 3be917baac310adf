from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from gamification.exceptions import (
    CelebrationClaimedError,
    CelebrationOverError,
    InvalidRequestError,
    UnknownCelebrationError,
    UnknownUserError,
)
from gamification.maintenance import reconcile
from gamification.models import Achievement, Celebration
from gamification.services import (
    ActivityRecord,
    acknowledge_celebrations,
    award_achievement,
    claim_celebration,
    get_progress,
    pending_celebrations,
    record_activities,
    record_activity,
    record_each,
    reverse_entry,
    revoke_achievement,
    set_celebration_mode,
)
from gamification.staff import set_choices
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import ledger_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def in_batch(user, activity, *, quantity):
    """Record as one of many; return the outcome."""
    [outcome] = record_each([ActivityRecord(user, activity, quantity=quantity)])
    return outcome


@pytest.fixture
def shows(user):
    """Three celebrations, in order of their making."""
    for quantity in (5, 10, 15):
        record_activity(user, "walk", quantity=quantity)
    return list(Celebration.objects.filter(user=user).order_by("id"))


def test_pending_celebrations_come_oldest_first(user, shows):
    pending = pending_celebrations(user)

    assert pending == shows
    assert [show.dedupe_key for show in pending] == ["level:2", "level:3", "level:4"]


def test_pending_celebrations_take_one_query(user, shows, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert len(pending_celebrations(user)) == 3


def test_a_newcomer_has_nothing_to_celebrate(user):
    assert pending_celebrations(user) == []


def test_a_reader_goes_on_after_the_last_that_it_knows(user, shows):
    assert pending_celebrations(user, after=shows[0].pk) == shows[1:]


def test_a_reader_may_take_a_few(user, shows):
    assert pending_celebrations(user, limit=2) == shows[:2]


def test_after_all_ids_there_is_nothing(user, shows):
    assert pending_celebrations(user, after=2**63 - 1) == []


@pytest.mark.parametrize("after", [-1, 2**63, 10**24, True, 1.0, "1", None], ids=ascii)
def test_a_reader_knows_an_id(user, shows, after):
    with pytest.raises(InvalidRequestError) as refusal:
        pending_celebrations(user, after=after)

    assert refusal.value.context == {"field": "after"}


@pytest.mark.parametrize(
    "limit", [0, -1, 1_001, 10**9, True, 1.0, "1", None], ids=ascii
)
def test_a_reader_takes_a_thousand_at_the_most(user, shows, limit):
    with pytest.raises(
        InvalidRequestError,
        match=r"^The limit .+ is not a whole number from 1 to 1,000\.$",
    ):
        pending_celebrations(user, limit=limit)


def test_others_celebrations_are_not_told(user, shows):
    assert pending_celebrations(UserFactory()) == []


def test_a_celebration_waits_for_a_week(user, shows, server_clock):
    server_clock.move_to(NOW + timedelta(days=7) - timedelta(microseconds=1))
    before = pending_celebrations(user)
    server_clock.move_to(NOW + timedelta(days=7))

    assert (before, pending_celebrations(user)) == (shows, [])


def test_an_acknowledged_celebration_is_not_pending(user, shows):
    count = acknowledge_celebrations(user, ids=[shows[0].pk, shows[2].pk])

    assert count == 2
    assert pending_celebrations(user) == [shows[1]]
    shows[0].refresh_from_db()
    assert shows[0].acknowledged_at == NOW


def test_a_revoked_achievement_is_not_celebrated(user):
    for key in ("medal", "cup"):
        award_achievement(user, AchievementFactory(key=key, xp_reward=0).key)
    revoke_achievement(user, "medal")

    assert subjects(user) == ["cup"]


def test_a_level_that_was_reversed_is_not_celebrated(user, activity):
    entry = record_activity(user, "walk", quantity=9).entry
    before = [show.dedupe_key for show in pending_celebrations(user)]

    reverse_entry(user, entry_id=entry.id)

    assert (before, pending_celebrations(user)) == (["level:2"], [])


def test_a_level_that_was_reached_again_is_still_to_be_celebrated(user, activity):
    entry = record_activity(user, "walk", quantity=9).entry
    reverse_entry(user, entry_id=entry.id)

    record_activity(user, "walk", quantity=5)

    assert [show.dedupe_key for show in pending_celebrations(user)] == ["level:2"]


def test_a_streak_that_was_reversed_is_not_celebrated(user, activity, site):
    site.GAMIFICATION = {"STREAK_MILESTONES": (2,)}
    record_activity(user, "walk", occurred_at=NOW - timedelta(days=1))
    entry = record_activity(user, "walk").entry
    before = [show.dedupe_key for show in pending_celebrations(user)]

    reverse_entry(user, entry_id=entry.id)

    assert (before, pending_celebrations(user)) == (["streak:2"], [])


def test_a_level_that_new_thresholds_took_is_never_celebrated_again(
    user, activity, site
):
    record_activity(user, "walk", quantity=15)
    acknowledge_celebrations(user, ids=[s.pk for s in pending_celebrations(user)])
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 200, 300, 400)}
    list(reconcile(fix=True))

    outcome = record_activity(user, "walk", quantity=30)

    assert (outcome.level_before, outcome.level) == (1, 4)
    [notice] = outcome.celebrations
    assert notice.data == {"from": 3, "to": 4, "levels": [4]}


def test_a_streak_that_was_reached_in_silence_is_never_celebrated(user, activity):
    days = [NOW - timedelta(days=n) for n in range(7)]
    record_activities(
        [ActivityRecord(user, "walk", day) for day in days],
        celebrate=False,
        historical=True,
    )
    reverse_entry(user, entry_id=ledger_of(user)[3].pk)

    record_activity(user, "walk", occurred_at=days[3], historical=True)

    assert get_progress(user).streak.longest == 7
    assert pending_celebrations(user) == []


def test_an_achievement_awarded_again_is_celebrated_if_it_never_was(user):
    award_achievement(user, AchievementFactory(key="medal", xp_reward=0).key)
    revoke_achievement(user, "medal")
    award_achievement(user, "medal")

    assert subjects(user) == ["medal"]


def test_an_achievement_that_became_a_draft_is_not_celebrated(user):
    for key in ("medal", "cup"):
        award_achievement(user, AchievementFactory(key=key, xp_reward=0).key)
    Achievement.objects.filter(key="medal").update(status="draft")

    assert subjects(user) == ["cup"]


def test_an_achievement_that_others_lost_is_celebrated(user):
    AchievementFactory(key="medal", xp_reward=0)
    for each in (user, other := UserFactory()):
        award_achievement(each, "medal")
    revoke_achievement(other, "medal")

    assert subjects(user) == ["medal"]


def subjects(user):
    return [show.data["achievement"] for show in pending_celebrations(user)]


def test_acknowledging_again_has_no_effect(user, shows, server_clock):
    acknowledge_celebrations(user, ids=[shows[0].pk])
    server_clock.shift(timedelta(hours=1))

    count = acknowledge_celebrations(user, ids=[shows[0].pk, shows[0].pk])

    assert count == 0
    shows[0].refresh_from_db()
    assert shows[0].acknowledged_at == NOW


def test_an_id_given_twice_counts_once(user, shows):
    assert acknowledge_celebrations(user, ids=[shows[0].pk] * 3) == 1


def test_others_celebrations_cannot_be_acknowledged(user, shows):
    count = acknowledge_celebrations(UserFactory(), ids=[show.pk for show in shows])

    assert count == 0
    assert pending_celebrations(user) == shows


@pytest.mark.parametrize(
    "ids",
    [[], [0], [-1], [2**63], [10**24], [True], ["1"], [1.0], [None], [999_999_999]],
    ids=str,
)
def test_ids_of_nothing_have_no_effect(user, shows, ids):
    assert acknowledge_celebrations(user, ids=ids) == 0
    assert pending_celebrations(user) == shows


def test_good_ids_count_beside_bad_ones(user, shows):
    assert acknowledge_celebrations(user, ids=[shows[1].pk, 10**24, "x", True]) == 1


def test_an_expired_celebration_may_still_be_acknowledged(user, shows, server_clock):
    server_clock.shift(timedelta(days=8))

    assert acknowledge_celebrations(user, ids=[shows[0].pk]) == 1


MINUTE = timedelta(minutes=1)


def test_a_screen_claims_a_celebration_for_a_minute(user, shows):
    celebration = claim_celebration(user, id=shows[0].pk)

    assert celebration == shows[0]
    assert celebration.claimed_until == NOW + MINUTE


def test_a_claimed_celebration_is_not_claimed_by_another_screen(
    user, shows, server_clock
):
    claim_celebration(user, id=shows[0].pk)
    server_clock.shift(MINUTE - timedelta(microseconds=1))

    with pytest.raises(
        CelebrationClaimedError, match=r"^Another screen is showing the celebration\.$"
    ) as refusal:
        claim_celebration(user, id=shows[0].pk)

    assert refusal.value.context == {"claimed_until": NOW + MINUTE}
    assert list(Celebration.objects.unclaimed().order_by("id")) == shows[1:]


def test_a_claim_may_be_made_again_when_it_ran_out(user, shows, server_clock):
    claim_celebration(user, id=shows[0].pk)
    server_clock.shift(MINUTE)

    celebration = claim_celebration(user, id=shows[0].pk)

    assert celebration.claimed_until == NOW + 2 * MINUTE


def test_others_are_not_touched_by_a_claim(user, shows):
    claim_celebration(user, id=shows[1].pk)

    rows = Celebration.objects.order_by("id")
    assert [row.claimed_until for row in rows] == [None, NOW + MINUTE, None]


def test_a_claimed_celebration_is_still_pending(user, shows):
    claim_celebration(user, id=shows[0].pk)

    pending = pending_celebrations(user)

    assert pending == shows
    assert pending[0].claimed_until == NOW + MINUTE


def test_an_acknowledged_celebration_is_over(user, shows):
    claim_celebration(user, id=shows[0].pk)
    acknowledge_celebrations(user, ids=[shows[0].pk])

    with pytest.raises(
        CelebrationOverError,
        match=r"^The celebration was shown before, has expired, or no longer holds\.$",
    ):
        claim_celebration(user, id=shows[0].pk)


def test_a_celebration_that_no_longer_holds_cannot_be_claimed(user):
    award_achievement(user, AchievementFactory(key="medal", xp_reward=0).key)
    [show] = pending_celebrations(user)
    revoke_achievement(user, "medal")

    with pytest.raises(CelebrationOverError):
        claim_celebration(user, id=show.pk)

    show.refresh_from_db()
    assert show.claimed_until is None


def test_a_claimed_celebration_that_no_longer_holds_is_over(user):
    award_achievement(user, AchievementFactory(key="medal", xp_reward=0).key)
    [show] = pending_celebrations(user)
    claim_celebration(user, id=show.pk)
    revoke_achievement(user, "medal")

    with pytest.raises(CelebrationOverError):
        claim_celebration(user, id=show.pk)


def test_an_expired_celebration_is_over(user, shows, server_clock):
    server_clock.shift(timedelta(days=7))

    with pytest.raises(CelebrationOverError):
        claim_celebration(user, id=shows[0].pk)

    assert Celebration.objects.filter(claimed_until=None).count() == 3


def test_others_celebrations_cannot_be_claimed(user, shows):
    with pytest.raises(UnknownCelebrationError):
        claim_celebration(UserFactory(), id=shows[0].pk)

    assert Celebration.objects.filter(claimed_until=None).count() == 3


@pytest.mark.parametrize(
    "pk", [0, -1, 2**63, 10**24, True, "1", 1.0, None, 999_999_999], ids=ascii
)
def test_anything_else_than_an_id_cannot_be_claimed(user, shows, pk):
    with pytest.raises(UnknownCelebrationError) as refusal:
        claim_celebration(user, id=pk)

    assert str(refusal.value) == f"The user has no celebration {pk!r}."


def test_nobody_claims_nothing(user, shows):
    with pytest.raises(UnknownUserError):
        claim_celebration(AnonymousUser(), id=shows[0].pk)


# --- Users who want none


@pytest.mark.parametrize("record", [record_activity, in_batch], ids=["one", "batch"])
def test_celebrations_of_users_who_want_none_are_history_at_once(user, record):
    set_celebration_mode(user, mode="none")

    outcome = record(user, "walk", quantity=5)

    [celebration] = Celebration.objects.filter(user=user)
    assert (outcome.level, outcome.celebrations) == (2, ())
    assert (celebration.dedupe_key, celebration.acknowledged_at) == ("level:2", None)
    assert celebration.expires_at == celebration.created_at == NOW
    assert pending_celebrations(user) == []


def test_history_is_not_celebrated_when_the_user_wants_celebrations_again(user):
    set_celebration_mode(user, mode="none")
    record_activity(user, "walk", quantity=5)

    set_celebration_mode(user, mode="all")
    record_activity(user, "walk", quantity=10)

    assert [show.dedupe_key for show in pending_celebrations(user)] == ["level:3"]


@pytest.mark.parametrize(
    "choose",
    [
        lambda user: set_celebration_mode(user, mode="none"),
        lambda user: set_choices(user, celebration_mode="none", is_public=False),
    ],
    ids=["alone", "among others"],
)
def test_what_waits_is_history_once_the_user_wants_none(user, shows, choose):
    acknowledge_celebrations(user, ids=[shows[0].pk])

    choose(user)
    set_celebration_mode(user, mode="all")

    rows = Celebration.objects.filter(user=user).order_by("id")
    ends = [shows[0].expires_at, NOW, NOW]
    assert pending_celebrations(user) == []
    assert [row.expires_at for row in rows] == ends


def test_a_screen_cannot_claim_for_a_user_who_wants_none(user, shows):
    set_celebration_mode(user, mode="none")

    with pytest.raises(CelebrationOverError):
        claim_celebration(user, id=shows[0].pk)


@pytest.mark.parametrize("mode", ["all", "quiet"])
def test_what_waits_stays_if_the_user_wants_to_see_it(user, shows, mode):
    set_celebration_mode(user, mode=mode)

    assert pending_celebrations(user) == shows


def test_celebrations_of_others_go_on_waiting(user, shows):
    set_celebration_mode(UserFactory(), mode="none")

    assert pending_celebrations(user) == shows


def test_a_repeated_request_has_the_same_outcome_for_a_user_who_wants_none(user):
    set_celebration_mode(user, mode="none")
    record_activity(user, "walk", quantity=5, key="once")

    outcome = record_activity(user, "walk", quantity=5, key="once")

    assert (outcome.replayed, outcome.celebrations) == (True, ())
