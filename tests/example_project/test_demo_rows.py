"""What the command ``demo_data`` writes, and writes no second time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django import DjangoDbBlocker

from example_project.visions.models import KPI, Vision
from gamification.models import (
    Achievement,
    Boost,
    Job,
    LedgerEntry,
    Level,
    StreakDefinition,
    StreakFreeze,
    StreakPause,
    UserGamification,
)
from tests.example_project.conftest import three_people
from tests.resets import rows_of_a_file


@pytest.fixture(scope="module")
def shared_runs(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[list[str]]:
    with rows_of_a_file(django_db_blocker):
        with three_people() as run:
            said = [run() for _ in range(2)]
        yield said


@pytest.fixture
def runs(shared_runs: list[str], db: None) -> list[str]:
    """What two runs said, whose rows are there."""
    return shared_runs


def test_there_are_a_weekly_streak_freezes_and_pauses_only_once(runs):
    assert StreakDefinition.objects.get(key="weekly").goal == 3
    granted = StreakFreeze.objects.filter(kind="granted")
    assert sorted(granted.values_list("user__username", "amount")) == [
        ("demo", 2),
        ("demo-001", 1),
        ("demo-002", 1),
    ]
    assert StreakPause.objects.count() == 2


def test_a_double_weekend_is_planned(runs):
    [boost] = Boost.objects.all()

    assert (boost.state, boost.starts_at.isoweekday()) == ("planned", 6)


def test_it_says_how_to_log_in(runs, client):
    assert "http://127.0.0.1:8000/ " in runs[0]
    assert client.login(username="demo", password="demo")
    assert client.login(username="admin", password="admin")
    assert client.get("/admin/").status_code == 200


def test_it_sums_up_what_it_did(runs):
    records = LedgerEntry.objects.filter(kind="activity").count()
    assert f"3 new people, {records:,} records" in runs[0]


def test_records_are_those_that_the_site_would_make(runs):
    kpis = KPI.objects.exclude(completed_at=None)
    made = {(kpi.completion_key, kpi.source, kpi.completed_at) for kpi in kpis}
    made |= {(v.creation_key, v.source, v.created_at) for v in Vision.objects.all()}
    entries = LedgerEntry.objects.filter(kind="activity")
    assert made == set(entries.values_list("key", "source", "occurred_at"))


def test_zones_are_chosen(runs):
    zones = UserGamification.objects.values_list("time_zone", flat=True)
    assert {*zones} > {"", "Europe/London"}


def test_the_catalogue_has_rarities(runs):
    founder, secret, draft = Achievement.objects.order_by("position")[11:14]
    assert (founder.status, founder.user_achievements.count()) == ("retired", 3)
    assert (secret.is_secret, draft.status) == (True, "draft")


def test_levels_have_names_and_begin_where_they_did(runs):
    levels = [str(level) for level in Level.objects.all()]
    assert (levels[3], levels[4], len(levels)) == (
        "Level 4 · Dreamer",
        "Level 5 · Explorer",
        30,
    )
    assert not Job.objects.filter(kind="levels").exists()


def test_completed_kpis_tell_their_vision(runs):
    said = LedgerEntry.objects.filter(kind="activity", activity__key="kpi_completed")
    titles = {*Vision.objects.values_list("title", flat=True)}
    assert {entry.attributes["vision"] for entry in said} <= titles
    assert {entry.attributes["times"] for entry in said} == {1}


def test_there_are_a_series_a_weekly_achievement_and_a_season(runs):
    rows = Achievement.objects.filter(key__startswith="kpi_").exclude(series="")
    steps = rows.order_by("step").values_list("name", "threshold")
    assert [*steps] == [
        ("Bronze worker", 25),
        ("Silver worker", 120),
        ("Gold worker", 250),
    ]
    weekly = Achievement.objects.get(key="busy_week")
    assert (weekly.repeat_period, weekly.max_times) == ("week", None)
    assert weekly.user_achievements.filter(number__gt=1).exists()
    season = Achievement.objects.get(key="this_season")
    assert season.starts_at < datetime.now(UTC) < season.ends_at


def test_an_achievement_asks_for_attributes_only_once(runs):
    assert not Job.objects.filter(finished_at=None).exists()
    row = Achievement.objects.get(key="all_rounder")
    assert row.criterion_text == (
        "60 active days, “Bronze worker” held, level 10, 4 different values of vision "
        "from KPI completed, and any of (50 × KPI completed with vision “Run a half "
        "marathon”; “Gold worker” held)"
    )
