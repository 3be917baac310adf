"""Forgiveness costs statements only where a gap is to be closed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.staff import grant_freezes

pytestmark = pytest.mark.django_db


def statements(work):
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)


def test_consecutive_dates_cost_nothing_more(user, staff, act, on, daily):
    act(1, 2, 3, who=staff)
    strict = statements(lambda: act(4, who=staff))
    daily(freeze_every=7)
    with on(1):
        grant_freezes(user, 1)
    act(1, 2, 3)

    assert statements(lambda: act(4)) == strict


def test_a_gap_without_exceptions_costs_nothing_more(user, staff, act):
    act(1, 2, 3)
    act(1, 2, 3, who=staff)

    assert statements(lambda: act(7)) == statements(lambda: act(4, who=staff))


def test_a_gap_that_may_be_covered_costs_four_reads(user, staff, act, on):
    with on(1):
        grant_freezes(user, 1)
    act(1, 2, 3)
    act(1, 2, 3, who=staff)

    more = statements(lambda: act(5)) - statements(lambda: act(5, who=staff))

    # On PostgreSQL, the freeze is written with everything else.
    assert more == (4 if connection.vendor == "postgresql" else 5)
