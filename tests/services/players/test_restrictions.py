from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from gamification.exceptions import (
    InvalidInstantError,
    InvalidTextError,
    SelfAwardError,
    UnknownUserError,
    UserExcludedError,
)
from gamification.leaderboards import get_leaderboard
from gamification.models import Restriction, UserGamification
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    get_rarity,
    record_activity,
    record_each,
    reverse_entry,
)
from gamification.staff import (
    Act,
    RecalculationScope,
    backfill_everyone,
    begin_list,
    edit_activity,
    exclude_user,
    hold_user,
    lift_restriction,
    open_restrictions,
    preview_backfill,
    preview_list,
    preview_recalculation,
    recalculate_xp,
    run_next_step,
)
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

LATER = NOW + timedelta(days=7)


def test_a_user_who_is_gone_cannot_be_held(user, staff):
    key = user.pk
    user.delete()

    with pytest.raises(UnknownUserError):
        hold_user(key, until=LATER, reason="Odd.", actor=staff)


@pytest.fixture
def player(user):
    record_activity(user, "walk", key="first")
    return user


def listed():
    return [entry.user for entry in get_leaderboard("all").entries]


def restrict(kind, player, staff):
    if kind == "hold":
        return hold_user(player, until=LATER, reason="Odd.", actor=staff)
    return exclude_user(player, reason="Odd.", actor=staff)


def test_a_held_user_is_not_listed_until_the_hold_ends(player, staff, server_clock):
    hold = hold_user(player, until=LATER, reason="Odd.", actor=staff)

    held = listed()
    server_clock.move_to(LATER)

    assert (held, listed()) == ([], [player])
    assert (hold.kind, hold.until, hold.reason, hold.actor) == (
        "hold",
        LATER,
        "Odd.",
        staff,
    )


def test_a_held_user_keeps_the_xp_and_earns_more(player, staff):
    hold_user(player, until=LATER, reason="Odd.", actor=staff)

    record_activity(player, "walk")

    assert profile_of(player).total_xp == 20


@pytest.mark.parametrize("kind", ["hold", "exclusion"])
def test_a_restriction_is_lifted(player, staff, kind):
    row = restrict(kind, player, staff)

    lifted = lift_restriction(player, kind, reason="Cleared.", actor=staff)

    row.refresh_from_db()
    assert lifted == row
    assert (row.lifted_at, row.lifted_by, row.lift_reason) == (NOW, staff, "Cleared.")
    assert listed() == [player]
    assert not open_restrictions(player)


def test_lifting_what_is_not_there_changes_nothing(player, staff):
    assert lift_restriction(player, "hold", actor=staff) is None


def test_another_hold_replaces_the_first(player, staff):
    hold_user(player, until=LATER, reason="Odd.", actor=staff)
    second = hold_user(player, until=LATER + timedelta(1), reason="Odder.", actor=None)

    assert [*open_restrictions(player)] == [second]
    assert Restriction.objects.count() == 2
    assert profile_of(player).held_until == LATER + timedelta(1)


def test_records_of_an_excluded_user_earn_nothing_and_are_no_error(player, staff):
    exclude_user(player, reason="Cheated.", actor=staff)
    before = everything()

    outcome = record_activity(player, "walk")

    assert everything() == before
    assert (outcome.entry, outcome.total_xp) == (None, 10)
    assert outcome.withheld.reason == "excluded"


def test_many_records_say_which_users_are_excluded(player, staff):
    exclude_user(player, reason="Cheated.", actor=staff)
    friend = UserFactory()

    records = [ActivityRecord(each, "walk") for each in (player, friend)]
    refused, accepted = record_each(records)

    assert isinstance(refused, UserExcludedError)
    assert accepted.credited == 10


def test_a_replay_of_an_excluded_user_is_the_first_outcome(player, staff):
    exclude_user(player, reason="Cheated.", actor=staff)

    assert record_activity(player, "walk", key="first").replayed


def test_an_excluded_user_gets_no_achievement(player, staff):
    AchievementFactory(key="medal", criterion="total_xp", threshold=10)
    exclude_user(player, reason="Cheated.", actor=staff)

    with pytest.raises(UserExcludedError):
        award_achievement(player, "medal")
    assert preview_backfill("medal").users == 0
    assert backfill_everyone("medal").awarded == 0


def test_a_user_who_is_excluded_during_a_backfill_gets_nothing(
    player, staff, monkeypatch
):
    AchievementFactory(key="medal", criterion="total_xp", threshold=10)
    exclude_user(player, reason="Cheated.", actor=staff)
    monkeypatch.setattr(
        "gamification.services.catalogue.backfill.awarding.qualifying_users",
        lambda achievement: UserGamification.objects.all(),
    )

    assert backfill_everyone("medal").awarded == 0


def test_staff_can_still_correct_an_excluded_user(player, staff):
    exclude_user(player, reason="Cheated.", actor=staff)

    adjust_xp(player, amount=-5, note="Cheated.", actor=staff)
    reverse_entry(player, entry_id=ledger_of(player)[0].pk, actor=staff)

    assert profile_of(player).total_xp == -5


def test_corrections_unlock_nothing_for_an_excluded_user(player, staff):
    AchievementFactory(key="rich", criterion="total_xp", threshold=20)
    exclude_user(player, reason="Cheated.", actor=staff)
    edit_activity("walk", actor=None, expected=None, xp_reward=30)
    scope = RecalculationScope(["walk"], NOW.date(), NOW.date())

    assert preview_recalculation(scope).effects.xp.value == 20
    recalculate_xp(scope)

    assert profile_of(player).total_xp == 30
    assert held_by(player) == set()


def test_an_excluded_user_is_not_counted(player, staff):
    AchievementFactory(key="medal")
    award_achievement(player, "medal")
    friend = UserFactory()
    record_activity(friend, "walk")

    exclude_user(player, reason="Cheated.", actor=staff)

    rarity = get_rarity()
    assert (rarity.denominator, rarity.holders) == (1, {})
    assert listed() == [friend]


def test_a_user_who_never_did_anything_can_be_excluded(user, staff):
    exclude_user(user, reason="A test account.", actor=staff)

    assert record_activity(user, "walk").withheld.reason == "excluded"


@pytest.mark.parametrize(
    ("until", "message"),
    [
        (NOW, "A hold must end in the future."),
        (datetime(2027, 1, 1), "until is 2027-01-01 00:00:00, which"),  # noqa: DTZ001
        ("2027-01-01", "until is '2027-01-01', which is not a datetime."),
    ],
)
def test_a_hold_ends_in_the_future(player, staff, until, message):
    with pytest.raises(InvalidInstantError, match=f"^{message}"):
        hold_user(player, until=until, reason="Odd.", actor=staff)


def test_a_restriction_has_a_reason_an_actor_and_a_user(player, staff):
    with pytest.raises(InvalidTextError):
        exclude_user(player, reason=" ", actor=staff)
    with pytest.raises(InvalidTextError):
        lift_restriction(player, "hold", reason="x" * 2_001, actor=staff)
    with pytest.raises(UnknownUserError):
        exclude_user(player, reason="Odd.", actor="nobody")
    with pytest.raises(UnknownUserError):
        exclude_user("999999", reason="Odd.", actor=staff)

    assert not Restriction.objects.exists()


def test_each_restriction_is_logged(player, staff, caplog):
    caplog.set_level(logging.INFO, "gamification")

    exclude_user(player, reason="Odd.", actor=staff)
    lift_restriction(player, "exclusion", actor=None)

    assert caplog.messages == [
        f"User {player.pk}: exclusion by user {staff.pk}.",
        f"User {player.pk}: exclusion lifted by user None.",
    ]


# --- Staff who give something to themselves


def test_staff_cannot_give_themselves_anything(staff):
    AchievementFactory(key="medal")
    before = everything()

    with pytest.raises(SelfAwardError):
        award_achievement(staff, "medal", actor=staff)
    with pytest.raises(SelfAwardError):
        adjust_xp(staff, amount=5, note="Mine.", actor=staff)

    assert everything() == before


def test_a_list_passes_over_who_began_it_and_who_runs_it(staff, user):
    AchievementFactory(key="medal")
    act, helper = Act(kind="award", achievement="medal"), UserFactory()

    preview = preview_list(act, [staff, user], actor=staff)
    job = begin_list(act, [staff, helper, user], actor=staff)
    run_next_step(job.pk, actor=helper)

    reason = "Staff cannot act on themselves, unless the site sets ALLOW_SELF_AWARDS."
    assert preview.skipped == [(staff.pk, reason)]
    held = [held_by(each) for each in (staff, helper, user)]
    assert held == [set(), set(), {"medal"}]


def test_a_site_may_allow_it_and_the_ledger_marks_it(staff, settings):
    settings.GAMIFICATION = {"ALLOW_SELF_AWARDS": True}
    AchievementFactory(key="medal")

    award_achievement(staff, "medal", actor=staff)
    adjust_xp(staff, amount=5, note="Mine.", actor=staff)
    adjust_xp(staff, amount=5, note="Nobody's.")

    assert [entry.is_own for entry in ledger_of(staff)] == [True, True, False]
