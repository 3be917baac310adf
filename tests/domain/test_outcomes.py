from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gamification.domain.outcomes import (
    CelebrationNotice,
    Outcome,
    Unlock,
    Withheld,
)
from tests.domain.builders import entry

PLAIN = Outcome(
    entry=entry(id=3, key="a"),
    credited=10,
    withheld=None,
    total_xp=60,
    level_before=1,
    level=2,
    current_streak=2,
    longest_streak=5,
)

RICH = replace(
    PLAIN,
    withheld=Withheld(
        20, 2, "daily_limit", datetime(2026, 6, 11, 0, 0, 0, 5, tzinfo=UTC)
    ),
    unlocks=(Unlock("medal", "Médaille “1”", "🥇", 50), Unlock("cup", "Cup", "", 0)),
    celebrations=(
        CelebrationNotice("streak", "streak:3", {"days": 3}, 41),
        CelebrationNotice("level", "level:2", {"from": 1, "to": 2, "levels": [2]}, 42),
    ),
)


@pytest.mark.parametrize("outcome", [PLAIN, RICH], ids=["plain", "rich"])
def test_a_replay_is_the_first_outcome_again(outcome):
    stored = json.loads(json.dumps(outcome.snapshot()))
    kept = outcome.entry._replace(outcome=stored)

    restored = Outcome.restore(kept, {(7, "streak:3"): 41, (7, "level:2"): 42}, None)

    assert restored == replace(outcome, replayed=True)


@pytest.mark.parametrize("outcome", [PLAIN, RICH], ids=["plain", "rich"])
def test_the_text_of_a_snapshot_is_its_json(outcome):
    assert json.loads(outcome.snapshot_text()) == outcome.snapshot()


def test_a_replay_says_when_its_entry_was_reversed():
    kept = PLAIN.entry._replace(outcome=PLAIN.snapshot())
    reversed_at = datetime(2026, 6, 12, tzinfo=UTC)

    restored = Outcome.restore(kept, {}, reversed_at)

    assert restored == replace(PLAIN, replayed=True, reversed_at=reversed_at)


def test_a_celebration_that_is_gone_is_restored_without_an_id():
    kept = RICH.entry._replace(outcome=RICH.snapshot())

    restored = Outcome.restore(kept, {(7, "level:2"): 42, (8, "streak:3"): 1}, None)

    assert [notice.id for notice in restored.celebrations] == [None, 42]


def test_xp_gained_is_that_of_the_entry_and_of_what_it_unlocked():
    assert RICH.xp_gained == 60


def test_xp_gained_has_what_a_reversal_freed_and_what_was_lost_with_it():
    outcome = replace(
        PLAIN,
        credited=-10,
        corrections=(entry(kind="correction", amount=4), entry(amount=3)),
        lost=(Unlock("medal", "", "", 50),),
    )

    assert outcome.xp_gained == -53


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(1, 2, True), (2, 2, False), (3, 2, False)]
)
def test_only_a_higher_level_is_a_level_up(before, after, expected):
    outcome = replace(PLAIN, level_before=before, level=after)

    assert outcome.levelled_up is expected


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("activity", 1),
        ("achievement", 0),
        ("adjustment", 0),
        ("correction", 0),
        ("reversal", -1),
    ],
)
def test_only_activities_and_reversals_count_for_a_day(kind, sign):
    assert entry(kind=kind).sign == sign
