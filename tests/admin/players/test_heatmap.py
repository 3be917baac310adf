from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.template.loader import render_to_string

from gamification.admin.players.heatmap import Heatmap, Square, first_day
from gamification.models import ActiveDay

WEDNESDAY = date(2026, 6, 10)
SUNDAY = date(2026, 6, 14)


def active(day, activities=1, **fields):
    return ActiveDay(date=day, activities=activities, xp=10 * activities, **fields)


def squares(*days, today=WEDNESDAY):
    return {each.text: each for each in Heatmap(days, today).squares()}


@pytest.mark.parametrize("weekday", range(7))
def test_a_year_has_53_columns_and_at_most_366_days(weekday):
    today = date(2026, 6, 8) + timedelta(weekday)

    days = list(Heatmap([], today).squares())

    assert len(days) == min(366, 365 + weekday)
    assert len({day.x for day in days}) == 53
    assert first_day(today) == today - timedelta(len(days) - 1)


def test_a_week_is_a_column_from_monday_to_sunday():
    days = list(Heatmap([], SUNDAY).squares())[-7:]

    assert [(day.x, day.y) for day in days] == [(706, 16 + 13 * n) for n in range(7)]


def test_an_active_day_shows_activities_and_xp():
    found = squares(active(WEDNESDAY, 3))

    text = "June 10, 2026: 3 activities, 30 XP"
    assert found[text] == Square(706, 42, 1, "active", text)


def test_an_inactive_day_shows_its_date():
    assert squares()["June 9, 2026"].shade == 0


@pytest.mark.parametrize("kind", ["frozen", "repaired"])
def test_a_day_has_the_kind_of_its_row(kind):
    found = squares(active(WEDNESDAY, 0, kind=kind))

    assert [day.kind for day in found.values() if day.kind] == [kind]


def test_one_extreme_day_does_not_pale_the_others():
    counts = [1, 2, 3, 500]
    days = [active(WEDNESDAY - timedelta(n), count) for n, count in enumerate(counts)]

    shades = [day.shade for day in squares(*days).values() if day.shade]

    assert sorted(shades) == [1, 2, 3, 4]


def test_equal_days_have_the_same_shade():
    days = [active(WEDNESDAY - timedelta(n)) for n in range(9)]

    assert {day.shade for day in squares(*days).values()} == {0, 1}


def test_months_are_labelled_at_their_first_week():
    months = Heatmap([], WEDNESDAY).months()

    assert [month.text for month in months][:2] == ["Jul", "Aug"]
    # 1 June 2026 is a Monday, one week before the last.
    assert (months[-1].at, months[-1].text) == (693, "Jun")


@pytest.mark.parametrize(
    ("count", "summary"),
    [
        (0, "0 active days since June 10, 2025"),
        (1, "1 active day since June 10, 2025"),
    ],
)
def test_the_summary_counts_active_days(count, summary):
    assert Heatmap([active(WEDNESDAY)] * count, WEDNESDAY).summary == summary


def render(*days):
    template = "gamification/admin/player/heatmap.html"
    return render_to_string(template, {"heatmap": Heatmap(days, WEDNESDAY)})


def test_the_heatmap_is_accessible_to_screen_readers():
    html = render(active(WEDNESDAY, 3))

    assert 'role="img" aria-labelledby="gam-heatmap-title gam-heatmap-desc"' in html
    assert (
        '<th scope="row">June 10, 2026</th><td class="gam-number">3</td>'
        '<td class="gam-number">30</td><td>active</td>'
    ) in html


def test_the_table_starts_with_the_latest_day():
    html = render(active(WEDNESDAY - timedelta(1)), active(WEDNESDAY))

    assert html.rindex("June 10, 2026") < html.rindex("June 9, 2026")


def test_svg_positions_do_not_depend_on_the_language(settings):
    settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR = "de", True

    assert 'x="706" y="42"' in render(active(WEDNESDAY, 3))
