"""Seasons and repeats in the form and the list of achievements."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from gamification.models import Achievement
from tests.admin.browsing import filled_in
from tests.admin.catalogue.achievements.test_pages import (
    ADD,
    LIST,
    NEW,
    change_page,
    save,
)
from tests.factories import AchievementFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
SENTENCE = f"{LIST}sentence/"


@pytest.fixture
def june():
    """An achievement of June, in Berlin."""
    return AchievementFactory(
        name="June",
        criterion="total_xp",
        threshold=10,
        starts_at=JUNE,
        ends_at=datetime(2026, 7, 1, tzinfo=UTC),
        season_zone="Europe/Berlin",
    )


def errors_in(response):
    return dict(response.context["adminform"].form.errors)


def test_times_are_shown_as_clocks_in_the_zone_show_them(admin_client, june):
    fields = filled_in(admin_client.get(change_page(june)), "achievement_form")

    assert fields["starts_at"] == "2026-06-01T02:00"
    assert fields["season_zone"] == "Europe/Berlin"


def test_a_form_that_was_not_touched_changes_nothing(admin_client, june):
    before = Achievement.objects.values().get()

    response = save(admin_client, change_page(june), "achievement_form")

    assert response.status_code == 302
    assert Achievement.objects.values().get() == before


def test_times_are_read_on_the_clock_of_the_zone(admin_client, june):
    save(
        admin_client,
        change_page(june),
        "achievement_form",
        starts_at="2026-06-02T00:00",
    )

    june.refresh_from_db()
    assert june.starts_at == datetime(2026, 6, 1, 22, tzinfo=UTC)


def test_another_zone_moves_both_times(admin_client, june):
    save(admin_client, change_page(june), "achievement_form", season_zone="")

    june.refresh_from_db()
    assert june.season_zone == ""
    assert june.starts_at == datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert june.ends_at == datetime(2026, 7, 1, 2, tzinfo=UTC)


def test_a_season_can_be_taken_away(admin_client, june):
    nothing = {"starts_at": "", "ends_at": "", "season_zone": ""}

    save(admin_client, change_page(june), "achievement_form", **nothing)

    june.refresh_from_db()
    assert (june.starts_at, june.ends_at, june.season_zone) == (None, None, "")


@pytest.mark.parametrize("time", ["soon", "0001-01-01T00:00", "3000-01-02T00:00"])
def test_a_time_that_is_none_is_refused(admin_client, june, time):
    response = save(admin_client, change_page(june), "achievement_form", starts_at=time)

    assert [*errors_in(response)] == ["starts_at"]


def test_one_that_is_earned_again_is_added(admin_client):
    again = {"max_times": "", "repeat_every": "100", "criterion": "total_xp"}

    admin_client.post(ADD, NEW | again | {"xp_reward": "5"})

    made = Achievement.objects.get(key="walk_10")
    assert (made.max_times, made.repeat_every, made.repeat_period) == (None, 100, "")


def test_a_reward_without_end_is_refused(admin_client):
    again = {"max_times": "", "repeat_every": "100", "criterion": "total_xp"}

    response = admin_client.post(ADD, NEW | again | {"xp_reward": "100"})

    assert errors_in(response) == {
        "xp_reward": ["Its own reward would earn it again: give less than 100."]
    }


def test_the_form_says_seasons_and_repeats_in_words(admin_client, june):
    page = admin_client.get(change_page(june)).content.decode()
    values = {"criterion": "total_xp", "threshold": "10"}
    again = {"max_times": "3", "repeat_every": "10"}

    answer = admin_client.get(SENTENCE, values | again).json()

    assert "Only what happens from June 1, 2026, 2 a.m. until" in page
    assert answer["sentence"] == (
        "Users earn it when they have 10 XP in all. Users earn it again after every 10 "
        "more, 3 times at most."
    )


@pytest.mark.parametrize("zone", ["Europe/Berlin", ""])
@pytest.mark.parametrize(
    ("season", "now"),
    [
        ("upcoming", datetime(2026, 5, 1, tzinfo=UTC)),
        ("open", datetime(2026, 6, 15, tzinfo=UTC)),
        ("ended", datetime(2026, 8, 1, tzinfo=UTC)),
    ],
)
def test_the_list_is_filtered_by_seasons(admin_client, june, season, now, zone):
    Achievement.objects.update(season_zone=zone)
    AchievementFactory(name="Always")
    found = {}

    with time_machine.travel(now, tick=False):
        for state in ("upcoming", "open", "ended", "none", ""):
            query = {"season": state} if state else {}
            rows = admin_client.get(LIST, query).context["cl"].result_list
            found[state] = {row.name for row in rows}

    assert found == {
        **{state: set() for state in ("upcoming", "open", "ended")},
        season: {"June"},
        "none": {"Always"},
        "": {"June", "Always"},
    }
