from __future__ import annotations

import pytest

from gamification.models import UserGamification
from gamification.staff import grant_freezes, pause_streak, streaks_today
from tests.factories import UserFactory
from tests.services.streaks.conftest import november

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("day", "streak"), [(3, 3), (4, 3), (5, 0)])
def test_a_missed_date_breaks_a_streak(act, on, user, day, streak):
    act(1, 2, 3)

    with on(day):
        assert streaks_today(UserGamification.objects.all()) == {user.pk: streak}


def test_freezes_and_pauses_keep_streaks(act, on):
    frozen, paused, lost = users = [UserFactory() for _ in range(3)]
    for who in users:
        act(1, 2, 3, who=who)
    with on(3):
        grant_freezes(frozen, 1)
        grant_freezes(lost, 1)
        pause_streak(paused, november(4), november(9), actor=None, note="")
    rows = UserGamification.objects.all()

    with on(5):
        assert streaks_today(rows) == {frozen.pk: 3, paused.pk: 3, lost.pk: 3}
    with on(6):
        assert streaks_today(rows) == {frozen.pk: 0, paused.pk: 3, lost.pk: 0}


def test_days_off_keep_streaks(act, on, daily, user):
    daily(weekdays=[1, 2, 3, 4, 5])
    act(5, 6)

    with on(9):
        assert streaks_today(UserGamification.objects.all()) == {user.pk: 2}
    with on(10):
        assert streaks_today(UserGamification.objects.all()) == {user.pk: 0}


@pytest.mark.parametrize("count", [1, 5])
def test_the_number_of_statements_is_fixed(act, on, count, django_assert_num_queries):
    for who in (UserFactory() for _ in range(count)):
        act(1, who=who)
        with on(1):
            grant_freezes(who, 1)
    rows = [*UserGamification.objects.all()]

    # The catalogue, active dates, freezes, pauses and repaired dates.
    with on(3), django_assert_num_queries(5):
        streaks_today(rows)


def test_users_without_exceptions_cost_no_look_at_dates(
    act, on, user, django_assert_num_queries
):
    act(1)
    rows = [*UserGamification.objects.all()]

    with on(2), django_assert_num_queries(0):
        assert streaks_today(rows) == {user.pk: 1}
    with on(3), django_assert_num_queries(1):
        assert streaks_today(rows) == {user.pk: 0}
