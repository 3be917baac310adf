from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import models

from gamification.components import streaks
from gamification.models import ActiveDay, UserGamification
from gamification.services import record_activity, set_time_zone
from gamification.staff import grant_freezes, pause_streak
from tests.factories import ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

TAG = "{% gamification_streak user %}"

#: A Thursday.
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def act(user, *days_ago: int) -> None:
    """Let the user be active on days before the Thursday."""
    ActivityFactory(key="walk")
    for days in days_ago:
        when = NOON - timedelta(days=days)
        record_activity(user, "walk", occurred_at=when, historical=True)


def live_in(user, zone: str) -> None:
    """Let the user's days have followed ``zone`` for all time."""
    choice = {"time_zone": zone, "zone_history": [[0, zone]]}
    UserGamification.objects.create(user=user, **choice)


def at(moment: str) -> time_machine.travel:
    return time_machine.travel(datetime.fromisoformat(moment), tick=False)


def fly(user) -> None:
    """Let the user be active on 3 and 4 May, and fly over the neutral 5 May."""
    ActivityFactory(key="walk")
    live_in(user, "Pacific/Honolulu")
    for day in (3, 4):
        with at(f"2026-05-0{day}T20:00-10:00"):
            record_activity(user, "walk")
    with at("2026-05-04T23:30-10:00"):
        set_time_zone(user, "Pacific/Auckland")


def grant(user, amount: int) -> None:
    """Give the user freezes early enough for the missed days of the week."""
    with time_machine.travel(NOON - timedelta(days=2), tick=False):
        grant_freezes(user, amount)


def week(html: str) -> list[tuple[str, str, str]]:
    """Return the days: state, short name, word."""
    return re.findall(
        r'data-state="(\w+)"[^>]*> <abbr title="\w+">(\w+)</abbr>.*?word">(.*?)</span>',
        html,
    )


@time_machine.travel(NOON, tick=False)
def test_each_day_of_the_week_says_how_it_stands(render, user):
    act(user, 9, 3, 1)

    html = render(TAG, user=user)

    assert week(html) == [
        ("done", "Mon", "Done"),
        ("missed", "Tue", "Missed"),
        ("done", "Wed", "Done"),
        ("today", "Thu", "Open"),
        ("coming", "Fri", "Not yet"),
        ("coming", "Sat", "Not yet"),
        ("coming", "Sun", "Not yet"),
    ]
    assert 'data-state="today" aria-current="date"' in html


@time_machine.travel(NOON, tick=False)
def test_nothing_was_missed_before_the_first_day(render, user):
    act(user, 1)

    words = [word for _, _, word in week(render(TAG, user=user))]

    assert words[:4] == ["–", "–", "Done", "Open"]


@time_machine.travel(NOON, tick=False)
def test_who_did_nothing_yet_missed_nothing(render, user):
    html = render(TAG, user=user)

    assert [word for _, _, word in week(html)][:4] == ["–", "–", "–", "Open"]
    assert ">No streak yet</h2>" in html
    assert "Do something today to begin one." in html


@time_machine.travel(NOON, tick=False)
def test_a_streak_of_today_is_safe_until_tomorrow_is_over(render, user):
    act(user, 1, 0)

    html = render(TAG, user=user)

    assert ">2-day streak</h2>" in html
    assert "Safe until 11:59 p.m. tomorrow" in html
    assert "Longest: 2 days" in html


@time_machine.travel(NOON, tick=False)
def test_a_streak_of_yesterday_is_at_risk_by_the_clock_of_the_user(render, user):
    live_in(user, "Asia/Kolkata")
    act(user, 1)

    html = render(TAG, user=user)

    assert 'data-state="at_risk"' in html
    assert "At risk: do something by 11:59 p.m. to keep it." in html


@time_machine.travel(NOON, tick=False)
def test_a_day_may_end_later_than_at_midnight(render, user, settings):
    settings.GAMIFICATION = {"DAY_START_HOUR": 4}
    act(user, 1)

    assert "At risk: do something by 3:59 a.m." in render(TAG, user=user)


@time_machine.travel(datetime(2026, 3, 6, 2, tzinfo=UTC), tick=False)
def test_until_a_day_begins_it_is_the_day_before(render, user, settings):
    settings.GAMIFICATION = {"DAY_START_HOUR": 4}
    act(user, 1)

    html = render(TAG, user=user)

    assert 'data-state="today" aria-current="date"> <abbr title="Thursday">' in html


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("2026-03-05T12:00+00:00", "Safe until March 7, 2026, 3:59 a.m."),
        ("2026-03-06T02:00+00:00", "Safe until 3:59 a.m. tomorrow"),
    ],
)
def test_tomorrow_is_that_of_the_clock(render, user, settings, now, text):
    settings.GAMIFICATION = {"DAY_START_HOUR": 4}
    with at(now):
        act(user, 0)

        assert text in render(TAG, user=user)


@time_machine.travel(NOON, tick=False)
def test_a_lost_streak_remembers_the_longest(render, user):
    act(user, 9, 8)

    html = render(TAG, user=user)

    assert ">No streak</h2>" in html
    assert "Longest: 2 days" in html


@time_machine.travel(datetime(2011, 12, 31, 22, tzinfo=UTC), tick=False)
def test_a_date_that_never_was_is_not_missed(render, user):
    live_in(user, "Pacific/Apia")
    ActivityFactory(key="walk")
    for day in (27, 28, 29, 30):
        when = datetime(2011, 12, day, 22, tzinfo=UTC)
        record_activity(user, "walk", occurred_at=when, historical=True)

    states = {name: state for state, name, _ in week(render(TAG, user=user))}

    assert (states["Thu"], states["Fri"], states["Sat"]) == ("done", "neutral", "done")


def test_a_date_that_a_flight_cut_short_is_not_missed_before_the_next_record(
    render, user
):
    fly(user)

    with at("2026-05-06T09:00+12:00"):
        states = {name: state for state, name, _ in week(render(TAG, user=user))}

    assert (states["Mon"], states["Tue"], states["Wed"]) == ("done", "neutral", "today")


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("kind", "state", "word"),
    [("frozen", "frozen", "Frozen"), ("repaired", "repaired", "Repaired")],
)
def test_other_kinds_of_day_have_their_own_words(render, user, kind, state, word):
    act(user, 2, 1)
    days = ActiveDay.objects.filter(user=user, date=(NOON - timedelta(2)).date())
    days.update(kind=kind)

    shown = week(render(TAG, user=user))
    days.update(kind="active")

    assert shown[1] == (state, "Tue", word)


@time_machine.travel(NOON, tick=False)
def test_states_that_are_new_are_said_by_their_label(render, user, monkeypatch):
    class State(models.TextChoices):
        PAUSED = "paused", "paused"

    shown = streaks.streak_of(user)
    values = {"state": State.PAUSED, "current": 4, "longest": 4}
    streak = type("Streak", (), values)
    monkeypatch.setattr(
        "gamification.templatetags.gamification.streak_of",
        lambda user: {**shown, "streak": streak},
    )

    html = render(TAG, user=user)

    assert ">4-day streak</h2>" in html
    assert ">Paused</p>" in html


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize(
    ("stock", "says"),
    [
        (1, "At risk: do something by 11:59 p.m. to keep it."),
        (2, "At risk: do something by March 6, 2026, 11:59 p.m. to keep it."),
    ],
)
def test_a_frozen_streak_says_what_it_will_cost(render, user, stock, says):
    act(user, 2)
    grant(user, stock)

    html = render(TAG, user=user)

    assert 'data-state="frozen"' in html
    assert says in html
    assert ">1 freeze will be used</p>" in html
    assert week(html)[2] == ("frozen", "Wed", "Freeze")
    assert f"{stock} freeze{'s' * (stock > 1)} left</p>" in html


@time_machine.travel(NOON, tick=False)
def test_a_paused_streak_says_until_when(render, user):
    act(user, 2)
    pause_streak(user, date(2026, 3, 4), date(2026, 3, 8), actor=None)

    html = render(TAG, user=user)

    assert "Paused until March 8, 2026: nothing can break it." in html
    assert week(html)[2:4] == [("paused", "Wed", "Paused"), ("paused", "Thu", "Paused")]


@time_machine.travel(NOON, tick=False)
def test_it_takes_two_queries(render, user, django_assert_num_queries):
    act(user, 9, 1)

    with django_assert_num_queries(2):
        render(TAG, user=user)


def test_a_date_that_never_was_gives_a_day_more(render, user):
    """In Samoa, 30 December 2011 never came."""
    live_in(user, "Pacific/Apia")
    ActivityFactory(key="walk")

    with time_machine.travel(datetime(2011, 12, 29, 22, tzinfo=UTC), tick=False):
        record_activity(user, "walk")
        html = render(TAG, user=user)

    assert "Safe until Dec. 31, 2011, 11:59 p.m." in html
