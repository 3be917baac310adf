from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.domain.streaks import Streak
from gamification.exceptions import InvalidRequestError, UnknownUserError
from gamification.models import UserGamification
from gamification.services import (
    adjust_xp,
    record_activity,
    set_celebration_mode,
    set_time_zone,
    set_visibility,
)
from gamification.services.players import settings as settings_service
from gamification.services.unit_of_work import ConcurrentUpdateError
from gamification.values import TimeZoneChange
from tests.factories import UserFactory
from tests.inspection import everything, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("activity")]


@pytest.fixture
def walker(user, activity):
    """A user with a past to protect: a walk of a month ago."""
    record_activity(user, "walk", occurred_at=NOW - timedelta(days=30), historical=True)
    return user


def test_a_zone_takes_effect_at_once(user):
    change = set_time_zone(user, "Pacific/Kiritimati")

    assert change == TimeZoneChange("Pacific/Kiritimati", NOW, Streak())
    assert record_activity(user, "walk").entry.local_date == date(2026, 6, 11)


def test_the_row_of_the_user_shows_the_choice(walker):
    set_time_zone(walker, "Asia/Tokyo")

    profile = profile_of(walker)
    assert profile.time_zone == "Asia/Tokyo"
    assert profile.zone_history == [[0, "UTC"], [NOW.timestamp(), "Asia/Tokyo"]]


def test_a_change_moves_the_version_on(user):
    record_activity(user, "walk")
    before = profile_of(user).version

    set_time_zone(user, "Asia/Tokyo")

    assert profile_of(user).version == before + 1


def test_dates_of_what_was_recorded_stay(user):
    record_activity(user, "walk")

    set_time_zone(user, "Pacific/Kiritimati")

    assert [entry.local_date for entry in ledger_of(user)] == [date(2026, 6, 10)]


def test_a_late_record_falls_into_the_zone_of_its_time(walker):
    set_time_zone(walker, "Pacific/Kiritimati")

    before = NOW - timedelta(minutes=1)
    outcome = record_activity(walker, "walk", occurred_at=before)

    assert outcome.entry.local_date == date(2026, 6, 10)


def test_a_zone_chosen_before_anything_was_recorded_holds_for_all_time(user):
    set_time_zone(user, "Pacific/Kiritimati")

    before = NOW - timedelta(days=30)
    outcome = record_activity(user, "walk", occurred_at=before, historical=True)

    assert profile_of(user).zone_history == [[0, "Pacific/Kiritimati"]]
    assert outcome.entry.local_date == date(2026, 5, 12)


def test_a_choice_before_anything_was_recorded_may_be_made_again(user):
    set_time_zone(user, "Pacific/Kiritimati")

    change = set_time_zone(user, "Pacific/Pago_Pago")

    assert change.effective_at == NOW
    assert profile_of(user).zone_history == [[0, "Pacific/Pago_Pago"]]


def test_an_adjustment_is_a_past_to_protect(user):
    adjust_xp(user, amount=5, note="A gift.")

    set_time_zone(user, "Asia/Tokyo")

    zones = [zone for _, zone in profile_of(user).zone_history]
    assert zones == ["UTC", "Asia/Tokyo"]


def test_a_second_change_waits_for_24_hours(walker, server_clock):
    set_time_zone(walker, "Asia/Tokyo")
    server_clock.shift(timedelta(hours=1))

    change = set_time_zone(walker, "Pacific/Kiritimati")

    assert change.effective_at == NOW + timedelta(hours=24)
    assert record_activity(walker, "walk").entry.local_date == date(2026, 6, 10)
    server_clock.move_to(NOW + timedelta(hours=24))
    assert record_activity(walker, "walk").entry.local_date == date(2026, 6, 12)


def test_a_change_that_waits_is_replaced(walker, server_clock):
    set_time_zone(walker, "Asia/Tokyo")
    server_clock.shift(timedelta(hours=1))
    set_time_zone(walker, "Pacific/Kiritimati")

    change = set_time_zone(walker, "Europe/Paris")

    assert change.effective_at == NOW + timedelta(hours=24)
    zones = [zone for _, zone in profile_of(walker).zone_history]
    assert zones == ["UTC", "Asia/Tokyo", "Europe/Paris"]


def test_going_back_drops_the_change_that_waits(walker, server_clock):
    set_time_zone(walker, "Asia/Tokyo")
    server_clock.shift(timedelta(hours=1))
    set_time_zone(walker, "Pacific/Kiritimati")

    change = set_time_zone(walker, "Asia/Tokyo")

    assert change.effective_at == NOW
    zones = [zone for _, zone in profile_of(walker).zone_history]
    assert zones == ["UTC", "Asia/Tokyo"]


def test_twenty_changes_on_a_day_do_not_make_another_day(walker, server_clock):
    for hour in range(20):
        server_clock.move_to(NOW + timedelta(hours=hour))
        set_time_zone(walker, ["Pacific/Kiritimati", "Pacific/Pago_Pago"][hour % 2])
        record_activity(walker, "walk")

    # Twenty hours from 02:00 on in Kiritimati, where 10 June never was.
    _, *walks = ledger_of(walker)
    assert {entry.local_date for entry in walks} == {date(2026, 6, 11)}


def test_a_date_that_a_flight_cut_short_does_not_break_the_streak(user, server_clock):
    set_time_zone(user, "Pacific/Honolulu")
    server_clock.move_to(datetime(2026, 6, 14, 12, tzinfo=UTC))
    record_activity(user, "walk")
    server_clock.move_to(datetime(2026, 6, 15, 9, 30, tzinfo=UTC))

    set_time_zone(user, "Pacific/Auckland")

    # 14 June ended at 23:30 in Honolulu, and 15 June has two and a half hours.
    server_clock.move_to(datetime(2026, 6, 15, 21, tzinfo=UTC))
    outcome = record_activity(user, "walk")
    assert outcome.entry.local_date == date(2026, 6, 16)
    assert outcome.current_streak == 2


def test_the_longest_streak_does_not_fall_with_a_change_of_zone(user, server_clock):
    set_time_zone(user, "Pacific/Honolulu")
    for day in (15, 16, 17):
        server_clock.move_to(datetime(2026, 6, day, 12, tzinfo=UTC))
        record_activity(user, "walk")

    # 02:00 on 17 June in Honolulu is 00:00 on 18 June in Auckland.
    change = set_time_zone(user, "Pacific/Auckland")

    assert change.streak.longest == 3
    assert profile_of(user).longest_streak == 3


def test_a_change_that_waits_takes_no_day_before_it_takes_effect(user, server_clock):
    set_time_zone(user, "Pacific/Honolulu")
    # 01:00 on 11 June. The change would cut that date to two hours, were it to come.
    server_clock.move_to(datetime(2026, 6, 11, 11, tzinfo=UTC))
    set_time_zone(user, "Pacific/Auckland")
    first = record_activity(user, "walk")

    set_time_zone(user, "Pacific/Honolulu")

    server_clock.shift(timedelta(days=1))
    assert first.current_streak == 1
    assert record_activity(user, "walk").current_streak == 2


def test_a_zone_may_be_chosen_before_anything_was_recorded(user):
    set_time_zone(user, "Asia/Tokyo")

    profile = profile_of(user)
    assert (profile.total_xp, profile.level, profile.active_days) == (0, 1, 0)


def test_choosing_the_sites_zone_pins_it(user, site):
    set_time_zone(user, "UTC")
    site.TIME_ZONE = "Pacific/Kiritimati"

    assert record_activity(user, "walk").entry.local_date == date(2026, 6, 10)


def test_the_longest_name_of_a_zone_has_room(user):
    set_time_zone(user, "America/Argentina/ComodRivadavia")

    assert profile_of(user).time_zone == "America/Argentina/Catamarca"


def test_a_name_that_was_given_up_is_stored_as_the_present_one(user):
    change = set_time_zone(user, "Asia/Calcutta")

    profile = profile_of(user)
    assert (change.time_zone, profile.time_zone) == ("Asia/Kolkata", "Asia/Kolkata")
    assert profile.zone_history == [[0, "Asia/Kolkata"]]


def test_a_new_name_of_the_same_zone_is_no_change(walker):
    set_time_zone(walker, "Asia/Kolkata")
    before = profile_of(walker).zone_history

    set_time_zone(walker, "Asia/Calcutta")

    assert profile_of(walker).zone_history == before


def test_the_highest_streak_does_not_fall_with_a_change_of_zone(walker):
    UserGamification.objects.filter(user=walker).update(highest_streak=9)

    set_time_zone(walker, "Asia/Tokyo")

    assert profile_of(walker).highest_streak == 9


def test_the_same_choice_again_changes_no_dates(user):
    set_time_zone(user, "Asia/Tokyo")
    before = profile_of(user).zone_history

    set_time_zone(user, "Asia/Tokyo")

    assert profile_of(user).zone_history == before


def test_a_user_may_hide_and_come_back(user):
    record_activity(user, "walk")
    before = profile_of(user)

    changes = [set_visibility(user, is_public=choice) for choice in (False, True)]

    after = profile_of(user)
    assert changes == [True, True]
    assert (after.is_public, after.version) == (True, before.version + 2)


def test_somebody_hidden_shows_in_the_row(user, server_clock):
    record_activity(user, "walk")
    server_clock.shift(timedelta(hours=1))

    set_visibility(user, is_public=False)

    profile = profile_of(user)
    assert (profile.is_public, profile.total_xp) == (False, 10)
    assert profile.updated_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("choice", [True, False])
def test_the_same_choice_again_changes_nothing(user, choice):
    set_visibility(user, is_public=choice)
    before = everything()

    changed = set_visibility(user, is_public=choice)

    assert (changed, everything()) == (False, before)


def test_a_newcomer_may_hide(user):
    set_visibility(user, is_public=False)

    assert profile_of(user).is_public is False
    assert record_activity(user, "walk").total_xp == 10
    assert profile_of(user).is_public is False


@pytest.mark.parametrize("is_known", [True, False])
def test_hiding_takes_four_statements_at_the_most(
    user, is_known, django_assert_max_num_queries
):
    if is_known:
        record_activity(user, "walk")

    with django_assert_max_num_queries(4):
        set_visibility(user, is_public=False)


def test_others_stay_as_they_are(user):
    record_activity(other := UserFactory(), "walk")
    before = profile_of(other).version

    set_visibility(user, is_public=False)

    assert (profile_of(other).is_public, profile_of(other).version) == (True, before)


@pytest.mark.parametrize("choice", [None, 0, 1, "true", "", [True]], ids=ascii)
def test_visibility_is_either_true_or_false(user, choice):
    before = everything()

    with pytest.raises(
        InvalidRequestError, match=r"^is_public is .+, neither True nor False\.$"
    ) as refusal:
        set_visibility(user, is_public=choice)

    assert refusal.value.context == {"field": "is_public"}
    assert everything() == before


def test_an_unknown_mode_of_celebrations_is_an_error(user):
    with pytest.raises(InvalidRequestError) as refusal:
        set_celebration_mode(user, mode="loud")

    said = "The celebration_mode 'loud' is not one of all, quiet, none."
    assert str(refusal.value) == said


@pytest.mark.parametrize(("mode", "is_change"), [("quiet", True), ("all", False)])
def test_a_choice_of_celebrations_says_whether_it_was_a_change(user, mode, is_change):
    record_activity(user, "walk")
    before = profile_of(user).version

    changed = set_celebration_mode(user, mode=mode)

    profile = profile_of(user)
    assert (changed, profile.version - before) == (is_change, is_change)
    assert profile.celebration_mode == mode


@pytest.mark.parametrize("mode", ["all", "none"])
def test_a_user_who_was_deleted_chooses_nothing(user, mode):
    UserFactory._meta.model.objects.filter(pk=user.pk).delete()

    with pytest.raises(UnknownUserError):
        set_celebration_mode(user, mode=mode)


def test_a_choice_that_meets_another_change_is_made_again(user, monkeypatch):
    def meet(user_id, choice):
        raise ConcurrentUpdateError

    monkeypatch.setattr(settings_service, "_set_or_create", meet)

    assert set_visibility(user, is_public=False)
    assert not profile_of(user).is_public
