from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError

from example_project.visions.actions import complete_kpi
from example_project.visions.demo import rarities, stories
from example_project.visions.demo.levels import name_levels
from example_project.visions.models import KPI
from gamification.models import (
    Celebration,
    LedgerEntry,
    Level,
    UserAchievement,
    UserGamification,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def every_habit_in_every_zone(monkeypatch):
    crowd = len(stories.HABITS) * len(stories.ZONES)
    monkeypatch.setattr(stories, "CROWD", crowd)


def test_a_terminal_shows_how_far_it_is(demo):
    out = StringIO()
    out.isatty = lambda: True

    demo(out)

    assert "\r3 of 3 people, " in out.getvalue()


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


def test_levels_of_staff_keep_their_names(demo):
    Level.objects.create(number=1, threshold=0, name="Ours")

    name_levels()

    assert [str(level) for level in Level.objects.all()] == ["Level 1 · Ours"]


def test_an_admin_who_exists_is_left_alone(demo, client):
    get_user_model().objects.create_superuser("admin", password="of their own")

    demo()

    assert client.login(username="admin", password="of their own")
