from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync

from gamification.exceptions import UnknownUserError
from gamification.services import (
    adjust_xp,
    aget_achievements,
    aget_progress,
    award_achievement,
    get_progress,
    record_activity,
    revoke_achievement,
    set_time_zone,
    set_visibility,
)
from tests.services.conftest import NOW

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_newcomer_stands_at_the_beginning(user):
    progress = get_progress(user)

    assert (progress.level.level, progress.level.total_xp) == (1, 0)
    assert (progress.streak.state, progress.streak.lost_at) == ("broken", None)
    assert (progress.achievements, progress.time_zone) == (0, "UTC")


def test_the_level_comes_with_the_way_to_the_next(user):
    adjust_xp(user, amount=100, note="A present.")

    level = get_progress(user).level

    assert (level.previous_threshold, level.next_threshold) == (50, 150)
    assert level.progress == 0.5


def test_the_levels_are_those_of_the_site(user, settings):
    adjust_xp(user, amount=20, note="A present.")
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 10, 20)}

    level = get_progress(user).level

    assert (level.level, level.next_threshold, level.progress) == (3, None, 1.0)


def test_the_streak_is_that_of_now(user, activity):
    with time_machine.travel(NOON, tick=False):
        record_activity(user, "walk")

    with time_machine.travel(datetime(2026, 3, 3, 12, tzinfo=UTC), tick=False):
        streak = get_progress(user).streak

    assert (streak.state, streak.current) == ("at_risk", 1)
    assert streak.last_active_on == date(2026, 3, 2)
    assert streak.lost_at == datetime(2026, 3, 4, tzinfo=UTC)


def test_the_zone_is_the_one_in_effect(user):
    set_time_zone(user, "Asia/Tokyo")

    assert get_progress(user).time_zone == "Asia/Tokyo"


def test_a_change_of_zone_that_waits_says_from_when_on(user, activity, server_clock):
    record_activity(user, "walk")
    set_time_zone(user, "Asia/Tokyo")
    server_clock.shift(timedelta(hours=1))
    set_time_zone(user, "Europe/Paris")

    waiting = get_progress(user)
    server_clock.move_to(NOW + timedelta(hours=24))
    done = get_progress(user)

    assert (waiting.time_zone, waiting.pending_time_zone) == (
        "Asia/Tokyo",
        "Europe/Paris",
    )
    assert waiting.effective_at == NOW + timedelta(hours=24)
    assert (done.time_zone, done.pending_time_zone) == ("Europe/Paris", None)
    assert done.effective_at is None


def test_a_newcomer_is_public_in_version_0(user):
    progress = get_progress(user)

    assert (progress.is_public, progress.version) == (True, 0)


def test_progress_tells_visibility_and_version(user, activity):
    record_activity(user, "walk")
    first = get_progress(user)
    set_visibility(user, is_public=False)
    second = get_progress(user)

    assert (first.is_public, second.is_public) == (True, False)
    assert second.version == first.version + 1


def test_achievements_that_were_revoked_are_not_counted(user):
    award_achievement(user, "level_5")
    award_achievement(user, "level_10")
    revoke_achievement(user, "level_5")

    assert get_progress(user).achievements == 1


def test_a_key_that_no_user_can_have_is_unknown(db):
    with pytest.raises(UnknownUserError):
        get_progress("\0")


def test_progress_takes_one_query(user, activity, django_assert_num_queries):
    record_activity(user, "walk")

    with django_assert_num_queries(1):
        get_progress(user)


def test_progress_of_a_newcomer_takes_one_query(user, django_assert_num_queries):
    with django_assert_num_queries(1):
        get_progress(user)


def test_reads_have_twins_for_async_callers(user):
    progress = async_to_sync(aget_progress)(user)
    rows = async_to_sync(aget_achievements)(user)

    assert (progress.level.level, len(rows)) == (1, 11)
