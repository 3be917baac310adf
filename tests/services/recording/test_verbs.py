from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from gamification.exceptions import (
    InactiveActivityError,
    OutOfRangeError,
    UnknownActivityError,
)
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    Celebration,
    UserAchievement,
)
from gamification.services import (
    adjust_xp,
    record_activity,
    reverse_entry,
)
from gamification.values import Withheld
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements"),
]


def test_a_first_record_makes_the_users_row(user, activity):
    outcome = record_activity(user, "walk")

    profile = profile_of(user)
    assert (profile.total_xp, profile.level, profile.highest_level) == (10, 1, 1)
    assert (profile.current_streak, profile.longest_streak) == (1, 1)
    assert (profile.active_days, profile.last_active_on) == (1, date(2026, 6, 10))
    assert (outcome.total_xp, outcome.replayed) == (10, False)


def test_a_record_is_one_entry_of_the_ledger(user, activity):
    outcome = record_activity(user, "walk", quantity=3, source="visions.kpi:42")

    [entry] = ledger_of(user)
    assert outcome.entry.id == entry.pk
    assert (entry.kind, entry.activity, entry.amount) == ("activity", activity, 30)
    assert (entry.quantity, entry.rewarded, entry.extends_streak) == (3, 3, True)
    assert (entry.source, entry.key, entry.outcome) == ("visions.kpi:42", None, None)
    assert (entry.occurred_at, entry.recorded_at) == (NOW, NOW)
    assert entry.local_date == date(2026, 6, 10)


def test_the_entry_of_the_outcome_is_the_one_in_the_ledger(user, activity):
    outcome = record_activity(user, "walk", key="a", source="visions.kpi:42")

    [stored] = ledger_of(user)
    names = [name for name in outcome.entry._fields if name not in {"id", "outcome"}]
    assert {name: getattr(outcome.entry, name) for name in names} == {
        name: getattr(stored, name) for name in names
    }


def test_a_record_counts_into_the_tally_and_the_day(user, activity):
    record_activity(user, "walk", quantity=3)
    record_activity(user, "walk", quantity=2)

    tally, day = ActivityTally.objects.get(user=user), ActiveDay.objects.get(user=user)
    assert (tally.activity, tally.count) == (activity, 5)
    assert tally.last_recorded_at == NOW
    assert (day.date, day.kind) == (date(2026, 6, 10), "active")
    assert (day.activities, day.xp) == (2, 50)


def test_a_tally_keeps_the_latest_time_even_if_a_clock_lags(user, activity):
    record_activity(user, "walk")
    with time_machine.travel(NOW - timedelta(seconds=1), tick=False):
        record_activity(user, "walk")

    tally = ActivityTally.objects.get(user=user)
    assert (tally.count, tally.last_recorded_at) == (2, NOW)


def test_every_write_moves_the_version_on(user, activity):
    record_activity(user, "walk")
    before = profile_of(user).version

    record_activity(user, "walk")

    assert profile_of(user).version == before + 1


def test_a_user_may_be_given_by_primary_key(user, activity):
    record_activity(user.pk, "walk")
    record_activity(str(user.pk), "walk")

    assert profile_of(user).total_xp == 20


def test_users_do_not_share_anything(user, activity):
    other = UserFactory()
    record_activity(user, "walk", quantity=5)

    outcome = record_activity(other, "walk")

    assert (outcome.total_xp, outcome.level_before, outcome.level) == (10, 1, 1)
    assert profile_of(user).total_xp == 50


def test_a_record_may_say_when_it_occurred(user, activity):
    yesterday = NOW - timedelta(days=1)

    outcome = record_activity(user, "walk", occurred_at=yesterday)

    assert outcome.entry.occurred_at == yesterday
    assert outcome.entry.local_date == date(2026, 6, 9)
    assert outcome.entry.recorded_at == NOW


def test_an_activity_may_extend_no_streak(user):
    ActivityFactory(key="look", extends_streak=False)

    outcome = record_activity(user, "look")

    assert (outcome.total_xp, outcome.current_streak) == (10, 0)
    assert not ActiveDay.objects.exists()


def test_an_activity_may_earn_no_xp(user):
    ActivityFactory(key="look", xp_reward=0)

    outcome = record_activity(user, "look")

    assert (outcome.credited, outcome.current_streak) == (0, 1)
    assert outcome.withheld is None


def test_an_earlier_record_stays_when_staff_edit_the_reward(user, activity):
    record_activity(user, "walk")
    Activity.objects.filter(key="walk").update(xp_reward=1_000)

    outcome = record_activity(user, "walk")

    assert [entry.amount for entry in ledger_of(user)] == [10, 1_000]
    assert outcome.total_xp == 1_010


def test_an_unlock_is_written_with_its_xp_and_its_time(user, activity):
    medal = AchievementFactory(
        key="medal",
        name="Medal",
        icon="🥇",
        criterion="activity_count",
        activity=activity,
        threshold=2,
    )
    yesterday = NOW - timedelta(days=1)

    outcome = record_activity(user, "walk", quantity=2, occurred_at=yesterday)

    [unlock], [held] = outcome.unlocks, UserAchievement.objects.filter(user=user)
    assert (unlock.achievement, unlock.name, unlock.icon) == ("medal", "Medal", "🥇")
    assert (unlock.xp, outcome.xp_gained) == (50, 70)
    assert (held.achievement, held.xp_awarded) == (medal, 50)
    assert (held.unlocked_at, held.revoked_at) == (yesterday, None)


def test_the_reward_of_an_unlock_is_an_entry_of_its_own(user, activity):
    medal = AchievementFactory(criterion="active_days", threshold=1)

    record_activity(user, "walk")

    walk, reward = ledger_of(user)
    assert (reward.kind, reward.amount) == ("achievement", 50)
    assert (reward.achievement, reward.activity) == (medal, None)
    assert (reward.quantity, reward.extends_streak) == (0, False)
    assert reward.occurred_at == walk.occurred_at


def test_an_achievement_is_unlocked_once(user, activity):
    AchievementFactory(criterion="active_days", threshold=1)
    record_activity(user, "walk")

    outcome = record_activity(user, "walk")

    assert outcome.unlocks == ()
    assert profile_of(user).total_xp == 70


def test_unlocks_lead_to_unlocks(user, activity):
    for key, criterion, threshold in [
        ("collector", "achievements", 3),
        ("second", "level", 2),
        ("day", "longest_streak", 1),
        ("hundred", "total_xp", 100),
    ]:
        AchievementFactory(key=key, criterion=criterion, threshold=threshold)

    outcome = record_activity(user, "walk")

    # 10 XP, and 50 XP each: the day reaches level 2, which reaches 100 XP.
    assert [unlock.achievement for unlock in outcome.unlocks] == [
        "day",
        "second",
        "hundred",
        "collector",
    ]
    assert (outcome.total_xp, outcome.level) == (210, 3)


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_active_achievements_are_unlocked(user, activity, status):
    AchievementFactory(criterion="active_days", threshold=1, status=status)

    assert record_activity(user, "walk").unlocks == ()


def test_an_edited_achievement_counts_for_the_next_record(user, activity):
    medal = AchievementFactory(criterion="active_days", threshold=2)
    record_activity(user, "walk")
    Achievement.objects.filter(pk=medal.pk).update(threshold=1, xp_reward=7)

    outcome = record_activity(user, "walk")

    assert [unlock.xp for unlock in outcome.unlocks] == [7]


def test_an_award_stays_when_staff_edit_the_achievement(user, activity):
    medal = AchievementFactory(key="medal", criterion="active_days", threshold=1)
    record_activity(user, "walk")
    Achievement.objects.filter(pk=medal.pk).update(threshold=1_000, xp_reward=1)

    record_activity(user, "walk")

    assert held_by(user) == {"medal"}
    assert UserAchievement.objects.get(user=user).xp_awarded == 50


def test_celebrations_are_rows_with_what_to_show(user, activity):
    AchievementFactory(
        key="medal", name="Medal", icon="🥇", criterion="active_days", threshold=1
    )

    outcome = record_activity(user, "walk", quantity=10)

    medal, level = Celebration.objects.filter(user=user).order_by("id")
    assert [notice.id for notice in outcome.celebrations] == [medal.pk, level.pk]
    assert (medal.kind, medal.dedupe_key) == ("achievement", "achievement:medal")
    assert medal.data == {
        "achievement": "medal",
        "name": "Medal",
        "icon": "🥇",
        "xp": 50,
    }
    assert level.data == {"from": 1, "to": 3, "levels": [2, 3]}
    assert (level.created_at, level.expires_at) == (NOW, NOW + timedelta(days=7))


def test_a_streak_milestone_is_celebrated(user, activity):
    for days in (2, 1, 0):
        outcome = record_activity(
            user, "walk", occurred_at=NOW - timedelta(days), historical=True
        )

    assert [notice.dedupe_key for notice in outcome.celebrations] == ["streak:3"]


def test_nothing_is_celebrated_twice(user, activity):
    for days in (2, 1, 0):
        last = record_activity(
            user, "walk", occurred_at=NOW - timedelta(days), historical=True
        )
    Celebration.objects.filter(user=user).update(acknowledged_at=NOW)
    entry = last.entry

    reverse_entry(user, entry_id=entry.id)
    again = record_activity(user, "walk")

    assert (again.current_streak, again.celebrations) == (3, ())


def test_a_silent_record_celebrates_nothing(user, activity):
    AchievementFactory(key="medal", criterion="active_days", threshold=1)

    outcome = record_activity(user, "walk", quantity=10, celebrate=False)

    assert (outcome.celebrations, Celebration.objects.count()) == ((), 0)
    assert (held_by(user), outcome.level) == ({"medal"}, 3)


def test_units_over_the_daily_limit_are_withheld(user):
    ActivityFactory(key="walk", daily_limit=3)
    record_activity(user, "walk", quantity=2)

    outcome = record_activity(user, "walk", quantity=2)

    assert (outcome.credited, outcome.total_xp) == (10, 30)
    assert outcome.withheld == Withheld(
        xp=10,
        quantity=1,
        reason="daily_limit",
        earnable_at=datetime(2026, 6, 11, tzinfo=UTC),
    )
    assert ActivityTally.objects.get(user=user).count == 4


def test_a_daily_limit_is_one_of_the_users_own_day(user):
    ActivityFactory(key="walk", daily_limit=1)
    record_activity(user, "walk", occurred_at=NOW - timedelta(days=1))

    outcome = record_activity(user, "walk")

    assert outcome.withheld is None


def test_a_late_record_meets_the_limit_of_its_own_day(user):
    ActivityFactory(key="walk", daily_limit=1)
    record_activity(user, "walk", occurred_at=NOW - timedelta(days=1))
    record_activity(user, "walk")

    outcome = record_activity(user, "walk", occurred_at=NOW - timedelta(days=1))

    assert (outcome.credited, outcome.withheld.earnable_at) == (0, NOW)


def test_several_limited_activities_are_kept_apart(user):
    ActivityFactory(key="walk", daily_limit=1)
    ActivityFactory(key="run", daily_limit=1)
    record_activity(user, "walk")

    assert record_activity(user, "run").credited == 10


def test_a_cooldown_withholds_until_it_is_over(user):
    ActivityFactory(key="walk", cooldown=3_600)
    record_activity(user, "walk", occurred_at=NOW - timedelta(minutes=45))

    outcome = record_activity(user, "walk")

    assert (outcome.credited, outcome.withheld.reason) == (0, "cooldown")
    assert outcome.withheld.earnable_at == NOW + timedelta(minutes=15)


def test_a_cooldown_is_over_to_the_microsecond(user):
    ActivityFactory(key="walk", cooldown=3_600)
    before = NOW - timedelta(hours=1)
    record_activity(user, "walk", occurred_at=before + timedelta(microseconds=1))

    assert record_activity(user, "walk").credited == 0
    assert record_activity(user, "walk", occurred_at=before).credited == 0
    later = NOW + timedelta(microseconds=1)
    assert record_activity(user, "walk", occurred_at=later).credited == 10


def test_a_reversed_record_starts_no_cooldown(user):

    ActivityFactory(key="walk", cooldown=3_600)
    first = record_activity(user, "walk")
    reverse_entry(user, entry_id=first.entry.id)

    assert record_activity(user, "walk").credited == 10


def test_a_long_cooldown_looks_far_back(user):
    ActivityFactory(key="walk", cooldown=30 * 86_400)
    record_activity(
        user, "walk", occurred_at=NOW - timedelta(days=29, hours=23), historical=True
    )

    assert record_activity(user, "walk").credited == 0


def test_an_unknown_activity_is_refused(user):
    before = everything()

    message = "No activity has the key 'fly'. Known: 'kpi_completed', 'vision_created'."
    with pytest.raises(UnknownActivityError, match=f"^{re.escape(message)}$"):
        record_activity(user, "fly")

    assert everything() == before


def test_an_activity_that_is_switched_off_is_refused(user):
    ActivityFactory(key="walk", is_active=False)
    before = everything()

    with pytest.raises(
        InactiveActivityError, match=r"^The activity 'walk' is switched off\.$"
    ):
        record_activity(user, "walk")

    assert everything() == before


def test_a_site_may_skip_an_activity_that_is_switched_off(user, activity):
    record_activity(user, "walk", quantity=5)
    Activity.objects.filter(key="walk").update(is_active=False)
    before = everything()

    outcome = record_activity(user, "walk", quantity=2, if_inactive="skip")

    assert (outcome.entry, outcome.credited, outcome.replayed) == (None, 0, False)
    assert outcome.withheld == Withheld(0, 2, "inactive", None)
    assert (outcome.total_xp, outcome.level_before, outcome.level) == (50, 2, 2)
    assert (outcome.current_streak, outcome.longest_streak) == (1, 1)
    assert everything() == before


def test_a_newcomer_may_skip_an_activity_that_is_switched_off(user, activity):
    Activity.objects.filter(key="walk").update(is_active=False)

    outcome = record_activity(user, "walk", if_inactive="skip")

    assert (outcome.total_xp, outcome.level, outcome.current_streak) == (0, 1, 0)
    assert ledger_of(user) == []


def test_an_unknown_activity_is_never_skipped(user, activity):
    with pytest.raises(UnknownActivityError):
        record_activity(user, "fly", if_inactive="skip")


def test_a_total_out_of_range_is_refused(user, activity):
    adjust_xp(user, amount=2**53 - 9, note="Nearly all of it.")
    before = everything()

    with pytest.raises(OutOfRangeError) as refusal:
        record_activity(user, "walk")

    assert str(refusal.value) == "The total would be larger than can be stored."
    assert everything() == before


def test_a_callers_rollback_takes_everything_back(user, activity):
    AchievementFactory(criterion="active_days", threshold=1)
    before = everything()

    with transaction.atomic():
        record_activity(user, "walk", quantity=100, key="a")
        transaction.set_rollback(True)

    assert everything() == before


def test_a_refusal_leaves_the_callers_transaction_usable(user, activity):
    with transaction.atomic():
        record_activity(user, "walk")
        with pytest.raises(UnknownActivityError):
            record_activity(user, "fly")
        record_activity(user, "walk")

    assert profile_of(user).total_xp == 20


def test_settings_of_the_site_are_read_live(user, activity, site):
    record_activity(user, "walk", quantity=10)
    site.GAMIFICATION = {
        "LEVEL_THRESHOLDS": (0, 1_000),
        "STREAK_MILESTONES": (1,),
        "CELEBRATION_TTL": timedelta(hours=1),
    }
    other = UserFactory()

    outcome = record_activity(other, "walk", quantity=10)

    assert outcome.level == 1
    [celebration] = Celebration.objects.filter(user=other)
    assert celebration.dedupe_key == "streak:1"
    assert celebration.expires_at == NOW + timedelta(hours=1)


def test_a_level_follows_new_thresholds_with_the_next_record(user, activity, site):
    record_activity(user, "walk", quantity=10)
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 1_000)}

    outcome = record_activity(user, "walk")

    # The record did not cost the level.
    assert (outcome.level_before, outcome.level) == (1, 1)
    assert profile_of(user).level == 1


def test_what_a_new_table_raises_is_not_celebrated(user, activity, site):
    record_activity(user, "walk", quantity=4)
    site.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 10, 20, 30, 40, 50, 60)}

    outcome = record_activity(user, "walk")

    [celebration] = outcome.celebrations
    assert (outcome.level_before, outcome.level) == (5, 6)
    assert celebration.data == {"from": 5, "to": 6, "levels": [6]}


def test_a_day_of_a_site_may_begin_at_four(user, activity, site):
    site.GAMIFICATION = {"DAY_START_HOUR": 4}

    outcome = record_activity(
        user, "walk", occurred_at=datetime(2026, 6, 10, 3, 59, tzinfo=UTC)
    )

    assert outcome.entry.local_date == date(2026, 6, 9)


def test_a_site_may_have_a_default_time_zone(user, activity, site):
    site.GAMIFICATION = {"DEFAULT_TIME_ZONE": "Pacific/Kiritimati"}

    outcome = record_activity(user, "walk")

    assert outcome.entry.local_date == date(2026, 6, 11)


def test_without_one_djangos_time_zone_counts(user, activity, site):
    site.TIME_ZONE = "Pacific/Kiritimati"

    outcome = record_activity(user, "walk")

    assert outcome.entry.local_date == date(2026, 6, 11)
