from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.maintenance import (
    Drift,
    comparing,
    rebuild,
    reconcile,
)
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.models.users import in_order
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    reverse_source,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import RecalculationScope, recalculate_xp
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: What is said of a medal that is held.
HELD = "held since 2026-06-10 12:00:00+00:00, 50 XP"
#: And of one that is lost.
LOST = HELD.replace(",", f" until {NOW},")

EARLIER = NOW - timedelta(days=1)

DERIVED = ["UserGamification", "ActivityTally", "ActiveDay"]


@pytest.fixture
def walker(user, activity):
    """A user with one walk: 10 XP on 10 June."""
    record_activity(user, "walk")
    return user


@pytest.fixture
def repaired(walker):
    """Leave the books in order, whatever the test did to them."""
    yield
    list(reconcile(fix=True))


def spoil(user, **columns):
    UserGamification.objects.filter(user=user).update(**columns)


def test_books_in_order_have_no_drift(walker):
    assert list(reconcile()) == []


def test_a_newcomer_has_no_drift(user):
    assert list(reconcile(user)) == []


@pytest.mark.parametrize(
    ("column", "stored", "derived"),
    [
        ("total_xp", 11, 10),
        ("level", 2, 1),
        ("current_streak", 0, 1),
        ("longest_streak", 5, 1),
        ("highest_streak", 0, 1),
        ("active_days", 2, 1),
        ("last_occurred_at", None, NOW),
        ("last_active_on", date(2026, 6, 9), date(2026, 6, 10)),
    ],
)
def test_every_derived_column_is_compared(walker, repaired, column, stored, derived):
    spoil(walker, **{column: stored})

    assert list(reconcile()) == [Drift(walker.pk, column, stored, derived)]


def test_the_highest_level_is_at_least_the_one_that_the_ledger_tells(walker, repaired):
    record_activity(walker, "walk", quantity=9)
    spoil(walker, highest_level=1)

    assert list(reconcile()) == [Drift(walker.pk, "highest_level", 1, 2)]


@pytest.mark.parametrize("column", ["highest_level", "highest_streak"])
def test_the_highest_level_and_streak_never_fall(walker, column):
    spoil(walker, **{column: 9, "total_xp": 0})

    drift = [each.what for each in reconcile(fix=True)]

    assert drift == ["total_xp"]
    assert getattr(profile_of(walker), column) == 9


def test_a_tally_that_drifted_is_named(walker, repaired):
    ActivityTally.objects.update(count=7)

    assert list(reconcile()) == [Drift(walker.pk, "tally walk", 7, 1)]


def test_a_tally_that_is_missing_is_named(walker, repaired):
    ActivityTally.objects.all().delete()

    assert list(reconcile()) == [
        Drift(walker.pk, "tally walk", None, 1),
        Drift(walker.pk, "tally walk recorded at", None, NOW),
    ]


def test_a_day_that_drifted_is_named(walker, repaired):
    ActiveDay.objects.update(xp=7)

    assert list(reconcile()) == [
        Drift(walker.pk, "day 2026-06-10", "1 activities, 7 XP", "1 activities, 10 XP")
    ]


def test_a_day_that_never_was_is_named(walker, repaired):
    ActiveDay.objects.create(user=walker, date=date(2026, 6, 1), activities=1)

    assert list(reconcile()) == [
        Drift(walker.pk, "day 2026-06-01", "1 activities, 0 XP", None)
    ]


@pytest.fixture
def winner(walker):
    """A user who walked, and was given a medal worth 50 XP."""
    award_achievement(walker, AchievementFactory(key="medal").key, celebrate=False)
    return walker


def test_an_unlock_that_is_missing_is_named_and_restored(winner):
    before = UserAchievement.objects.values().get()
    UserAchievement.objects.all().delete()

    drift = list(reconcile(fix=True))

    assert drift == [Drift(winner.pk, "achievement medal", None, HELD)]
    after = UserAchievement.objects.values().get()
    assert {**after, "id": None} == {**before, "id": None}


def test_an_unlock_that_was_restored_is_not_paid_again(winner):
    Achievement.objects.update(criterion="active_days", threshold=1)
    UserAchievement.objects.all().delete()
    list(reconcile(fix=True))

    outcome = record_activity(winner, "walk")

    assert (outcome.unlocks, outcome.total_xp) == ((), 70)


def test_an_unlock_that_the_ledger_does_not_know_is_named_and_removed(walker):
    UserAchievement.objects.create(
        user=walker,
        achievement=AchievementFactory(key="medal"),
        unlocked_at=NOW,
        xp_awarded=50,
    )

    drift = list(reconcile(fix=True))

    assert drift == [Drift(walker.pk, "achievement medal", HELD, None)]
    assert not UserAchievement.objects.exists()


def test_an_unlock_that_gave_something_else_is_named_and_put_right(winner):
    UserAchievement.objects.update(xp_awarded=7)

    drift = list(reconcile(fix=True))

    wrong = HELD.replace("50", "7")
    assert drift == [Drift(winner.pk, "achievement medal", wrong, HELD)]
    assert UserAchievement.objects.get().xp_awarded == 50


def test_an_unlock_that_is_no_longer_marked_as_revoked_is_revoked_again(winner):
    revoke_achievement(winner, "medal")
    UserAchievement.objects.update(revoked_at=None)

    drift = list(reconcile(fix=True))

    assert drift == [Drift(winner.pk, "achievement medal", HELD, LOST)]
    assert UserAchievement.objects.get().revoked_at == NOW


def test_an_unlock_that_is_marked_as_revoked_for_no_reason_is_held_again(winner):
    UserAchievement.objects.update(revoked_at=NOW, can_be_earned_again=True)

    drift = list(reconcile(fix=True))

    assert drift == [Drift(winner.pk, "achievement medal", LOST, HELD)]
    row = UserAchievement.objects.get()
    assert (row.revoked_at, row.can_be_earned_again) == (None, False)


def test_a_row_of_a_revocation_that_is_missing_is_restored_as_revoked(winner):
    revoke_achievement(winner, "medal")
    UserAchievement.objects.all().delete()

    assert [drift.derived for drift in reconcile(fix=True)] == [LOST]
    assert UserAchievement.objects.get().revoked_at == NOW


def test_an_unlock_with_another_time_is_named_and_put_right(winner):
    UserAchievement.objects.update(unlocked_at=NOW - timedelta(days=1))

    drift = list(reconcile(fix=True))

    wrong = HELD.replace("10 12", "09 12")
    assert drift == [Drift(winner.pk, "achievement medal", wrong, HELD)]
    assert UserAchievement.objects.get().unlocked_at == NOW


def everything_of(unlock):
    return UserAchievement.objects.filter(achievement__key=unlock).values().get()


@pytest.mark.parametrize("spoilt", [{"revoked_at": None}, None])
def test_a_row_of_a_revocation_is_restored_with_all_that_it_said(winner, staff, spoilt):
    revoke_achievement(winner, "medal", actor=staff, reason="A mistake.")
    before = everything_of("medal")
    rows = UserAchievement.objects.all()
    rows.update(**spoilt) if spoilt else rows.delete()

    list(reconcile(fix=True))

    assert everything_of("medal") | {"id": before["id"]} == before


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"revoked_at": EARLIER}, LOST.replace("until 2026-06-10", "until 2026-06-09")),
        ({"unlocked_at": EARLIER}, LOST.replace("10", "09", 1)),
        ({"xp_awarded": 7}, LOST.replace("50", "7")),
        ({"period": NOW.date()}, LOST.replace(",", " for 2026-06-10,")),
    ],
)
def test_a_row_of_a_revocation_that_differs_is_put_right(winner, spoilt, said):
    revoke_achievement(winner, "medal", reason="A mistake.")
    before = everything_of("medal")
    UserAchievement.objects.update(**spoilt)

    drift = list(reconcile(fix=True))

    assert drift == [Drift(winner.pk, "achievement medal", said, LOST)]
    assert everything_of("medal") == before


@pytest.mark.parametrize("column", ["unlocked_at", "revoked_at"])
def test_an_achievement_that_was_earned_again_and_differs_is_found(winner, column):
    revoke_achievement(winner, "medal")
    award_achievement(winner, "medal", celebrate=False)
    before = everything_of("medal")
    UserAchievement.objects.update(**{column: EARLIER})

    assert [each.derived for each in reconcile(fix=True)] == [HELD]
    assert everything_of("medal") == before


def test_an_unlock_of_another_period_is_put_right_and_not_paid_again(user):
    AchievementFactory(
        key="weekly",
        criterion="active_days",
        threshold=1,
        repeat_period="week",
        max_times=None,
        xp_reward=5,
    )
    record_activity(user, "walk")
    UserAchievement.objects.update(period=date(2026, 6, 1))

    [drift] = reconcile(fix=True)

    assert (drift.stored, drift.derived) == (
        "held since 2026-06-10 12:00:00+00:00 for 2026-06-01, 5 XP",
        "held since 2026-06-10 12:00:00+00:00 for 2026-06-08, 5 XP",
    )
    assert record_activity(user, "walk").unlocks == ()


def test_a_row_of_what_a_reversal_took_back_is_restored_as_it_was(walker, staff):
    walk = Activity.objects.get(key="walk")
    AchievementFactory(
        key="two",
        criterion="activity_count",
        activity=walk,
        threshold=2,
        revocable=True,
    )
    record_activity(walker, "walk", source="kpi:1")
    reverse_source(walker, source="kpi:1", actor=staff, note="It never was.")
    before = everything_of("two")
    UserAchievement.objects.all().delete()

    list(reconcile(fix=True))

    assert before["can_be_earned_again"] is True
    assert everything_of("two") | {"id": before["id"]} == before
    assert record_activity(walker, "walk").unlocks


def test_the_reward_of_an_unlock_may_have_been_lost_from_the_ledger(winner):
    revoke_achievement(winner, "medal")
    LedgerEntry._base_manager.filter(kind="achievement").delete()

    list(reconcile(fix=True))

    assert not UserAchievement.objects.exists()


def test_a_rebuild_leaves_the_row_of_a_revocation_as_it_is(winner, staff):
    revoke_achievement(winner, "medal", actor=staff, reason="A mistake.")
    before = UserAchievement.objects.values().get()
    spoil(winner, total_xp=5)

    list(reconcile(fix=True))

    assert UserAchievement.objects.values().get() == before


def test_a_row_that_is_missing_is_drift(walker, repaired):
    spoil(walker, total_xp=0)
    UserGamification.objects.all().delete()

    drift = {each.what: each.derived for each in reconcile()}

    assert drift["total_xp"] == 10
    assert drift["last_active_on"] == date(2026, 6, 10)


def test_a_row_that_nothing_was_recorded_for_is_drift_only_if_it_says_more(user):
    UserGamification.objects.create(user=user)
    before = list(reconcile())
    spoil(user, total_xp=5)

    assert (before, [each.what for each in reconcile(fix=True)]) == ([], ["total_xp"])


def test_drift_reads_as_a_sentence():
    drift = Drift(7, "total_xp", 11, 10)

    assert str(drift) == "user 7: total_xp is 11, the ledger says 10"


def test_fixing_restores_what_the_ledger_says(walker):
    before = [row for name in DERIVED for row in everything()[name]]
    spoil(walker, total_xp=11, level=2, current_streak=0, last_active_on=None)
    ActivityTally.objects.update(count=7)
    ActiveDay.objects.all().delete()

    assert len(list(reconcile(fix=True))) == 6

    after = [row for name in DERIVED for row in everything()[name]]
    ours = {"id", "version", "created_at", "updated_at"}
    assert [{**row, **dict.fromkeys(ours)} for row in after] == [
        {**row, **dict.fromkeys(ours)} for row in before
    ]


def test_fixing_moves_the_version_on(walker):
    before = profile_of(walker).version
    spoil(walker, total_xp=11)

    list(reconcile(fix=True))

    assert profile_of(walker).version == before + 1


def test_without_fixing_nothing_is_changed(walker, repaired):
    spoil(walker, total_xp=11)
    before = everything()

    list(reconcile())

    assert everything() == before


def test_one_user_may_be_compared(walker, repaired):
    other = UserFactory()
    record_activity(other, "walk")
    spoil(walker, total_xp=11)
    spoil(other, total_xp=12)

    assert [drift.user_id for drift in reconcile(walker)] == [walker.pk]


def test_users_are_compared_in_batches(walker):
    users = in_order([walker.pk, *(UserFactory().pk for _ in range(4))])
    for user in users:
        record_activity(user, "walk")
        spoil(user, total_xp=0)
    batches = []

    drift = list(
        reconcile(batch_size=2, fix=True, progress=lambda *done: batches.append(done))
    )

    assert [each.user_id for each in drift] == users
    assert batches == [(2, users[1]), (2, users[3]), (1, users[4])]


def test_a_comparison_goes_on_after_a_user(walker):
    users = in_order([walker.pk, *(UserFactory().pk for _ in range(3))])
    for user in users:
        record_activity(user, "walk")
        spoil(user, total_xp=0)
    get_user_model().objects.filter(pk=users[1]).delete()

    drift = list(reconcile(after=users[1], fix=True))

    assert [each.user_id for each in drift] == users[2:]
    assert [each.user_id for each in reconcile(fix=True)] == users[:1]


def test_comparing_takes_no_more_statements_for_more_users(activity):
    def statements():
        with CaptureQueriesContext(connection) as queries:
            list(reconcile())
        return len(queries)

    record_activities(ActivityRecord(UserFactory(), "walk") for _ in range(3))
    few = statements()
    record_activities(ActivityRecord(UserFactory(), "walk") for _ in range(20))

    assert statements() == few


def test_a_rich_history_is_rebuilt_from_its_ledger(user, staff, activity):
    AchievementFactory(key="medal")
    AchievementFactory(criterion="level", threshold=3)
    set_time_zone(user, "Pacific/Kiritimati")
    record_activity(user, "walk", quantity=20, source="kpi:1")
    award_achievement(user, "medal", actor=staff)
    reverse_source(user, source="kpi:1")
    adjust_xp(user, amount=-10, note="Spent.")
    before = profile_of(user)

    rebuild(user)

    after = profile_of(user)
    assert (after.total_xp, after.level) == (before.total_xp, before.level) == (90, 2)
    assert (after.highest_level, before.highest_level) == (4, 4)
    assert (after.zone_history, after.active_days) == (before.zone_history, 0)


def test_corrections_are_rebuilt_from_the_ledger(user, activity):
    record_activity(user, "walk", source="kpi:1")
    record_activity(user, "walk", quantity=2)
    type(activity).objects.update(xp_reward=25)
    recalculate_xp(RecalculationScope(["walk"], NOW.date(), NOW.date()))
    reverse_source(user, source="kpi:1")
    before = ActiveDay.objects.values("activities", "xp").get()

    rebuild(user)

    assert ActiveDay.objects.values("activities", "xp").get() == before
    assert (before, profile_of(user).total_xp) == ({"activities": 1, "xp": 50}, 50)


def test_rebuilding_celebrates_nothing(walker):
    spoil(walker, highest_level=1)
    LedgerEntry.objects.create(
        user=walker,
        kind="adjustment",
        amount=500,
        occurred_at=NOW,
        local_date=NOW.date(),
    )

    rebuild(walker)

    assert profile_of(walker).level == 5
    assert not walker.gamification_celebrations.exists()


def test_rebuilding_a_newcomer_makes_an_empty_row(user):
    rebuild(user)

    assert (profile_of(user).total_xp, profile_of(user).level) == (0, 1)


def test_new_thresholds_are_drift_until_they_are_applied(user, activity, site):
    record_activity(user, "walk", quantity=10)
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 10, 20, 30)}

    drift = {each.what: (each.stored, each.derived) for each in reconcile(fix=True)}

    assert drift == {"level": (2, 4), "highest_level": (2, 4)}
    assert list(reconcile()) == []


def test_a_difference_that_is_gone_when_looked_at_again_is_none(walker, monkeypatch):
    compare, spoiled = (
        comparing.compare,
        [{walker.pk: [Drift(walker.pk, "x", 1, 2)]}],
    )
    monkeypatch.setattr(
        comparing,
        "compare",
        lambda user_ids: spoiled.pop() if spoiled else compare(user_ids),
    )

    assert list(reconcile(walker)) == []


def test_the_ledger_is_not_touched_by_fixing(walker):
    before = everything()["LedgerEntry"]
    spoil(walker, total_xp=11)

    list(reconcile(fix=True))

    assert everything()["LedgerEntry"] == before


def test_users_are_compared_at_least_one_at_a_time(user):
    with pytest.raises(ValueError, match=r"^A batch has at least 1 user"):
        list(reconcile(batch_size=0))
