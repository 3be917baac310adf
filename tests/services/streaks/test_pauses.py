from __future__ import annotations

from datetime import date

import pytest

from gamification.exceptions import (
    InvalidPauseError,
    InvalidRequestError,
    InvalidTextError,
    SelfAwardError,
    UnknownStreakError,
    UnknownUserError,
)
from gamification.models import StreakPause
from gamification.services import end_pause, get_streaks, pause_streak
from gamification.staff import create_streak, pauses_of
from gamification.staff import pause_streak as pause_for
from tests.services.streaks.conftest import november

pytestmark = pytest.mark.django_db


def spans(user):
    rows = StreakPause.objects.filter(user=user).order_by("since")
    return [*rows.values_list("since__day", "until__day")]


def test_a_pause_holds_and_is_seen(user, act, on):
    act(1)
    with on(2):
        pause_streak(user, november(2), november(5))

    with on(4):
        [status] = get_streaks(user)

    assert (status.state, status.current) == ("paused", 1)
    assert status.paused_until == november(5)
    assert status.lost_at.date() == november(7)


def test_pauses_that_touch_become_one(user, on):
    with on(1):
        pause_streak(user, november(3), november(4))
        pause_streak(user, november(8), november(9))
        pause_streak(user, november(5), november(6))

    assert spans(user) == [(3, 6), (8, 9)]


def test_a_pause_that_touches_one_with_a_note_keeps_the_note(user, staff, on):
    with on(1):
        pause_for(user, november(3), november(4), actor=staff, note="Get well.")
        pause_streak(user, november(5), november(6))

    row = StreakPause.objects.get()
    assert (row.until, row.note, row.actor) == (november(6), "Get well.", staff)


def test_a_pause_may_be_about_one_streak(user, on):
    with on(1):
        pause_streak(user, november(1), november(2), streak="daily")
        pause_streak(user, november(1), november(3))

    assert {str(row.streak): row.until.day for row in pauses_of(user)} == {
        "Daily streak": 2,
        "None": 3,
    }


def test_users_begin_no_pause_in_the_past(user, on):
    with on(2), pytest.raises(InvalidPauseError, match="before today"):
        pause_streak(user, november(1), november(5))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 11, 5), date(2026, 11, 4)),
        (date(1969, 12, 31), date(1970, 1, 5)),
        (date(2026, 11, 5), date(2046, 11, 5)),
        (date(9999, 12, 30), date.max),
    ],
)
def test_a_pause_has_an_order_and_a_length(user, start, end):
    with pytest.raises(InvalidPauseError):
        pause_for(user, start, end, actor=None)


def test_a_pause_has_dates(user):
    with pytest.raises(InvalidRequestError, match="is not a date"):
        pause_streak(user, "2026-11-01", november(2))


def test_users_pause_sixty_dates_at_a_time(user, on):
    with on(1):
        with pytest.raises(InvalidPauseError, match="61 days"):
            pause_streak(user, november(1), november(61))
        assert pause_streak(user, november(1), november(60)).until == november(60)


def test_a_longer_pause_is_not_made_of_shorter_ones(user, on):
    with on(1):
        pause_streak(user, november(1), november(60))

        with pytest.raises(InvalidPauseError, match="61 days"):
            pause_streak(user, november(61), november(61))


def test_users_pause_ninety_dates_in_a_year(user, on):
    with on(1):
        pause_streak(user, november(1), november(60))
        pause_streak(user, november(70), november(99))

        with pytest.raises(InvalidPauseError, match="pause 91 days"):
            pause_streak(user, november(110), november(110))
        # The first dates of the first pause are a year ago by then.
        pause_streak(user, november(369), november(372))


def test_the_order_of_pauses_does_not_matter(user, on):
    with on(1):
        pause_streak(user, november(100), november(159))
        pause_streak(user, november(1), november(30))

        with pytest.raises(InvalidPauseError, match="pause 91 days"):
            pause_streak(user, november(40), november(40))


def test_pauses_of_one_streak_and_of_all_add_up(user, on):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    with on(1):
        pause_streak(user, november(1), november(60))

        with pytest.raises(InvalidPauseError, match="61 days"):
            pause_streak(user, november(61), november(61), streak="daily")
        pause_streak(user, november(70), november(99), streak="daily")
        pause_streak(user, november(110), november(139), streak="weekly")
        with pytest.raises(InvalidPauseError, match="pause 91 days"):
            pause_streak(user, november(150), november(150))


def test_staff_pause_past_dates(user, staff, act, on):
    act(1, 4)

    with on(4):
        pause_for(user, november(2), november(3), actor=staff, note="Ill.")

        assert get_streaks(user)[0].current == 2
    assert pauses_of(user).get().actor == staff


def test_staff_do_not_pause_their_own_streaks(staff, on):
    with on(4), pytest.raises(SelfAwardError):
        pause_for(staff, november(2), november(3), actor=staff)


def test_a_note_is_checked(user):
    with pytest.raises(InvalidTextError):
        pause_for(user, november(1), november(2), actor=None, note="\0")


def test_a_pause_can_be_ended_early(user, act, on):
    act(1)
    with on(2):
        pause_streak(user, november(2), november(9))
        pause_streak(user, november(20), november(22))

    with on(4):
        assert end_pause(user)
        assert not end_pause(user)

    assert spans(user) == [(2, 3)]
    with on(5):
        assert get_streaks(user)[0].state == "broken"


def test_one_pause_of_several_is_ended_by_its_first_date(user, on):
    with on(1):
        pause_streak(user, november(5), november(6))
        pause_streak(user, november(20), november(22))

        assert not end_pause(user, start=november(6))
        assert end_pause(user, start=november(20))
        with pytest.raises(InvalidRequestError, match="start is 'today', "):
            end_pause(user, start="today")
    assert spans(user) == [(5, 6)]


def test_a_pause_of_one_streak_is_ended_by_its_key(user, on):
    with on(1):
        pause_streak(user, november(1), november(2), streak="daily")

        assert not end_pause(user)
        assert end_pause(user, streak="daily")
    assert spans(user) == []


def test_only_known_streaks_of_known_users_are_paused(user):
    with pytest.raises(UnknownStreakError):
        end_pause(user, streak="weakly")
    with pytest.raises(UnknownUserError):
        end_pause(987_654)
