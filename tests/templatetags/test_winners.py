from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import time_machine

from gamification.leaderboards import tend_boards
from gamification.services import record_activity
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements", "activity"),
]

TAG = "{% gamification_winners 'week' %}"

#: A Monday, the day after the week that is over.
MONDAY = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(datetime(2026, 3, 5, 12, tzinfo=UTC), tick=False) as clock:
        yield clock


def earn(*scores: int) -> list:
    users = [UserFactory() for _ in scores]
    for user, score in zip(users, scores, strict=True):
        record_activity(user, "walk", quantity=score)
    return users


def rows(html: str) -> list[tuple[str, str, str]]:
    """Return place, name and score of each row."""
    return re.findall(
        r'data-rank="(\d+)">.*?gamification-name"[^>]*>(.*?)</.*?number">(.*?)</td>',
        html,
    )


def test_the_first_three_places_of_the_last_period_are_shown(render, clock):
    names = [user.username for user in earn(50, 30, 30, 10, 5)]
    clock.move_to(MONDAY)

    html = render(TAG)

    # Users who share a place and a moment are in the order of their keys.
    shown = [("1", names[0], "500"), ("2", names[1], "300"), ("2", names[2], "300")]
    assert sorted(rows(html)) == sorted(shown)
    assert "<caption>Week of March 2, 2026, UTC</caption>" in html
    assert ">Winners of the week</h2>" in html


def test_another_period_can_be_named(render, clock):
    [ada] = earn(5)
    clock.move_to(datetime(2026, 5, 1, tzinfo=UTC))

    html = render("{% gamification_winners 'week' period='2026-W10' %}", visitor=ada)

    assert rows(html) == [("1", ada.username, "50")]
    assert html.count('<tr aria-current="true">') == 1


@pytest.mark.parametrize(
    ("window", "title"),
    [
        ("day", "Winners of the day"),
        ("month", "Winners of the month"),
        ("all", "First of all time"),
    ],
)
def test_each_window_says_what_it_is(render, window, title):
    html = render("{% gamification_winners window %}", window=window)

    assert f">{title}</h2>" in html
    assert "Nobody earned XP in this period." in html


def test_it_takes_two_queries(render, clock, django_assert_num_queries):
    earn(3, 2, 1)
    tend_boards()
    clock.move_to(MONDAY)
    tend_boards()

    with django_assert_num_queries(2):
        render(TAG)
