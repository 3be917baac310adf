from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from gamification.services import record_activity
from gamification.staff import create_streak, grant_freezes, pause_streak
from tests.factories import ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

TAG = "{% gamification_streaks user %}"

#: A Thursday.
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False):
        yield


def define(key="weekly", **rules):
    rules = {"name": key.title(), "unit": "week", **rules}
    create_streak(actor=None, key=key, **rules)


def act(user, *days_ago: int) -> None:
    ActivityFactory(key="walk")
    for days in days_ago:
        when = NOON - timedelta(days=days)
        record_activity(user, "walk", occurred_at=when, historical=True)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_without_others_there_is_nothing(render, user, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert render(TAG, user=user) == ""


def test_a_visitor_has_none(render):
    assert render(TAG, user=None) == ""


def test_each_says_how_the_period_stands(render, user):
    define(goal=3)
    act(user, 0, 7, 8, 9, 1)

    html = render(TAG, user=user)

    assert (
        '<progress class="gamification-bar" id="gamification-streaks-1-1" max="3"'
        in html
    )
    assert text(html) == (
        "More streaks Weekly 1 week Longest: 1 week 2 of 3 days this week At risk"
    )


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ("day", "1 day Longest: 1 day Done for today"),
        ("week", "1 week Longest: 1 week Done for this week"),
        ("month", "1 month Longest: 1 month Done for this month"),
    ],
)
def test_one_that_is_done_says_for_how_long(render, user, unit, says):
    define("other", unit=unit)
    act(user, 0)

    assert text(render(TAG, user=user)) == f"More streaks Other {says}"


def test_one_of_a_month_that_never_began(render, user):
    define("monthly", unit="month", goal=5)

    assert text(render(TAG, user=user)) == (
        "More streaks Monthly 0 months Longest: 0 months 0 of 5 days this month "
        "Not begun"
    )


def test_one_that_broke(render, user):
    define("other", unit="day")
    act(user, 9)

    assert text(render(TAG, user=user)) == (
        "More streaks Other 0 days Longest: 1 day Broken"
    )


def test_one_that_freezes_will_cover(render, user):
    define()
    act(user, 14)
    with time_machine.travel(NOON - timedelta(days=14), tick=False):
        grant_freezes(user, 2, streak="weekly")

    assert "1 freeze will be used · 2 freezes left" in text(render(TAG, user=user))


def test_one_that_is_paused(render, user):
    define()
    act(user, 7)
    pause_streak(user, date(2026, 3, 2), date(2026, 3, 8), actor=None, streak="weekly")

    assert "Paused until March 8, 2026" in text(render(TAG, user=user))


@pytest.mark.parametrize("unit", ["week", "month"])
def test_more_days_than_the_goal_are_counted(render, user, unit):
    define(unit=unit, goal=2)
    act(user, 0, 1, 2)

    assert f"3 days this {unit}, 2 needed" in text(render(TAG, user=user))
