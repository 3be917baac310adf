from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from gamification.domain.boost_times import BoostState, spans_for, state_at
from gamification.domain.boosted import AppliedBoost, exact_text, worth_of
from gamification.domain.boosts import (
    BoostKind,
    BoostRule,
    BoostTable,
    Occasion,
    combine,
)
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.conditions import Comparison
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import Outcome
from gamification.domain.state import Rules
from tests.domain.builders import CALENDAR, NOW, THRESHOLDS, activity, record, state
from tests.vectors import BOOSTS, STRATEGIES, name_of

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = Calendar((ZoneChange(0, "Europe/Berlin"),))
WALKS = frozenset({1})


def boost(factor: str = "2", **fields) -> BoostRule:
    key = fields.pop("key", f"times_{factor}")
    rule = BoostRule(1, key, "Launch weekend", Fraction(factor), JUNE, JULY, "UTC")
    return replace(rule, **fields)


def changes(*boosts: BoostRule, strategy: str = "product", groups=()) -> UserChangeset:
    rules = Rules(Catalogue(boosts=boosts), THRESHOLDS, boost_strategy=strategy)
    return UserChangeset(state(groups=frozenset(groups)), rules, NOW)


def walk(changeset: UserChangeset, at: datetime = NOW, **fields) -> Outcome:
    day = changeset.state.calendar.date_of(at)
    return changeset.record(record(at), activity(**fields), day)


def found(rule: BoostRule, at: datetime, calendar: Calendar = CALENDAR, **about):
    occasion = Occasion(BoostKind.RECORD, at, **{"activity_id": 1, **about})
    return BoostTable([rule]).find(occasion, calendar, frozenset())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("vector", BOOSTS, ids=name_of)
def test_the_factor_and_the_rounding_are_those_of_the_vectors(vector, strategy):
    ends_at = datetime.fromisoformat(vector.get("ends_at", "2026-07-01T00:00:00Z"))
    at = datetime.fromisoformat(vector.get("occurred_at", "2026-06-09T12:00:00Z"))
    known = [
        boost(each, key=f"boost_{place}", ends_at=ends_at)
        for place, each in enumerate(vector["boosts"])
    ]
    changeset = changes(*known, strategy=strategy)
    rule = activity(xp_reward=vector["reward"], daily_limit=vector.get("daily_limit"))
    done = record(at, quantity=vector.get("quantity", 1))

    outcome = changeset.record(done, rule, at.date())

    assert outcome.credited == vector[strategy]


def test_an_outcome_says_where_its_xp_comes_from():
    outcome = walk(changes(boost("1.5"), boost("2")))

    assert (outcome.credited, outcome.base, outcome.factor) == (30, 10, Decimal("3.00"))
    assert outcome.boosts == (
        AppliedBoost("times_1.5", "Launch weekend", Decimal("1.50")),
        AppliedBoost("times_2", "Launch weekend", Decimal("2.00")),
    )


def test_an_outcome_without_boosts_has_the_factor_one():
    outcome = walk(changes())

    assert (outcome.base, outcome.factor, outcome.boosts) == (10, Decimal("1.00"), ())


def test_an_outcome_without_an_entry_has_no_boosts():
    outcome = replace(walk(changes(boost())), entry=None, credited=0)

    assert (outcome.base, outcome.factor, outcome.boosts) == (0, Decimal("1.00"), ())


def test_withheld_xp_is_what_its_units_would_have_earned():
    changeset = changes(boost("1.5"))
    rule = activity(xp_reward=7, daily_limit=1)

    outcome = changeset.record(record(quantity=2), rule, NOW.date())

    # 14 × 1.5 is 21, 7 × 1.5 rounds to 10.
    assert (outcome.credited, outcome.withheld.xp) == (10, 11)


def test_a_withheld_record_without_a_boost_loses_its_plain_xp():
    changeset = changes(boost(activities=frozenset({2})))
    rule = activity(daily_limit=1)

    outcome = changeset.record(record(quantity=3), rule, NOW.date())

    assert (outcome.credited, outcome.withheld.xp) == (10, 20)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (JUNE - HOUR / 3_600, False),
        (JUNE, True),
        (JULY - HOUR / 3_600, True),
        (JULY, False),
    ],
)
def test_a_boost_holds_from_its_start_to_just_before_its_end(at, holds):
    assert bool(found(boost(), at)) is holds


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        # In June, Berlin is two hours ahead of UTC.
        (JUNE - 2 * HOUR, True),
        (JUNE - 3 * HOUR, False),
        (JULY - 3 * HOUR, True),
        (JULY - 2 * HOUR, False),
    ],
)
def test_a_boost_without_a_zone_goes_by_the_clock_of_the_user(at, holds):
    assert bool(found(boost(zone=""), at, BERLIN)) is holds


def test_a_clock_is_that_of_the_place_where_the_user_was():
    moved = ZoneChange((JUNE + 12 * HOUR).timestamp(), "Pacific/Auckland")
    calendar = Calendar((ZoneChange(0, "America/Los_Angeles"), moved))
    short = boost(zone="", ends_at=JUNE + 24 * HOUR)

    # Los Angeles shows 17:00 on 31 May, then 1 June; Auckland shows 2 June at once.
    assert not found(short, JUNE, calendar)
    assert found(short, JUNE + 8 * HOUR, calendar)
    assert not found(short, JUNE + 13 * HOUR, calendar)


def test_an_hour_that_comes_twice_is_boosted_twice():
    at = datetime(2026, 10, 25, 2, tzinfo=UTC)
    night = boost(zone="", starts_at=at, ends_at=at + HOUR)

    # Berlin's clock shows 02:30 at 00:30 and at 01:30 UTC.
    assert [bool(found(night, at + HOUR * n / 2, BERLIN)) for n in range(-5, 1)] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]


def test_a_boost_of_some_activities_leaves_out_the_others():
    chosen = boost(activities=WALKS)

    assert found(chosen, NOW)
    assert not found(chosen, NOW, activity_id=2)


def test_a_boost_of_an_activity_that_is_gone_boosts_nothing():
    assert not found(boost(activities=frozenset()), NOW)


def test_all_comparisons_must_hold():
    comparisons = (
        Comparison("genre", "in", ("fantasy", "horror")),
        Comparison("pages", "at_least", 100),
    )
    rule = boost(where=comparisons)

    assert found(rule, NOW, attributes={"genre": "horror", "pages": 100})
    assert not found(rule, NOW, attributes={"genre": "horror", "pages": 99})
    assert not found(rule, NOW)


def test_a_boost_for_a_group_is_for_its_members():
    club = boost(group_id=3)

    assert walk(changes(club)).credited == 10
    assert walk(changes(club, groups={3})).credited == 20


def test_an_import_is_boosted_only_if_the_boost_says_so():
    record_kind, import_kind = BoostKind.RECORD.value, BoostKind.IMPORT.value
    plain, wide = boost(), boost(kinds=frozenset({record_kind, import_kind}))
    credited = []
    for rule in (plain, wide):
        changeset = changes(rule)
        changeset.is_import = True
        credited.append(walk(changeset).credited)

    assert credited == [10, 20]


def test_activities_and_attributes_choose_among_records_alone():
    kind = BoostKind.ADJUSTMENT
    rule = boost(
        kinds=frozenset({kind.value}),
        activities=WALKS,
        where=(Comparison("genre", "is", "fantasy"),),
    )

    table = BoostTable([rule])

    assert table.find(Occasion(kind, NOW), CALENDAR, frozenset()) == [rule]


def test_groups_matter_only_while_their_boosts_may_hold():
    records, rewards = {"record"}, {"record", "achievement"}
    table = BoostTable(
        [
            boost(key="june", group_id=1, kinds=frozenset(records)),
            boost(
                key="may",
                group_id=2,
                kinds=frozenset(records),
                starts_at=JUNE - 48 * HOUR,
                ends_at=JUNE - 24 * HOUR,
            ),
            boost(
                key="past",
                group_id=3,
                kinds=frozenset(rewards),
                starts_at=JUNE - 48 * HOUR,
                ends_at=JUNE - 24 * HOUR,
            ),
            boost(key="all"),
        ]
    )

    assert table.groups(NOW, NOW) == [1, 3]
    assert table.groups(None, None) == [1, 2, 3]


def test_a_table_knows_whether_it_boosts_rewards():
    assert not BoostTable([boost()]).boosts_rewards
    assert BoostTable([boost(kinds=frozenset({"achievement"}))]).boosts_rewards


@pytest.mark.parametrize(
    ("factors", "strategy", "whole"),
    [
        (["2"], "product", "2"),
        (["0.5", "0.5"], "product", "1/4"),
        (["0.5", "0.8"], "highest", "4/5"),
        (["0.1", "0.2"], "additive", "0"),
        (["10", "10"], "additive", "10"),
    ],
)
def test_factors_make_one(factors, strategy, whole):
    assert combine(map(Fraction, factors), strategy) == Fraction(whole)


@pytest.mark.parametrize(
    ("factor", "text"),
    [("2", "2.00"), ("0.5", "0.50"), ("2.4025", "2.4025"), ("0.05", "0.05")],
)
def test_factors_are_written_exactly(factor, text):
    assert exact_text(Fraction(factor)) == text


def test_a_loss_is_rounded_towards_zero():
    assert worth_of(-7, {"factor": "1.50"}) == -10


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("UTC", JUNE - HOUR, BoostState.PLANNED),
        ("UTC", JUNE, BoostState.RUNNING),
        ("UTC", JULY - HOUR, BoostState.RUNNING),
        ("UTC", JULY, BoostState.OVER),
        # On users' own clocks it begins 14 hours earlier, and ends 12 hours later.
        ("", JUNE - 14 * HOUR, BoostState.RUNNING),
        ("", JUNE - 15 * HOUR, BoostState.PLANNED),
        ("", JULY + 11 * HOUR, BoostState.RUNNING),
        ("", JULY + 12 * HOUR, BoostState.OVER),
    ],
)
def test_a_boost_runs_as_long_as_it_holds_somewhere(zone, at, expected):
    assert state_at(at, JUNE, JULY, zone) is expected


@pytest.mark.parametrize(
    ("at", "expected"), [(JUNE - HOUR, BoostState.PLANNED), (JUNE, BoostState.OVER)]
)
def test_a_boost_that_is_switched_off_never_runs(at, expected):
    assert state_at(at, JUNE, JULY, "UTC", is_active=False) is expected


def test_a_user_is_told_when_a_boost_begins_for_them():
    own = (JUNE - 2 * HOUR, JULY - 2 * HOUR)

    assert spans_for(JUNE, JULY, "", BERLIN) == [own]
    assert spans_for(JUNE, JULY, "UTC", BERLIN) == [(JUNE, JULY)]


def test_a_flight_west_begins_a_boost_once_more():
    """Honolulu is 24 hours behind: 1 June begins there a day later."""
    flight = ZoneChange((JUNE - 2 * HOUR).timestamp(), "Pacific/Honolulu")
    calendar = Calendar((ZoneChange(0, "Pacific/Kiritimati"), flight))

    first, second = spans_for(JUNE, JULY, "", calendar)

    assert first == (JUNE - 14 * HOUR, JUNE - 2 * HOUR)
    assert second == (JUNE + 10 * HOUR, JULY + 10 * HOUR)


def test_a_flight_after_a_boost_changes_nothing():
    flight = ZoneChange(JULY.timestamp(), "Pacific/Auckland")
    calendar = Calendar((*BERLIN.zones, flight))

    assert spans_for(JUNE, JULY, "", calendar) == spans_for(JUNE, JULY, "", BERLIN)


def test_a_boost_goes_on_where_the_next_clock_shows_its_time_too():
    flight = ZoneChange((JUNE + HOUR).timestamp(), "UTC")
    calendar = Calendar((ZoneChange(0, "Europe/Berlin"), flight))

    assert spans_for(JUNE, JULY, "", calendar) == [(JUNE - 2 * HOUR, JULY)]


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "spans"),
    [
        (
            "2026-10-24T12:00",
            "2026-10-25T02:30",
            ["24T10:00/25T00:30", "25T01:00/25T01:30"],
        ),
        (
            "2026-10-25T02:30",
            "2026-10-25T12:00",
            ["25T00:30/25T01:00", "25T01:30/25T11:00"],
        ),
        (
            "2026-10-25T02:10",
            "2026-10-25T02:30",
            ["25T00:10/25T00:30", "25T01:10/25T01:30"],
        ),
        ("2026-10-25T02:00", "2026-10-25T03:00", ["25T00:00/25T02:00"]),
        ("2026-03-29T02:30", "2026-03-29T04:00", ["29T01:00/29T02:00"]),
        ("2026-03-29T01:00", "2026-03-29T02:30", ["29T00:00/29T01:00"]),
        ("2026-03-29T02:10", "2026-03-29T02:30", []),
    ],
)
def test_the_spans_of_a_boost_are_those_of_records_where_clocks_change(
    starts_at, ends_at, spans
):
    starts_at, ends_at = (
        datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (starts_at, ends_at)
    )

    found = spans_for(starts_at, ends_at, "", BERLIN)

    assert [f"{a:%dT%H:%M}/{b:%dT%H:%M}" for a, b in found] == spans
    own = boost(zone="", starts_at=starts_at, ends_at=ends_at)
    for minute in range(48 * 60):
        at = starts_at - 6 * HOUR + timedelta(minutes=minute)
        assert own.holds_at(at, BERLIN) == any(a <= at < b for a, b in found)


def test_a_boost_for_all_time_holds_on_every_clock():
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    forever = boost(zone="", starts_at=first, ends_at=last, group_id=1)

    assert BoostTable([forever]).groups(NOW, NOW) == [1]
    assert state_at(NOW, first, last, "") is BoostState.RUNNING
    assert spans_for(first, last, "", BERLIN) == [(first, last - HOUR)]
