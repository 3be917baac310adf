from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from example_project.visions.actions import complete_kpi
from example_project.visions.demo import rarities, stories
from example_project.visions.demo.levels import name_levels
from example_project.visions.models import KPI, Vision
from gamification.models import (
    Achievement,
    Boost,
    Celebration,
    Job,
    LedgerEntry,
    Level,
    StreakDefinition,
    StreakFreeze,
    StreakPause,
    UserAchievement,
    UserGamification,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def every_habit_in_every_zone(monkeypatch):
    crowd = len(stories.HABITS) * len(stories.ZONES)
    monkeypatch.setattr(stories, "CROWD", crowd)


@pytest.fixture
def demo(settings, monkeypatch):
    """Return the command, for the visitor and two others."""
    settings.DEBUG = True
    monkeypatch.setattr(stories, "CROWD", 2)
    monkeypatch.setattr(stories, "HABITS", (stories.newcomer, stories.latecomer))

    def run(out: StringIO | None = None) -> str:
        out = out or StringIO()
        call_command("demo_data", stdout=out)
        return out.getvalue()

    return run


def test_a_terminal_shows_how_far_it_is(demo):
    out = StringIO()
    out.isatty = lambda: True

    demo(out)

    assert "\r3 of 3 people, " in out.getvalue()


def test_there_are_a_weekly_streak_freezes_and_pauses_only_once(demo):
    for _ in range(2):
        demo()

    assert StreakDefinition.objects.get(key="weekly").goal == 3
    granted = StreakFreeze.objects.filter(kind="granted")
    assert sorted(granted.values_list("user__username", "amount")) == [
        ("demo", 2),
        ("demo-001", 1),
        ("demo-002", 1),
    ]
    assert StreakPause.objects.count() == 2


def test_a_double_weekend_is_planned(demo):
    demo()

    [boost] = Boost.objects.all()

    assert (boost.state, boost.starts_at.isoweekday()) == ("planned", 6)


def test_stories_are_the_same_every_time():
    assert [*stories.all_stories(NOW)] == [*stories.all_stories(NOW)]


def test_there_are_a_few_hundred_stories():
    assert [bool(story.steps) for story in stories.all_stories(NOW)] == [True] * 301


@pytest.mark.usefixtures("every_habit_in_every_zone")
@pytest.mark.parametrize("hour", [0, 6, 12, 23])
def test_nothing_happens_after_now(hour):
    now = NOW.replace(hour=hour, minute=1)

    for story in stories.all_stories(now):
        assert max(step.at for step in story.steps) <= now
        assert story.begins == min(story.visions.values()) <= story.steps[0].at


@pytest.mark.usefixtures("every_habit_in_every_zone")
def test_kpis_of_a_vision_have_titles_of_their_own():
    for story in stories.all_stories(NOW):
        names = [(step.vision, step.title) for step in story.steps]
        names += story.open_steps

        assert len(set(names)) == len(names)


@pytest.mark.usefixtures("every_habit_in_every_zone")
def test_people_live_in_many_zones():
    zones = {story.time_zone for story in stories.all_stories(NOW)}

    assert zones == set(stories.ZONES)


def test_it_is_not_for_sites_that_people_use(demo, settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="only DEBUG"):
        demo()

    assert not get_user_model().objects.exists()


def test_it_says_how_to_log_in(demo, client):
    out = demo()

    assert "http://127.0.0.1:8000/ " in out
    assert client.login(username="demo", password="demo")
    assert client.login(username="admin", password="admin")
    assert client.get("/admin/").status_code == 200


def test_it_sums_up_what_it_did(demo):
    out = demo()

    records = LedgerEntry.objects.filter(kind="activity").count()
    assert f"3 new people, {records:,} records" in out


def test_a_second_run_has_no_effect(demo):
    demo()
    before = everything()

    with time_machine.travel(datetime.now(UTC) + timedelta(days=3)):
        out = demo()

    assert "0 new people, 0 records" in out
    assert everything() == before


def everything():
    models = [UserGamification, LedgerEntry, UserAchievement, Celebration, KPI]
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_records_are_those_that_the_site_would_make(demo):
    demo()

    kpis = KPI.objects.exclude(completed_at=None)
    made = {(kpi.completion_key, kpi.source, kpi.completed_at) for kpi in kpis}
    made |= {(v.creation_key, v.source, v.created_at) for v in Vision.objects.all()}
    entries = LedgerEntry.objects.filter(kind="activity")
    assert made == set(entries.values_list("key", "source", "occurred_at"))


@time_machine.travel(NOW)
def test_nothing_of_the_past_is_celebrated(demo):
    demo()

    assert not Celebration.objects.exists()


@pytest.mark.parametrize("day", range(1, 29, 9))
def test_the_visitor_is_one_kpi_away_from_an_unlock_and_a_level(demo, day):
    with time_machine.travel(NOW.replace(day=day)):
        demo()
        kpi = KPI.objects.filter(vision__owner__username="demo", completed_at=None)[0]

        outcome = complete_kpi(kpi.vision.owner, kpi.pk)

    unlocks = {unlock.achievement for unlock in outcome.unlocks}
    assert unlocks == {"kpi_100", "streak_30"}
    assert outcome.level > outcome.level_before
    assert outcome.current_streak == 30


def test_the_visitor_is_a_founder_however_many_came_before(demo, monkeypatch):
    monkeypatch.setattr(rarities, "FOUNDERS", 1)

    demo()

    [unlock] = UserAchievement.objects.filter(achievement__key="founder")
    assert unlock.user.get_username() == "demo"


def test_zones_are_chosen(demo):
    demo()

    zones = UserGamification.objects.values_list("time_zone", flat=True)
    assert {*zones} > {"", "Europe/London"}


def test_the_catalogue_has_rarities(demo):
    demo()

    founder, secret, draft = Achievement.objects.order_by("position")[11:14]
    assert (founder.status, founder.user_achievements.count()) == ("retired", 3)
    assert (secret.is_secret, draft.status) == (True, "draft")


def test_levels_have_names_and_begin_where_they_did(demo):
    demo()

    levels = [str(level) for level in Level.objects.all()]
    assert (levels[3], levels[4], len(levels)) == (
        "Level 4 · Dreamer",
        "Level 5 · Explorer",
        30,
    )
    assert not Job.objects.filter(kind="levels").exists()


def test_levels_of_staff_keep_their_names(demo):
    Level.objects.create(number=1, threshold=0, name="Ours")

    name_levels()

    assert [str(level) for level in Level.objects.all()] == ["Level 1 · Ours"]


def test_an_admin_who_exists_is_left_alone(demo, client):
    get_user_model().objects.create_superuser("admin", password="of their own")

    demo()

    assert client.login(username="admin", password="of their own")


def test_completed_kpis_tell_their_vision(demo):
    demo()

    said = LedgerEntry.objects.filter(kind="activity", activity__key="kpi_completed")
    titles = {*Vision.objects.values_list("title", flat=True)}
    assert {entry.attributes["vision"] for entry in said} <= titles
    assert {entry.attributes["times"] for entry in said} == {1}


def test_there_are_a_series_a_weekly_achievement_and_a_season(demo):
    demo()
    demo()

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


def test_an_achievement_asks_for_attributes_only_once(demo):
    for _ in range(2):
        demo()

    assert not Job.objects.filter(finished_at=None).exists()
    row = Achievement.objects.get(key="all_rounder")
    assert row.criterion_text == (
        "60 active days, “Bronze worker” held, level 10, 4 different values of vision "
        "from KPI completed, and any of (50 × KPI completed with vision “Run a half "
        "marathon”; “Gold worker” held)"
    )
