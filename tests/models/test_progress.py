from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.streaks import Streak
from gamification.models import ActiveDay, ActivityTally, UserGamification, progress
from gamification.services import (
    record_activity,
    set_time_zone,
    set_visibility,
)
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import profile_of, violates

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("column", ["level", "highest_level"])
def test_levels_begin_at_1(user, column):
    assert violates(
        "gamification_usergamification_level",
        lambda: UserGamification.objects.create(user=user, **{column: 0}),
    )


@pytest.mark.parametrize("column", ["current_streak", "longest_streak"])
def test_a_streak_is_not_negative(user, column):
    assert violates(
        "gamification_usergamification_streak",
        lambda: UserGamification.objects.create(user=user, **{column: -1}),
    )


def test_a_user_has_one_row(user):
    UserGamification.objects.create(user=user)

    with pytest.raises(IntegrityError), transaction.atomic():
        UserGamification.objects.create(user=user)


def test_an_activity_is_tallied_once(user, activity):
    row = {"user": user, "activity": activity, "last_recorded_at": timezone.now()}

    def tally_twice():
        ActivityTally.objects.create(**row)
        ActivityTally.objects.create(**row)

    assert violates("gamification_activitytally_once", tally_twice)


def test_a_date_is_active_once(user):
    def mark_twice():
        ActiveDay.objects.create(user=user, date=date(2026, 6, 10))
        ActiveDay.objects.create(user=user, date=date(2026, 6, 10))

    assert violates("gamification_activeday_once", mark_twice)


def test_progress_reads_as_whose_it_is(user):
    user.username = "ada"
    walk = ActivityFactory(name="Walk")

    assert str(UserGamification(user=user)) == "ada"
    assert str(ActivityTally(count=3, activity=walk)) == "3 × Walk"
    assert str(ActiveDay(user=user, date=date(2026, 6, 10))) == "ada · 2026-06-10"


def test_a_newcomers_row_is_empty(user):
    profile = UserGamification.objects.create(user=user)

    assert (profile.total_xp, profile.level, profile.highest_level) == (0, 1, 1)
    assert (profile.streak, profile.active_days) == (Streak(), 0)
    assert (profile.time_zone, profile.zone_history, profile.is_public) == (
        "",
        [],
        True,
    )


def test_a_row_knows_the_users_days(user, settings):
    settings.TIME_ZONE = "Asia/Kolkata"
    before = UserGamification(user=user).calendar
    set_time_zone(user, "Asia/Tokyo")

    now = timezone.now()
    assert before.zone_at(now) == ZoneInfo("Asia/Kolkata")
    assert profile_of(user).calendar.zone_at(now) == ZoneInfo("Asia/Tokyo")


def zones_of(*names, default="Asia/Tokyo"):
    """Return the names of the zones that a stored history is read as."""
    history = [[since, name] for since, name in enumerate(names)]
    site = Calendar((ZoneChange(0, default),), 4)
    return [change.zone for change in progress.calendar_of(history, site).zones]


def test_a_user_without_a_choice_has_the_days_of_the_site():
    site = Calendar((ZoneChange(0, "Asia/Tokyo"),), 4)

    assert progress.calendar_of([], site) is site


def test_a_stored_zone_is_read_as_it_is():
    assert zones_of("Europe/Berlin", "Asia/Calcutta") == [
        "Europe/Berlin",
        "Asia/Calcutta",
    ]


@pytest.fixture
def without_old_names(monkeypatch):
    """Let the system know no zone whose name was given up; and nothing be kept."""
    progress._known_zone.cache_clear()
    lost = {"Asia/Calcutta", "Europe/Kiev", "Mars/Olympus"}
    monkeypatch.setattr(progress, "is_readable", lambda name: name not in lost)
    yield
    progress._known_zone.cache_clear()


@pytest.mark.usefixtures("without_old_names")
def test_a_zone_that_the_system_lost_is_read_by_its_present_name():
    assert zones_of("Asia/Calcutta", "Europe/Kiev") == ["Asia/Kolkata", "Europe/Kyiv"]


@pytest.mark.usefixtures("without_old_names")
def test_a_zone_that_nobody_knows_is_the_sites_and_is_logged_once(caplog):
    assert zones_of("Mars/Olympus", "Asia/Calcutta", "Mars/Olympus") == [
        "Asia/Tokyo",
        "Asia/Kolkata",
        "Asia/Tokyo",
    ]
    assert caplog.messages == [
        "The time zone 'Mars/Olympus' is unknown here; the site's is used instead."
    ]


def test_a_row_knows_the_streak(user, activity):
    record_activity(user, "walk")

    today = timezone.now().date()
    assert profile_of(user).streak == Streak(1, 1, today)


def test_a_user_leads_to_everything(user, activity):
    record_activity(user, "walk")

    assert user.gamification.total_xp == 10
    assert user.gamification_entries.get().amount == 10
    assert user.gamification_tallies.get().count == 1
    assert user.gamification_days.get().activities == 1
    assert not user.gamification_celebrations.exists()
    assert not user.gamification_achievements.exists()


@pytest.fixture
def people():
    """One user who is compared with others, and one for each reason not to be."""
    for name, flags in [
        ("ada", {}),
        ("shy", {}),
        ("gone", {"is_active": False}),
        ("boss", {"is_staff": True}),
    ]:
        set_visibility(UserFactory(username=name, **flags), is_public=name != "shy")


def names(profiles) -> set[str]:
    return {profile.user.username for profile in profiles}


@pytest.mark.usefixtures("people")
def test_active_users_count_but_not_staff():
    assert names(UserGamification.objects.counted()) == {"ada", "shy"}


@pytest.mark.usefixtures("people")
def test_a_counted_user_who_opted_out_is_not_ranked():
    assert names(UserGamification.objects.ranked()) == {"ada"}


@pytest.mark.usefixtures("people")
def test_staff_count_where_the_site_says_so(settings):
    settings.GAMIFICATION = {"RANKS_STAFF": True}

    assert names(UserGamification.objects.counted()) == {"ada", "shy", "boss"}
    assert names(UserGamification.objects.ranked()) == {"ada", "boss"}


@pytest.mark.usefixtures("people")
def test_a_user_model_may_know_neither_staff_nor_inactive_users(monkeypatch):
    monkeypatch.setattr(progress, "get_user_model", lambda: UserGamification)

    assert names(UserGamification.objects.ranked()) == {"ada", "gone", "boss"}
