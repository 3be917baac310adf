"""What leaderboards are asked is checked first, whoever answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from gamification.exceptions import (
    InvalidInstantError,
    InvalidRequestError,
    UnknownUserError,
)
from gamification.leaderboards import (
    Window,
    get_leaderboard,
    get_winners,
    period_after,
    period_before,
    period_of,
)
from gamification.services import record_activity

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.mark.parametrize("cursor", ["", "1", "1.2.x", 7, "-1.2.3", f"{10**18}.2.3"])
def test_a_cursor_comes_from_a_page(cursor):
    with pytest.raises(
        InvalidRequestError, match=r"^The cursor .* does not come from a leaderboard\.$"
    ) as refusal:
        get_leaderboard("all", after=cursor)

    assert refusal.value.context == {"field": "after"}


def test_the_user_around_whom_it_is_may_be_given_by_a_key(user):
    record_activity(user, "walk")

    page = get_leaderboard("all", around=str(user.pk), viewer=user.pk)

    assert (page.me.user, len(page.entries)) == (user, 1)


@pytest.mark.parametrize("name", ["around", "viewer"])
def test_an_anonymous_visitor_has_no_place(name):
    page = get_leaderboard("all", **{name: AnonymousUser()})

    assert page.me is None


@pytest.mark.parametrize("name", ["around", "viewer"])
@pytest.mark.parametrize(
    "somebody", [get_user_model()(pk=None), 1.5, "nob\0dy"], ids=ascii
)
def test_who_cannot_be_a_user_is_refused(name, somebody):
    with pytest.raises(UnknownUserError):
        get_leaderboard("all", **{name: somebody})


@pytest.mark.parametrize("window", ["year", "", None, 1, ["day"]], ids=str)
def test_a_window_is_one_of_four(window):
    with pytest.raises(InvalidRequestError) as refusal:
        get_leaderboard(window)

    said = f"The window {window!r} is not one of day, week, month, all."
    assert str(refusal.value) == said
    assert refusal.value.context == {"field": "window"}


def test_a_ranking_is_one_of_three():
    with pytest.raises(
        InvalidRequestError,
        match=r"^The ranking 'dens' is not one of competition, dense, ordinal\. "
        r"Did you mean 'dense'\?$",
    ):
        get_leaderboard("day", ranking="dens")


@pytest.mark.parametrize("page", [0, -1, 2_001, True, 1.0, "1", None], ids=str)
def test_a_page_is_a_whole_number_from_1(page):
    with pytest.raises(
        InvalidRequestError,
        match=r"^The page .+ is not a whole number from 1 to 2,000\.$",
    ) as refusal:
        get_leaderboard("day", page=page)

    assert refusal.value.context == {"field": "page"}


@pytest.mark.parametrize("size", [0, -1, 101, True, 1.0, "1", None], ids=str)
def test_a_page_has_1_to_100_entries(size):
    with pytest.raises(
        InvalidRequestError,
        match=r"^The page_size .+ is not a whole number from 1 to 100\.$",
    ) as refusal:
        get_leaderboard("day", page_size=size)

    assert refusal.value.context == {"field": "page_size"}


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 6, 10),  # noqa: DTZ001 - it is what must be refused
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        "2026-06-10",
        0,
    ],
    ids=str,
)
def test_the_present_is_an_aware_datetime_of_a_calendar(now, settings):
    settings.GAMIFICATION = {"LEADERBOARD_ZONE": "America/Los_Angeles"}

    with pytest.raises(InvalidInstantError):
        get_leaderboard("week", now=now)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC"])
def test_calendars_have_no_period_before_the_first(settings, zone):
    settings.GAMIFICATION = {"LEADERBOARD_ZONE": zone}
    first = period_of(Window.MONTH, "0001-02", None)

    assert period_before(first).name == "0001-01"
    assert period_before(period_before(first)) is None


def test_a_period_that_is_not_over_has_none_after_it(time_machine):
    time_machine.move_to(datetime(2026, 6, 10, 12, tzinfo=UTC), tick=False)
    last_week = period_of(Window.WEEK, "2026-W23", None)

    assert period_after(last_week).name == "2026-W24"
    assert period_after(period_after(last_week)) is None
    assert period_after(period_of(Window.ALL, None, None)) is None


def test_winners_are_those_of_a_window():
    with pytest.raises(InvalidRequestError, match=r"^The window 'year' is not one"):
        get_winners("year")
