from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.rules import AchievementRule
from gamification.domain.seasons import Season, SeasonState
from gamification.domain.spans import dates_of, is_inside

JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
UTC_DAYS = Calendar((ZoneChange(0, "UTC"),))
AUCKLAND = Calendar((ZoneChange(0, "Pacific/Auckland"),))


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (timedelta(microseconds=-1), SeasonState.UPCOMING),
        (timedelta(0), SeasonState.OPEN),
        (timedelta(days=30, microseconds=-1), SeasonState.OPEN),
        (timedelta(days=30), SeasonState.ENDED),
    ],
)
def test_a_season_is_half_open(after, state):
    assert Season(JUNE, JULY, "UTC").state_at(JUNE + after, UTC_DAYS) == state


def test_one_end_may_be_open():
    early, late = JUNE - timedelta(days=999), JULY + timedelta(days=999)

    assert Season(None, JULY, "UTC").contains(early, UTC_DAYS)
    assert Season(JUNE, None, "UTC").contains(late, UTC_DAYS)


def test_without_a_zone_each_users_own_clock_decides():
    # It is noon of the first of June in Auckland, twelve hours before it is in UTC.
    instant = JUNE - timedelta(hours=12)

    assert Season(JUNE, JULY).contains(instant, AUCKLAND)
    assert not Season(JUNE, JULY).contains(instant, UTC_DAYS)


def test_with_a_zone_the_instant_decides_for_everybody():
    instant = JUNE - timedelta(hours=12)

    assert not Season(JUNE, JULY, "UTC").contains(instant, AUCKLAND)


def test_dates_are_inner_or_edges_or_outside():
    season = Season(JUNE, JULY)
    first, last = season.dates
    days = [first + timedelta(n) for n in range((last - first).days + 1)]

    inner = {day for day in days if season.is_inner(day)}

    assert (first, last) == (date(2026, 5, 29), date(2026, 7, 4))
    assert inner - season.edges == {date(2026, 6, 4) + timedelta(n) for n in range(24)}
    assert {*days} - inner - season.edges == {last}


def test_a_season_at_the_end_of_the_calendar_has_dates():
    season = Season(ends_at=datetime(9999, 12, 31, tzinfo=UTC))

    assert season.dates == (date.min, date.max)
    assert date.max in season.edges
    assert not Season(starts_at=season.ends_at).is_inner(date(2026, 6, 1))


@pytest.mark.parametrize(("day", "counts"), [(15, True), (1, False)])
def test_a_date_counts_without_a_time_if_all_of_it_is_in_the_season(day, counts):
    rule = AchievementRule(
        *(1, "spring", "Spring", 0, "active_days", 3), starts_at=JUNE, ends_at=JULY
    )

    inside = is_inside(rule, None, date(2026, 6, day), None, UTC_DAYS)

    assert inside is counts


def test_only_what_happens_about_the_season_needs_its_dates():
    rule = AchievementRule(
        *(1, "spring", "Spring", 0, "active_days", 3), starts_at=JUNE, ends_at=JULY
    )
    first, last = rule.season.dates
    day = timedelta(days=1)

    assert dates_of(rule, first, last) == (first, last)
    assert dates_of(rule, first - 9 * day, first - day) is None
    assert dates_of(rule, last + day, last + 9 * day) is None
