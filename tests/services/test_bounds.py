"""What is just good enough; the other side of each bound is in ``test_bad_inputs``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gamification.services import (
    adjust_xp,
    record_activity,
)
from tests.factories import ActivityFactory
from tests.inspection import ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=5)], ids=str)
def test_a_clock_may_be_ahead_by_five_minutes(user, ahead):
    assert record_activity(user, "walk", occurred_at=NOW + ahead).total_xp == 10


def test_a_record_may_be_48_hours_old(user):
    outcome = record_activity(user, "walk", occurred_at=NOW - timedelta(hours=48))

    assert outcome.total_xp == 10


def test_a_historical_record_may_be_as_old_as_1970(user):
    first = datetime(1970, 1, 1, tzinfo=UTC)

    outcome = record_activity(user, "walk", occurred_at=first, historical=True)

    assert outcome.entry.occurred_at == first


def test_a_site_may_allow_older_records(user, site):
    site.GAMIFICATION = {"MAX_BACKDATE": timedelta(days=30)}

    outcome = record_activity(user, "walk", occurred_at=NOW - timedelta(days=30))

    assert outcome.total_xp == 10


def test_a_site_may_allow_wilder_clocks(user, site):
    site.GAMIFICATION = {"MAX_CLOCK_SKEW": timedelta(days=1)}

    outcome = record_activity(user, "walk", occurred_at=NOW + timedelta(days=1))

    assert outcome.total_xp == 10


def test_a_million_units_at_a_million_xp_fit(user):
    ActivityFactory(key="win", xp_reward=1_000_000)

    outcome = record_activity(user, "win", quantity=1_000_000)

    assert (outcome.total_xp, outcome.level) == (10**12, 30)


def test_a_total_may_be_as_large_as_json_keeps(user):
    outcome = adjust_xp(user, amount=2**53, note="All of it.")

    assert (outcome.total_xp, profile_of(user).total_xp) == (2**53, 2**53)


def test_a_source_may_be_of_any_script(user):
    record_activity(user, "walk", source="ビジョン:“42” \\ {a,b} 🦉")

    assert ledger_of(user)[0].source == "ビジョン:“42” \\ {a,b} 🦉"


def test_a_note_may_be_long_and_of_any_script(user):
    note = "“é”\n\\{NULL}🦉" * 100

    adjust_xp(user, amount=1, note=note)

    assert ledger_of(user)[0].note == note
