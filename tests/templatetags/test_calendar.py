from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
import time_machine

from gamification.models import ActiveDay
from gamification.services import (
    ActivityRecord,
    get_progress,
    record_activities,
    record_activity,
)
from gamification.staff import pause_streak
from tests.factories import ActivityFactory
from tests.templatetags.test_streak import at, fly

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

TAG = "{% gamification_calendar user year=2026 %}"
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def act(user, *days: tuple[int, int, int]) -> None:
    """Let the user be active: month, day, units of 10 XP."""
    ActivityFactory(key="walk")
    record_activities(
        [
            ActivityRecord(
                user,
                "walk",
                occurred_at=datetime(2026, month, day, 12, tzinfo=UTC),
                quantity=units,
            )
            for month, day, units in days
        ],
        historical=True,
    )


def shades(html: str) -> dict[str, int]:
    """Return the shades of the days that say something, by their words."""
    found = re.findall(r'data-level="(\d)" title="(.*?)"', html)
    return {words: int(shade) for shade, words in found}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False):
        yield


def test_it_is_summed_up_in_words(render, user):
    act(user, (1, 1, 1), (2, 3, 1), (2, 4, 1), (2, 5, 1))

    html = render(TAG, user=user)

    assert "2026 <span" in html
    assert ">4 active days, longest run 3</span>" in html


def test_each_day_says_what_it_brought(render, user):
    act(user, (3, 3, 120))

    html = render(TAG, user=user)

    assert '<span class="gamification-hidden">March 3: 1,200 XP</span>' in html
    assert shades(html)["March 4: nothing"] == 0


def test_days_that_are_to_come_say_nothing(render, user):
    html = render(TAG, user=user)

    said = set(shades(html))
    assert "March 6: nothing" in said
    assert "March 7: nothing" not in said


def test_the_shade_is_that_of_the_place_among_the_others(render, user):
    act(user, (1, 1, 1), (1, 2, 2), (1, 3, 3), (1, 4, 900))

    shown = shades(render(TAG, user=user))

    assert [
        shown[f"January {day}: {xp} XP"]
        for day, xp in enumerate(("10", "20", "30", "9,000"), start=1)
    ] == [1, 2, 3, 4]


@pytest.mark.parametrize(("days", "shade"), [(1, 3), (9, 3)])
def test_days_that_are_all_alike_are_neither_pale_nor_dark(render, user, days, shade):
    act(user, *((1, day, 1) for day in range(1, days + 1)))

    shown = shades(render(TAG, user=user))

    assert shown["January 1: 10 XP"] == shade


def test_there_is_a_cell_for_each_day_of_the_year(render, user):
    html = render(TAG, user=user)
    table = html.partition("<tbody>")[2].partition("</tbody>")[0]

    assert table.count("<td class=") == 365
    # From 29 December 2025 to 3 January 2027 there are 53 weeks.
    assert table.count("<td") == 7 * 53
    assert table.count('<th scope="row">') == 7


def test_months_stand_over_their_weeks(render, user):
    html = render(TAG, user=user)

    heading = r'<th scope="colgroup" colspan="(\d)".*?>(?:<span.*?>)?(\w*)<'
    months = re.findall(heading, html)
    assert [name for _, name in months][:3] == ["Jan", "Feb", "Mar"]
    assert sum(int(weeks) for weeks, _ in months) == 53


def test_a_last_week_that_belongs_to_the_next_year_has_no_month(render, user):
    html = render("{% gamification_calendar user year=2024 %}", user=user)

    assert html.count('scope="colgroup"') == 12
    assert '<td colspan="1"></td></tr>' in html


def test_weeks_that_have_not_begun_are_marked(render, user):
    html = render(TAG, user=user)

    # The last that has begun anywhere is that of Monday, 2 March.
    later = re.findall(r'<th scope="colgroup" colspan="\d" data-later>(\w+)<', html)
    assert later[:2] == ["Apr", "May"]
    assert html.count("data-later") == 9 + 7 * (53 - 10)


@pytest.mark.parametrize(("day", "is_new"), [(2, True), (14, True), (16, False)])
def test_a_narrow_screen_names_a_month_when_it_has_room(render, user, day, is_new):
    with time_machine.travel(NOON.replace(day=day), tick=False):
        html = render(TAG, user=user)

    assert ("<span data-new>Mar</span>" in html) is is_new
    assert (">Mar</th>" in html) is not is_new


@pytest.mark.parametrize(("year", "marks"), [(2025, 0), (2027, 13 + 7 * 53)])
def test_of_other_years_all_weeks_or_none_have_begun(render, user, year, marks):
    html = render("{% gamification_calendar user year=year %}", user=user, year=year)

    assert html.count("data-later") == marks


def test_a_frozen_day_keeps_the_run_and_is_not_counted(render, user):
    act(user, (2, 3, 1), (2, 4, 1), (2, 5, 1))
    frozen = ActiveDay.objects.filter(user=user, date=date(2026, 2, 4))
    frozen.update(kind="frozen")

    html = render(TAG, user=user)
    frozen.update(kind="active")

    assert ">2 active days, longest run 2</span>" in html


def test_a_neutral_date_keeps_the_longest_run(render, user):
    fly(user)

    with at("2026-05-06T09:00+12:00"):
        record_activity(user, "walk")
        html = render(TAG, user=user)

        assert get_progress(user).streak.longest == 3
    assert ">3 active days, longest run 3</span>" in html


def test_other_kinds_of_day_are_marked_and_explained(render, user):
    act(user, (3, 3, 1))
    pause_streak(user, date(2026, 3, 4), date(2026, 3, 4), actor=None)

    html = render(TAG, user=user)

    assert 'data-level="0" data-kind="paused" title="March 4: paused">' in html
    assert '<span class="gamification-legend__word">Paused</span>' in html
    assert ">1 active day, longest run 1</span>" in html


def test_a_year_without_anything_has_no_run(render, user):
    html = render(TAG, user=user)

    assert ">0 active days</span>" in html


def test_it_is_the_present_year_unless_another_is_asked_for(render, user):
    assert "Days of 2026" in render("{% gamification_calendar user %}", user=user)


def test_it_scrolls_in_a_region_that_has_focus_and_a_name(render, user):
    html = render(TAG, user=user)

    region = '<div class="gamification-scroll" role="region" aria-label="Days of 2026"'
    assert f'{region} tabindex="0">' in html
    assert "<caption>XP on each day of 2026</caption>" in html


def test_it_takes_two_queries(render, user, django_assert_num_queries):
    act(user, *((1, day, 1) for day in range(1, 31)))

    with django_assert_num_queries(2):
        render(TAG, user=user)
