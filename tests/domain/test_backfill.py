from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.domain import history
from gamification.domain.backfill import met_at, qualifies
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.conditions import ConditionGroup, Holding
from gamification.domain.criteria import Criterion
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import NO_REASON, Reason, Unlock
from gamification.domain.rewards import UnlockRow
from gamification.domain.state import Rules
from gamification.domain.streaks import Streak
from gamification.domain.totals import TotalOutOfRangeError
from tests.domain.builders import (
    CALENDAR,
    FIRST,
    NOW,
    THRESHOLDS,
    TODAY,
    achievement,
    corrected,
    on,
    reversed_,
    reward,
    state,
)
from tests.domain.builders import entry as booked

RULES = Rules(Catalogue(), THRESHOLDS)


def day_of(criterion, threshold, *ledger, activity_id=None, calendar=CALENDAR):
    """Return the date on which the ledger first met the threshold."""
    rule = achievement(criterion, threshold, activity_id=activity_id)
    moment = met_at(rule, history.lasting(ledger), calendar, RULES)
    return moment and moment.day.day


def test_a_count_is_met_by_the_entry_that_reaches_it():
    ledger = [on(1), on(2, quantity=3), on(3)]

    rule = achievement("activity_count", 4, activity_id=1)

    assert met_at(rule, history.lasting(ledger), CALENDAR, RULES) == (
        datetime(2026, 1, 2, 9, tzinfo=UTC),
        date(2026, 1, 2),
    )


def test_the_date_is_the_one_that_was_frozen():
    assert day_of("active_days", 1, on(1, local_date=date(2025, 12, 31))) == 31


def test_other_activities_do_not_count():
    ledger = [on(1), on(2, activity_id=2), on(3)]

    assert day_of("activity_count", 2, *ledger, activity_id=1) == 3


def test_entries_count_in_the_order_in_which_they_occurred():
    ledger = [on(5, id=1), on(2, id=2), on(9, id=3)]

    assert day_of("activity_count", 2, *ledger, activity_id=1) == 5


def test_entries_of_one_instant_count_in_the_order_of_recording():
    first, second = on(1, local_date=date(2026, 1, 8)), on(1, id=2)

    assert day_of("active_days", 1, first, second) == 8


def test_a_reversed_entry_counts_for_nothing():
    mistake = on(1, quantity=5)
    ledger = [mistake, on(2), reversed_(mistake), on(3)]

    assert day_of("activity_count", 2, *ledger, activity_id=1) == 3
    assert day_of("active_days", 1, *ledger) == 2


def test_a_correction_counts_with_the_entry_that_it_corrects():
    walk = on(1)
    ledger = [walk, on(2), corrected(walk, 15)]

    assert day_of("total_xp", 25, *ledger) == 1


def test_the_corrections_of_a_reversed_entry_count_for_nothing():
    walk = on(1)
    undone = reversed_(walk)._replace(amount=-25)
    ledger = [walk, corrected(walk, 15), undone, on(2)]

    assert day_of("total_xp", 10, *ledger) == 2
    assert day_of("total_xp", 11, *ledger) is None


def test_a_correction_is_no_activity():
    walk = on(1)
    ledger = [walk, corrected(walk, 15), on(3)]

    assert day_of("activity_count", 2, *ledger, activity_id=1) == 3


def test_xp_is_met_where_its_running_total_first_is():
    ledger = [on(1), reward(2), on(3, kind="adjustment", amount=-40), on(4, amount=90)]

    assert day_of("total_xp", 20, *ledger) == 2
    assert day_of("total_xp", 61, *ledger) == 4


def test_xp_that_staff_took_meanwhile_is_met_when_it_was_there_for_good():
    ledger = [on(1), reward(2), on(3, kind="adjustment", amount=-40), on(4, amount=90)]

    assert day_of("total_xp", 60, *ledger) == 4


def test_xp_that_staff_took_for_good_is_not_met():
    assert day_of("total_xp", 10, on(1), on(2, kind="adjustment", amount=-5)) is None


def test_a_level_is_met_where_its_xp_is():
    ledger = [on(1, amount=49), on(2, amount=1), on(3, amount=100)]

    assert [day_of("level", n, *ledger) for n in (1, 2, 3, 4)] == [1, 2, 3, None]


def test_a_level_that_the_table_does_not_have_is_not_told():
    assert day_of("level", 7, on(1, amount=100_000)) is None


def test_active_days_are_met_where_the_last_of_them_begins():
    ledger = [on(1), on(1, id=2), on(4), on(9)]

    assert [day_of("active_days", n, *ledger) for n in (1, 2, 3)] == [1, 4, 9]


def test_a_record_that_extends_no_streak_makes_no_day():
    ledger = [on(1), on(2, extends_streak=False), on(3)]

    assert day_of("active_days", 2, *ledger) == 3
    assert day_of("longest_streak", 2, *ledger) is None


def test_a_streak_is_met_where_the_first_run_of_its_length_is_complete():
    ledger = [on(1), on(2), on(5), on(6), on(7), on(8)]

    assert [day_of("longest_streak", n, *ledger) for n in (1, 2, 3, 4)] == [1, 2, 7, 8]


def test_a_streak_follows_the_users_own_calendar():
    # Samoa had no 30 December 2011.
    apia = Calendar((ZoneChange(0, "Pacific/Apia"),))
    local = [
        datetime(2011, 12, day, 20, tzinfo=ZoneInfo("Pacific/Apia")) for day in (29, 31)
    ]
    ledger = [on(1, occurred_at=at, local_date=at.date()) for at in local]

    assert day_of("longest_streak", 2, *ledger, calendar=apia) == 31


def test_a_streak_may_be_completed_by_an_earlier_date():
    # Over the date line: the 5th is lived again after the 6th.
    over = datetime(2026, 1, 6, 20, tzinfo=UTC)
    ledger = [on(4), on(6), on(7, occurred_at=over, local_date=date(2026, 1, 5))]

    assert day_of("longest_streak", 3, *ledger) == 5


def test_achievements_are_met_with_the_last_that_was_held():
    lost = reward(2)
    ledger = [reward(1), lost, reversed_(lost), reward(4, 0), reward(6)]

    assert [day_of("achievements", n, *ledger) for n in (1, 2, 3)] == [1, 4, 6]


@pytest.mark.parametrize("criterion", Criterion)
def test_an_empty_ledger_tells_nothing(criterion):
    assert day_of(criterion, 1) is None


def test_an_achievement_awarded_by_hand_was_never_met():
    assert day_of("manual", 1, on(1)) is None


def levels(xp):
    return max(1, sum(xp >= threshold for threshold in THRESHOLDS))


def longest_run(days):
    return max(
        (
            next(n for n in range(1, 99) if day + timedelta(n) not in days)
            for day in days
        ),
        default=0,
    )


#: What each criterion measures of the entries that are not taken back.
NAIVE = {
    "activity_count": lambda rows: sum(r.quantity for r in rows if r.activity_id == 1),
    "active_days": lambda rows: len({r.local_date for r in rows if r.extends_streak}),
    "longest_streak": lambda rows: longest_run(
        {row.local_date for row in rows if row.extends_streak}
    ),
    "level": lambda rows: levels(sum(row.amount for row in rows)),
    "total_xp": lambda rows: sum(row.amount for row in rows),
    "achievements": lambda rows: len(
        {row.achievement_id for row in rows if row.kind == "achievement"}
    ),
    "manual": lambda rows: 0,
}

entries = st.one_of(
    st.builds(
        on,
        st.integers(1, 20),
        activity_id=st.integers(1, 2),
        quantity=st.integers(1, 3),
        amount=st.integers(0, 60),
        extends_streak=st.booleans(),
        local_date=st.dates(date(2026, 1, 1), date(2026, 1, 20)),
    ),
    st.builds(reward, st.integers(1, 20), st.integers(0, 60)),
    st.builds(
        on,
        st.integers(1, 20),
        kind=st.just("adjustment"),
        amount=st.integers(-60, 60),
        activity_id=st.none(),
        quantity=st.just(0),
        extends_streak=st.just(False),  # noqa: FBT003 - what is drawn
    ),
)


@given(
    rows=st.lists(st.tuples(entries, st.booleans()), max_size=25),
    criterion=st.sampled_from(sorted(NAIVE)),
    threshold=st.one_of(st.integers(1, 12), st.integers(1, 400)),
)
def test_the_moment_is_that_of_the_first_entries_that_are_enough_for_good(
    rows, criterion, threshold
):
    numbered = [(row._replace(id=n), undone) for n, (row, undone) in enumerate(rows)]
    ledger = [row for row, _ in numbered]
    ledger += [reversed_(row, 100 + row.id) for row, undone in numbered if undone]
    lasting = [row for row, undone in numbered if not undone]
    lasting.sort(key=lambda row: (row.occurred_at, row.id))
    prefixes = [lasting[: n + 1] for n in range(len(lasting))]
    is_enough = [NAIVE[criterion](rows) >= threshold for rows in prefixes]
    enough = [rows for n, rows in enumerate(prefixes) if all(is_enough[n:])]

    counted = 1 if criterion == "activity_count" else None
    rule = achievement(criterion, threshold, activity_id=counted)
    moment = met_at(rule, history.lasting(ledger), CALENDAR, RULES)

    last = enough[0][-1] if enough else None
    assert moment == (last and (last.occurred_at, last.local_date))


@pytest.mark.parametrize(
    ("criterion", "fields"),
    [
        ("activity_count", {"tallies": {1: 5}}),
        ("active_days", {"active_days": 5}),
        ("longest_streak", {"streak": Streak(1, 5, TODAY)}),
        ("level", {"level": 5}),
        ("total_xp", {"total_xp": 5}),
        ("achievements", {"held": {101, 102, 103, 104, 105}}),
    ],
)
def test_a_user_qualifies_for_what_they_meet(criterion, fields):
    counted = 1 if criterion == "activity_count" else None
    rules = [achievement(criterion, n, activity_id=counted, id=n) for n in (4, 5, 6)]

    assert [qualifies(state(**fields), rule) for rule in rules] == [True, True, False]


def test_nobody_qualifies_for_what_they_hold_or_had_revoked():
    rule = achievement("total_xp", 1, id=5)

    assert not qualifies(state(total_xp=9, held=frozenset({5})), rule)
    assert not qualifies(state(total_xp=9, revoked=frozenset({5})), rule)


def test_a_user_qualifies_again_for_what_a_reversal_took_back():
    assert qualifies(
        state(total_xp=9, lapsed=frozenset({5})), achievement("total_xp", 1, id=5)
    )


def test_nobody_qualifies_for_what_is_awarded_by_hand():
    assert not qualifies(state(total_xp=9), achievement("manual", 1))


def changeset(ledger, *rules, celebrate=False, **fields):
    """Return the changeset of a user with this ledger, who meets the first rule."""
    total = sum(row.amount for row in ledger)
    start = {
        "total_xp": total,
        "level": levels(total),
        "last_occurred_at": max(row.occurred_at for row in ledger),
        "ledger": ledger,
    }
    catalogue = Rules(Catalogue((), rules), THRESHOLDS)
    return UserChangeset(state(**start | fields), catalogue, NOW, celebrate=celebrate)


def test_an_award_has_the_date_of_the_ledger():
    rule = achievement("total_xp", 20, id=5, xp_reward=7)
    changes = changeset([on(1), on(2), on(3)], rule)

    outcome = changes.backfill(rule, Reason(1, "Late."))

    met = datetime(2026, 1, 2, 9, tzinfo=UTC)
    assert outcome.entry == booked(
        kind="achievement",
        amount=7,
        achievement_id=5,
        occurred_at=met,
        local_date=date(2026, 1, 2),
        actor_id=1,
        note="Late.",
    )
    assert changes.unlocks == (UnlockRow(7, 5, met, xp_awarded=7),)


def test_an_award_that_the_ledger_does_not_tell_is_of_now():
    rule = achievement("longest_streak", 2)
    kiritimati = Calendar((ZoneChange(0, "Pacific/Kiritimati"),))
    changes = changeset([on(1)], rule, calendar=kiritimati)

    entry = changes.backfill(rule, NO_REASON).entry

    assert (entry.occurred_at, entry.local_date) == (NOW, date(2026, 6, 11))


def test_an_achievement_that_follows_is_dated_by_the_ledger_with_the_award():
    rule = achievement("active_days", 1, key="first", xp_reward=35)
    level = achievement("level", 2, key="second")
    pair = achievement("achievements", 2, key="pair")
    changes = changeset([on(1), on(2), on(3)], rule, level, pair, active_days=3)

    outcome = changes.backfill(rule, Reason(1, "Late."))

    assert outcome.unlocks == (
        Unlock("first", "", "", 35),
        Unlock("second", "", "", 0),
        Unlock("pair", "", "", 0),
    )
    # 10 and 35 XP on the 1st, 55 with the walk of the 2nd.
    assert [entry.local_date.day for entry in changes.entries] == [1, 2, 2]
    assert {(entry.actor_id, entry.note) for entry in changes.entries[1:]} == {
        (None, "")
    }


def test_an_achievement_that_follows_at_the_end_has_the_date_of_the_award():
    rule = achievement("active_days", 3, key="third", xp_reward=20)
    level = achievement("level", 2, key="second")
    changes = changeset([on(1), on(2), on(3)], rule, level, active_days=3)

    changes.backfill(rule, NO_REASON)

    assert [unlock.unlocked_at for unlock in changes.unlocks] == [
        FIRST + timedelta(days=2),
        FIRST + timedelta(days=2),
    ]


def test_a_silent_award_celebrates_nothing():
    rule = achievement("active_days", 1, key="first", xp_reward=500)

    quiet = changeset([on(1)], rule).backfill(rule, NO_REASON)
    loud = changeset([on(1)], rule, celebrate=True).backfill(rule, NO_REASON)

    assert quiet.celebrations == ()
    keys = [notice.dedupe_key for notice in loud.celebrations]
    assert keys == ["achievement:first", "level:5"]


def test_a_total_that_cannot_be_kept_is_refused():
    rule = achievement("active_days", 1, xp_reward=1)
    changes = changeset([on(1)], rule, total_xp=2**53)

    with pytest.raises(TotalOutOfRangeError):
        changes.backfill(rule, NO_REASON)


def test_what_requires_an_achievement_that_is_gone_is_never_met():
    tree = ConditionGroup(1, (Holding("gone"),))
    rule = achievement("activity_count", 1, activity_id=1, conditions=tree)
    ledger = [on(1), on(2)]

    assert met_at(rule, history.lasting(ledger), CALENDAR, RULES) is None


@pytest.mark.parametrize(("is_held", "day"), [(True, 3), (False, 1)])
def test_an_achievement_is_held_from_its_entry_on(is_held, day):
    badge = achievement("active_days", 9, key="badge", id=5)
    tree = ConditionGroup(1, (Holding("badge", is_held),))
    rule = achievement("activity_count", 1, activity_id=1, conditions=tree)
    ledger = [on(1), on(2), reward(3, achievement_id=5), on(4)]
    rules = Rules(Catalogue((), [badge, rule]), THRESHOLDS)

    moment = met_at(rule, history.lasting(ledger), CALENDAR, rules)

    assert moment is not None
    assert moment.day == date(2026, 1, day)


def test_a_tree_of_a_season_is_met_within_it():
    badge = achievement("active_days", 9, key="badge", id=5)
    season = {"starts_at": datetime(2026, 1, 3, tzinfo=UTC), "season_zone": "UTC"}
    tree = ConditionGroup(1, (Holding("badge"),))
    rule = achievement("activity_count", 1, activity_id=1, conditions=tree, **season)
    ledger = [reward(1, achievement_id=5), on(2), on(4)]
    rules = Rules(Catalogue((), [badge, rule]), THRESHOLDS)

    moment = met_at(rule, history.lasting(ledger), CALENDAR, rules)

    assert moment is not None
    assert moment.day == date(2026, 1, 4)


def test_a_streak_that_is_not_measured_is_never_long_enough():
    rule = achievement("longest_streak", 1, streak_id=2)

    assert met_at(rule, history.lasting([on(1)]), CALENDAR, RULES) is None
