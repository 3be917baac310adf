"""Only what still holds is celebrated, and only once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gamification.exceptions import CelebrationOverError
from gamification.maintenance import reconcile
from gamification.models import Activity
from gamification.services import (
    ActivityRecord,
    acknowledge_celebrations,
    adjust_xp,
    claim_celebration,
    pending_celebrations,
    record_activities,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from tests.factories import AchievementFactory
from tests.inspection import ledger_of, profile_of
from tests.promises.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def waiting(user):
    return [show.dedupe_key for show in pending_celebrations(user)]


def climb(user, total):
    """Record as many walks as lead to this total."""
    return record_activity(
        user, "walk", quantity=(total - profile_of(user).total_xp) // 10
    )


@pytest.fixture
def put_back(settings):
    """Django's settings; progress is made anew when they are put back."""
    yield settings
    settings.GAMIFICATION = {}
    list(reconcile(fix=True))


def test_a_level_that_was_lost_before_it_was_shown_does_not_wait(user):
    outcome = record_activity(user, "walk", quantity=5)
    assert waiting(user) == ["level:2"]

    reverse_entry(user, entry_id=outcome.entry.id)

    assert waiting(user) == []


def test_a_level_that_was_lost_cannot_be_claimed(user):
    outcome = record_activity(user, "walk", quantity=5)
    [show] = pending_celebrations(user)
    reverse_entry(user, entry_id=outcome.entry.id)

    with pytest.raises(CelebrationOverError):
        claim_celebration(user, id=show.pk)


def test_an_achievement_that_was_revoked_cannot_be_claimed(user):
    AchievementFactory(key="ten", criterion="total_xp", threshold=10, xp_reward=0)
    record_activity(user, "walk")
    [show] = pending_celebrations(user)
    revoke_achievement(user, "ten")

    with pytest.raises(CelebrationOverError):
        claim_celebration(user, id=show.pk)

    assert waiting(user) == []


def test_a_level_is_celebrated_when_it_is_truly_reached_not_in_passing(user):
    Activity.objects.filter(key="walk").update(xp_reward=20, cooldown=30 * 3_600)
    AchievementFactory(
        key="two_in_a_row",
        criterion="longest_streak",
        threshold=2,
        xp_reward=8,
        revocable=True,
    )
    first = record_activity(user, "walk", occurred_at=NOW - timedelta(hours=24))
    record_activity(user, "walk", quantity=2)
    adjust_xp(user, amount=2, note="A gift.")
    # It takes back 20, frees 40, and loses 8 with the streak, of 30 in all.
    reverse_entry(user, entry_id=first.entry.id)
    assert (profile_of(user).total_xp, profile_of(user).highest_level) == (42, 1)

    adjust_xp(user, amount=8, note="A gift.")

    assert waiting(user) == ["level:2"]


def test_what_frees_xp_and_takes_more_away_is_in_the_ledger_in_order(user):
    Activity.objects.filter(key="walk").update(daily_limit=1)
    AchievementFactory(
        key="two",
        criterion="activity_count",
        threshold=2,
        revocable=True,
        activity=Activity.objects.get(key="walk"),
        xp_reward=5,
    )
    first, second = [record_activity(user, "walk").entry for _ in range(2)]

    outcome = reverse_entry(user, entry_id=first.id)

    [correction] = outcome.corrections
    assert [(e.kind, e.amount) for e in ledger_of(user)[-3:]] == [
        ("reversal", -10),
        ("reversal", -5),
        ("correction", 10),
    ]
    assert (correction.id, correction.corrects) == (ledger_of(user)[-1].pk, second.id)


def test_a_streak_that_was_lost_does_not_wait(user):
    entries = [
        record_activity(
            user, "walk", occurred_at=datetime(2026, 6, day, 12, tzinfo=UTC)
        )
        for day in (8, 9, 10)
    ]
    assert waiting(user) == ["streak:3"]

    reverse_entry(user, entry_id=entries[1].entry.id)

    assert waiting(user) == []


def test_levels_that_were_shown_are_not_shown_again_under_higher_thresholds(
    user, put_back
):
    record_activity(user, "walk")
    climb(user, 50)
    climb(user, 150)
    acknowledge_celebrations(user, ids=[c.pk for c in pending_celebrations(user)])
    put_back.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 200, 300, 400)}
    list(reconcile(fix=True))

    climb(user, 400)

    [show] = pending_celebrations(user)
    assert show.dedupe_key == "level:4"
    assert show.data["levels"] == [4]


def import_week(user):
    """Record the seven days up to 10 June, silently."""
    days = [datetime(2026, 6, day, 9, tzinfo=UTC) for day in range(4, 11)]
    records = [ActivityRecord(user, "walk", day) for day in days]
    record_activities(records, historical=True, celebrate=False)


def test_a_streak_that_was_imported_silently_is_never_celebrated(user):
    import_week(user)
    [middle] = [e.pk for e in ledger_of(user) if e.local_date.day == 7]
    reverse_entry(user, entry_id=middle)

    outcome = record_activity(
        user,
        "walk",
        occurred_at=datetime(2026, 6, 7, 9, tzinfo=UTC),
        historical=True,
    )

    assert outcome.longest_streak == 7
    assert waiting(user) == []


def test_a_level_that_was_imported_silently_is_never_celebrated(user):
    import_week(user)
    for entry in ledger_of(user):
        reverse_entry(user, entry_id=entry.pk)

    climb(user, 70)

    assert profile_of(user).level == 2
    assert waiting(user) == []


def test_an_unlock_that_was_taken_back_is_not_celebrated_when_it_comes_again(user):
    AchievementFactory(
        key="ten", criterion="total_xp", threshold=10, xp_reward=0, revocable=True
    )
    first = record_activity(user, "walk")
    reverse_entry(user, entry_id=first.entry.id)
    assert waiting(user) == []

    again = record_activity(user, "walk")

    assert [unlock.achievement for unlock in again.unlocks] == ["ten"]
    assert again.celebrations == ()
