from __future__ import annotations

import re

import pytest

from gamification.models import Level
from gamification.services import adjust_xp, award_achievement, record_activity
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

TAG = "{% gamification_xp outcome %}"


def said(html: str) -> list[str]:
    return re.findall(r"<li[^>]*>(.*?)</li>", html)


def test_a_record_says_what_it_brought(render, user):
    AchievementFactory(name="Ten done", criterion="active_days", xp_reward=50)
    outcome = record_activity(user, ActivityFactory(xp_reward=10).key)

    html = render(TAG, outcome=outcome)

    assert said(html) == ["+10 XP", "Streak 1", "Ten done unlocked: +50 XP", "Level 2"]
    assert '<li data-kind="streak">' in html
    assert 'aria-label="XP you earned"' in html


def test_an_unlock_without_xp_is_an_unlock(render, user):
    AchievementFactory(name="First", criterion="active_days", xp_reward=0)
    outcome = record_activity(user, ActivityFactory().key)

    assert "First unlocked" in said(render(TAG, outcome=outcome))


def test_what_is_withheld_is_said_with_the_reason(render, user):
    limited = ActivityFactory(daily_limit=1, extends_streak=False)
    record_activity(user, limited.key)

    outcome = record_activity(user, limited.key)

    assert said(render(TAG, outcome=outcome)) == [
        "+0 XP",
        "10 XP less: daily limit reached",
    ]


def test_a_loss_is_said_as_one(render, user, staff, activity):
    record_activity(user, "walk")

    outcome = adjust_xp(user, amount=-7, note="A mistake.", actor=staff)

    assert said(render(TAG, outcome=outcome)) == ["−7 XP"]


def test_an_award_without_an_entry_is_said_too(render, user):
    medal = AchievementFactory(name="Medal", xp_reward=0)

    outcome = award_achievement(user, medal.key)

    assert said(render(TAG, outcome=outcome)) == ["+0 XP", "Medal unlocked"]


def test_no_outcome_says_nothing(render):
    assert render(TAG, outcome=None) == ""


def test_it_takes_no_query(render, user, activity, django_assert_num_queries):
    outcome = record_activity(user, "walk")

    with django_assert_num_queries(0):
        render(TAG, outcome=outcome)


def test_a_level_is_said_with_its_name(render, user, activity):
    for number, threshold, name in ((1, 0, ""), (2, 10, "Explorer")):
        Level.objects.create(number=number, threshold=threshold, name=name)

    html = render(TAG, outcome=record_activity(user, "walk"))

    assert "Level 2 · Explorer" in said(html)
