"""When achievements unlock that require more than one criterion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.conditions import (
    Comparison,
    ConditionGroup,
    Counting,
    DateWindow,
    Holding,
    Leaf,
)
from gamification.domain.counting import Counted
from gamification.domain.outcomes import Reason
from gamification.domain.state import Rules
from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_rules import StreakRule, StreakVersion
from gamification.domain.streaks import Streak
from gamification.domain.trees import Asked, FilterRule
from tests.domain.builders import (
    FIRST,
    NOW,
    THRESHOLDS,
    TODAY,
    achievement,
    activity,
    entry,
    on,
    record,
    reward,
    standing,
    state,
)

FANTASY = Counting(where=(Comparison("genre", "is", "fantasy"),))
JUNE = DateWindow(since=date(2026, 6, 1), until=date(2026, 7, 1))
WALK = activity()
REASON = Reason()
#: When the last entry before ``NOW`` occurred.
BEFORE = NOW - timedelta(days=1)
READS = Asked(frozenset({1}), frozenset({5}))


def rule(*parts: Any, criterion: str = "activity_count", threshold: int = 1, **more):
    """Return an achievement that requires a walk, and all of ``parts``."""
    about = 1 if criterion == "activity_count" else None
    tree = ConditionGroup(len(parts), parts) if parts else None
    defaults = {"activity_id": about, "conditions": tree}
    return achievement(criterion, threshold, **{**defaults, **more})


def changes(*rules: Any, filters=(), streaks=(), start: Any = None) -> UserChangeset:
    """Return a changeset of a user about whom nothing is known unless ``start`` is."""
    start = start or state(last_occurred_at=BEFORE, asked=READS)
    catalogue = Catalogue([WALK], rules, streaks=streaks, filters=filters)
    return UserChangeset(start, Rules(catalogue, THRESHOLDS), NOW)


def walked(booked: UserChangeset, at: datetime = NOW, **attributes: Any) -> list[str]:
    """Record a walk; return the keys of what it unlocks."""
    said = record(at)._replace(attributes=attributes or None)
    outcome = booked.record(said, WALK, at.date())
    return [unlock.achievement for unlock in outcome.unlocks]


def test_a_criterion_and_all_conditions_must_be_met():
    one = rule(Leaf("level", 2), key="one")

    assert walked(changes(one)) == []
    rich = state(total_xp=40, last_occurred_at=BEFORE, asked=READS)
    assert walked(changes(one, start=rich)) == ["one"]


def test_a_condition_counts_what_another_activity_has():
    one = rule(Leaf("activity_count", 3, activity="walk"), key="one", activity_id=2)
    start = state(
        tallies={1: 2, 2: 1}, last_occurred_at=BEFORE, asked=Asked(frozenset({1, 2}))
    )

    assert walked(changes(one, start=start)) == ["one"]


SEASON = {
    "starts_at": datetime(2026, 6, 1, tzinfo=UTC),
    "ends_at": datetime(2026, 7, 1, tzinfo=UTC),
    "season_zone": "UTC",
}


def test_a_late_record_may_meet_the_conditions_of_a_season():
    walks = Leaf("activity_count", 2, activity="walk")
    june = rule(walks, criterion="total_xp", key="june", **SEASON)
    start = state(tallies={1: 1}, total_xp=10, last_occurred_at=NOW)
    booked = changes(june, start=start)

    assert walked(booked, NOW - timedelta(days=39)) == []

    assert booked.needs_ledger


def test_what_counts_other_activities_is_not_judged():
    runs = rule(activity_id=2, counting=FANTASY, repeat_every=2, max_times=None)
    booked = changes(runs, start=state(ledger=[]))

    assert walked(booked) == []


@pytest.mark.parametrize(("pages", "unlocked"), [(200, ["one"]), (201, [])])
def test_a_condition_may_have_an_upper_bound(pages, unlocked):
    short = Counting(where=(Comparison("pages", "at_most", 200),))
    one = rule(key="one", counting=short)

    assert walked(changes(one, start=state(ledger=[])), pages=pages) == unlocked


def test_a_badge_of_badges_unlocks_with_the_last_one():
    first = rule(key="first", conditions=None)
    second = rule(Holding("first"), key="second", criterion="level")
    booked = changes(first, second)

    assert walked(booked) == ["first", "second"]


def test_what_must_not_be_held_is_judged_before_it_is_unlocked():
    first = rule(key="first")
    second = rule(Holding("first", is_held=False), key="second")
    third = rule(Holding("second"), Holding("first", is_held=False), key="third")

    assert walked(changes(first, second, third)) == ["first", "second"]


def test_what_is_met_between_two_unlocks_is_unlocked():
    one = rule(Holding("two", is_held=False), key="one")
    two = rule(key="two")
    between = rule(Holding("one"), Holding("two", is_held=False), key="between")

    assert walked(changes(one, two, between)) == ["one", "two", "between"]


def test_what_was_held_before_bars_what_must_lack_it():
    first = achievement("manual", 1, id=9, key="first")
    second = rule(Holding("first", is_held=False), key="second")
    start = state(held=frozenset({9}), last_occurred_at=BEFORE, asked=READS)

    booked = changes(first, second, start=start)

    assert walked(booked) == []
    assert not booked.needs_ledger


def test_a_late_record_asks_the_ledger_what_was_held_then():
    first = achievement("manual", 1, id=9, key="first")
    second = rule(Holding("first", is_held=False), key="second")
    start = state(held=frozenset({9}), last_occurred_at=BEFORE, asked=READS)
    late = FIRST + timedelta(days=1)

    booked = changes(first, second, start=start)
    walked(booked, late)
    assert booked.needs_ledger
    start.ledger, start.days = [reward(5, achievement_id=9)], {}
    booked = changes(first, second, start=start)

    assert walked(booked, late) == ["second"]
    assert booked.unlocks[0].unlocked_at == late


def test_what_must_lack_something_unlocked_before_does_not_unlock_late():
    first = rule(key="first")
    second = rule(Holding("first", is_held=False), key="second", threshold=2)
    start = state(last_occurred_at=FIRST + timedelta(9), asked=READS, days={})
    start.ledger = [reward(9, amount=0)]
    booked = changes(first, second, start=start)

    assert walked(booked, FIRST) == ["first"]
    assert walked(booked, FIRST + timedelta(1)) == []


#: It is earned again with each walk.
AGAIN = {"repeat_every": 1, "max_times": None}


def test_a_late_record_earns_again_what_lacked_something_then():
    first = achievement("manual", 1, id=9, key="first")
    second = rule(Holding("first", is_held=False), key="second", **AGAIN)
    start = state(held=frozenset({9}), last_occurred_at=BEFORE, asked=READS, days={})
    start.ledger = [reward(5, achievement_id=9)]

    assert walked(changes(first, second, start=start), FIRST) == ["second"]


@pytest.mark.parametrize("more", [{}, AGAIN])
def test_what_must_lack_an_unlock_of_the_past_is_not_unlocked_after_it(more):
    first = rule(key="first", threshold=2, conditions=None)
    lacks = Holding("first", is_held=False)
    second = rule(lacks, key="second", threshold=3, **more)
    start = state(tallies={1: 2}, last_occurred_at=BEFORE, asked=READS, days={})
    start.ledger = [on(1), on(2)]
    booked = changes(first, second, start=start)

    assert walked(booked) == ["first"]
    assert booked.unlocks[0].unlocked_at == FIRST + timedelta(1)


def test_an_unlock_of_which_the_ledger_knows_nothing_is_of_the_record():
    one = rule(Leaf("level", 1), key="one", threshold=3)
    start = state(tallies={1: 2}, last_occurred_at=BEFORE, asked=READS, days={})
    start.ledger = [on(1)]
    late = FIRST + timedelta(4)
    booked = changes(one, start=start)

    assert walked(booked, late) == ["one"]
    assert booked.unlocks[0].unlocked_at == late


def test_conditions_that_name_nothing_are_never_met():
    rules = [
        rule(Holding("gone"), key="holds"),
        rule(Holding("gone", is_held=False), key="lacks"),
        rule(Leaf("activity_count", 1, activity="gone"), key="counts"),
        rule(Leaf("longest_streak", 1, streak="gone"), key="runs"),
    ]
    start = state(last_occurred_at=BEFORE, asked=READS, ledger=[], days={TODAY: 1})

    assert walked(changes(*rules, start=start)) == []


FILTER = FilterRule(5, Counted("activity_count", 1, FANTASY), is_built=True)


def fantasy(threshold: int = 3, **fields: Any) -> Any:
    return rule(key="fan", counting=FANTASY, threshold=threshold, **fields)


@pytest.mark.parametrize(("stored", "unlocked"), [(1, []), (2, ["fan"])])
def test_a_filter_answers_with_its_tally(stored, unlocked):
    start = state(filters={5: {"": stored}}, last_occurred_at=BEFORE, asked=READS)
    start.tallies = {1: 2}
    booked = changes(fantasy(), filters=[FILTER], start=start)

    assert walked(booked, genre="horror") == []
    assert walked(booked, genre="fantasy") == unlocked
    assert booked.filters.kept(0) == ("", {(5, ""): 1})
    assert not booked.needs_ledger


def test_nothing_is_counted_without_conditions():
    assert changes(rule()).filters is None


def test_a_filter_that_is_being_built_counts_and_asks_the_ledger():
    building = FILTER._replace(is_built=False)
    start = state(tallies={1: 2}, last_occurred_at=BEFORE, asked=READS)
    booked = changes(fantasy(), filters=[building], start=start)
    walked(booked, genre="fantasy")
    assert booked.needs_ledger

    start.ledger = [on(1, attributes={"genre": "fantasy"}), on(2), on(3)]
    booked = changes(fantasy(2), filters=[building], start=start)

    assert walked(booked, genre="fantasy") == ["fan"]
    assert booked.filters.kept(0) == ("", {(5, ""): 1})


def test_the_ledger_is_not_asked_where_a_tally_is_too_small():
    start = state(tallies={1: 1}, last_occurred_at=BEFORE, asked=READS)
    booked = changes(fantasy(), start=start)

    assert walked(booked, genre="fantasy") == []
    assert not booked.needs_ledger


@pytest.mark.parametrize(
    ("leaf", "known"),
    [
        (Leaf("active_days", 9, counting=Counting(window=JUNE)), False),
        (Leaf("longest_streak", 9, counting=Counting(window=JUNE)), False),
        (Leaf("achievements", 9, counting=Counting(window=JUNE)), False),
        (Leaf("total_xp", 9, counting=Counting(window=JUNE)), True),
        (Leaf("active_days", 1, counting=Counting(window=JUNE)), True),
    ],
)
def test_only_what_is_possible_is_looked_up_in_the_ledger(leaf, known):
    booked = changes(rule(leaf, key="one"))
    walked(booked)

    assert booked.needs_ledger == known


def test_a_tally_that_was_not_read_is_looked_up_in_the_ledger():
    start = state(last_occurred_at=BEFORE)
    one = rule(Leaf("level", 1), key="one", threshold=3)
    booked = changes(one, start=start)
    walked(booked)
    assert booked.needs_ledger

    start.ledger = [on(1), on(2)]

    assert walked(changes(one, start=start)) == ["one"]


def test_a_user_without_a_past_needs_no_ledger():
    booked = changes(fantasy(1), start=state(version=0))

    assert walked(booked, genre="fantasy") == ["fan"]
    assert not booked.needs_ledger


GYM = StreakRule(
    2, "gym", "", is_active=True, versions=(StreakVersion(activities=frozenset({1})),)
)


def test_another_streak_is_measured_where_its_dates_are_known():
    one = rule(Leaf("longest_streak", 2, streak="gym"), key="one")
    book = StreakBook(chosen={(1, TODAY - timedelta(1)): 1})
    days = {TODAY - timedelta(1): 1}
    start = state(
        last_occurred_at=BEFORE,
        asked=READS,
        days=days,
        book=book,
        active_days=1,
        streak=Streak(1, 1, TODAY - timedelta(1)),
    )

    assert walked(changes(one, streaks=[GYM], start=start)) == ["one"]


def test_the_window_of_another_streak_is_looked_up_in_the_ledger():
    window = Counting(window=JUNE)
    leaf = Leaf("longest_streak", 1, streak="gym", counting=window)
    one = rule(leaf, key="one")
    start = state(last_occurred_at=BEFORE, asked=READS, days={}, book=StreakBook())
    booked = changes(one, streaks=[GYM], start=start)
    walked(booked)
    assert booked.needs_ledger

    start.ledger = [on(1)]

    assert walked(changes(one, streaks=[GYM], start=start)) == ["one"]


def test_a_user_without_a_past_has_no_run_in_a_window():
    leaf = Leaf("longest_streak", 1, streak="gym", counting=Counting(window=JUNE))
    one = rule(leaf, criterion="level")
    booked = changes(one, streaks=[GYM], start=state(version=0))

    assert booked.qualifies(one) is False
    assert not booked.needs_ledger


@pytest.mark.parametrize(("threshold", "needed"), [(2, True), (3, False)])
def test_a_run_in_a_season_is_looked_up_if_one_was_ever_as_long(threshold, needed):
    since = datetime(2026, 6, 1, tzinfo=UTC)
    season = {"starts_at": since, "season_zone": "UTC", "streak_id": 2}
    one = achievement("longest_streak", threshold, **season)
    yesterday = TODAY - timedelta(1)
    start = state(last_occurred_at=BEFORE, asked=READS, days={yesterday: 1})
    start.book = StreakBook(chosen={(1, yesterday): 1})
    booked = changes(one, streaks=[GYM], start=start)
    walked(booked)

    assert booked.needs_ledger is needed


def test_a_streak_that_is_switched_off_is_at_zero():
    off = replace(GYM, is_active=False)
    one = rule(Leaf("longest_streak", 1, streak="gym"), key="one")
    start = state(last_occurred_at=BEFORE, asked=READS, ledger=[on(1)])

    assert walked(changes(one, streaks=[off], start=start)) == []


def test_a_forgiving_streak_has_no_tally():
    one = rule(Leaf("longest_streak", 1, counting=Counting(window=JUNE)), key="one")
    start = state(has_exceptions=True, last_occurred_at=BEFORE, asked=READS, days={})
    start.book = StreakBook()

    booked = changes(one, start=start)
    walked(booked)

    assert booked.needs_ledger


def test_what_was_met_before_is_dated_by_the_ledger():
    start = state(
        filters={5: {"": 3}},
        tallies={1: 3},
        last_occurred_at=BEFORE,
        asked=READS,
        ledger=[on(n, attributes={"genre": "fantasy"}) for n in (1, 2, 3)],
    )
    booked = changes(fantasy(), filters=[FILTER], start=start)

    assert walked(booked, genre="horror") == []
    assert walked(booked, genre="fantasy") == ["fan"]
    assert booked.unlocks[0].unlocked_at == datetime(2026, 1, 3, 9, tzinfo=UTC)


#: A read for a record of horror, in which no filter counts.
UNREAD = Asked()


@pytest.mark.parametrize(("total", "unlocked"), [(30, []), (45, ["fan"])])
def test_a_level_wakes_what_waits_for_it(total, unlocked):
    fan = fantasy(conditions=Leaf("level", 2))
    ledger = [on(n, attributes={"genre": "fantasy"}) for n in (1, 2, 3)]
    start = state(total_xp=total, last_occurred_at=BEFORE, asked=UNREAD)
    booked = changes(fan, filters=[FILTER], start=start)
    assert walked(booked, genre="horror") == []
    assert booked.needs_ledger == bool(unlocked)

    start.ledger = ledger
    booked = changes(fan, filters=[FILTER], start=start)

    assert walked(booked, genre="horror") == unlocked


def test_an_unlock_wakes_what_waits_for_it():
    fan = fantasy(conditions=Holding("first"))
    first = rule(key="first")
    start = state(last_occurred_at=BEFORE, asked=UNREAD)
    start.ledger = [on(n, attributes={"genre": "fantasy"}) for n in (1, 2, 3)]

    booked = changes(fan, first, filters=[FILTER], start=start)

    assert walked(booked, genre="horror") == ["first", "fan"]


def test_an_unlock_wakes_what_waits_for_so_many():
    fan = fantasy(conditions=Leaf("achievements", 1))
    start = state(last_occurred_at=BEFORE, asked=UNREAD)
    start.ledger = [on(n, attributes={"genre": "fantasy"}) for n in (1, 2, 3)]

    booked = changes(fan, rule(key="first"), filters=[FILTER], start=start)

    assert walked(booked, genre="horror") == ["first", "fan"]


def test_another_streak_wakes_what_waits_for_it():
    fan = fantasy(conditions=Leaf("longest_streak", 2, streak="gym"))
    yesterday = TODAY - timedelta(1)
    start = state(
        last_occurred_at=BEFORE,
        asked=UNREAD,
        days={yesterday: 1},
        book=StreakBook(chosen={(1, yesterday): 1}),
        active_days=1,
        streak=Streak(1, 1, yesterday),
    )
    start.ledger = [on(n, attributes={"genre": "fantasy"}) for n in (1, 2, 3)]

    booked = changes(fan, filters=[FILTER], streaks=[GYM], start=start)

    assert walked(booked, genre="horror") == ["fan"]


def test_a_draft_is_judged_by_the_ledger():
    draft = fantasy(id=7, status="draft")
    start = state(tallies={1: 5}, last_occurred_at=BEFORE, asked=READS)

    assert changes(draft, start=start).qualifies(draft) is None


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"filters": {5: {"": 3}}}, True),
        ({"filters": {5: {"": 2}}}, False),
        ({"filters": {5: {"": 3}}, "held": frozenset({7})}, False),
        ({"filters": {5: {"": 3}}, "revoked": frozenset({7})}, False),
        ({"filters": {5: {"": 3}}, "is_excluded": True}, False),
        ({"asked": Asked(), "tallies": {1: 5}}, None),
    ],
)
def test_a_user_qualifies_for_a_tree(fields, verdict):
    fan = fantasy(id=7)
    start = state(**{"last_occurred_at": BEFORE, "asked": READS, **fields})

    assert changes(fan, filters=[FILTER], start=start).qualifies(fan) is verdict


def lost_by(*rules: Any, start: Any, filters=(), **fields: Any) -> UserChangeset:
    """Reverse a walk that occurred now, by a user who holds all of ``rules``."""
    start.held = frozenset(rule.id for rule in rules)
    rewards = {
        (rule.id, 1): standing(
            entry(id=rule.id, kind="achievement", amount=5, achievement_id=rule.id)
        )
        for rule in rules
    }
    walk = standing(entry(**{"id": 3, "activity_id": 1, "quantity": 1, **fields}))
    booked = changes(*rules, filters=filters, start=start)
    booked.reverse([walk], rewards=rewards)
    return booked


def lost_keys(booked: UserChangeset) -> list[str]:
    [outcome] = booked.outcomes.values()
    return [unlock.achievement for unlock in outcome.lost]


def walker(**fields: Any) -> Any:
    return state(
        **{
            "total_xp": 100,
            "tallies": {1: 3},
            "filters": {5: {"": 3}},
            "last_occurred_at": NOW,
            "asked": READS,
            **fields,
        }
    )


def test_a_tree_is_lost_with_what_it_counts():
    fan = fantasy(revocable=True)

    booked = lost_by(
        fan, start=walker(), filters=[FILTER], attributes={"genre": "fantasy"}
    )

    assert lost_keys(booked) == ["fan"]


def test_a_tree_stays_while_it_is_met():
    fan = fantasy(revocable=True)

    booked = lost_by(
        fan, start=walker(), filters=[FILTER], attributes={"genre": "horror"}
    )

    assert lost_keys(booked) == []


def test_a_badge_of_badges_is_lost_with_the_badge():
    fan = fantasy(revocable=True)
    both = rule(Holding("fan"), key="both", criterion="level", revocable=True)

    booked = lost_by(
        fan, both, start=walker(), filters=[FILTER], attributes={"genre": "fantasy"}
    )

    assert lost_keys(booked) == ["fan", "both"]


def test_an_achievement_is_kept_without_what_it_had_to_lack():
    fan = rule(key="fan", threshold=1)
    loner = rule(Holding("fan", is_held=False), key="loner", revocable=True)

    assert lost_keys(lost_by(fan, loner, start=walker())) == []


def test_xp_of_a_window_does_not_count_the_rewards_of_what_is_lost():
    window = Counting(window=JUNE)
    what = Counted("total_xp", None, window)
    rich = rule(
        key="rich", criterion="total_xp", threshold=25, counting=window, revocable=True
    )
    built = FilterRule(5, what, is_built=True)

    booked = lost_by(rich, start=walker(filters={5: {"": 35}}), filters=[built])

    assert lost_keys(booked) == ["rich"]


def test_a_loss_that_only_the_ledger_tells_asks_for_it():
    fan = fantasy(revocable=True)

    booked = lost_by(fan, start=walker(tallies={1: 9}))

    assert booked.needs_ledger
    assert lost_keys(booked) == []


@pytest.mark.parametrize(
    ("rules", "filters", "needed"),
    [
        ([rule()], (), False),
        ([fantasy()], [FILTER], False),
        ([fantasy()], (), True),
        ([fantasy()], [FILTER._replace(is_built=False)], True),
        ([rule(Holding("x", is_held=False))], (), True),
        ([rule(Leaf("longest_streak", 3))], (), False),
        ([rule(Leaf("longest_streak", 3, streak="gym"))], (), True),
        ([fantasy(status="draft")], (), False),
    ],
)
def test_a_catalogue_may_need_ledgers(rules, filters, needed):
    catalogue = Catalogue([WALK], rules, streaks=[GYM], filters=filters)

    assert catalogue.trees.needs_ledgers == needed


def test_only_affected_trees_are_read_for():
    walks = fantasy()
    runs = rule(Leaf("activity_count", 1, activity="walk"), activity_id=2, threshold=2)
    other = rule(key="other", activity_id=3, counting=FANTASY)
    general = rule(Leaf("level", 2), activity_id=4)
    trees = Catalogue([WALK], [walks, runs, other, general], filters=[FILTER]).trees

    affected = trees.affected_by(frozenset({1}))

    assert {tree.rule for tree in affected.trees} == {walks, runs, general}
    assert affected.asked == Asked(frozenset({1, 2, 4}), frozenset({5}))


def test_what_is_kept_of_many_sets_of_activities_is_bounded(monkeypatch):
    monkeypatch.setattr("gamification.domain.trees._MAX_KEPT", 2)
    trees = Catalogue([WALK], [fantasy()]).trees

    for number in range(5):
        trees.affected_by(frozenset({number}))

    assert len(trees._affected) <= 2


def test_what_is_kept_of_many_values_is_bounded(monkeypatch):
    monkeypatch.setattr("gamification.domain.slot_index._MAX_KEPT", 2)
    genres = [Counting(where=(Comparison("genre", "is", str(n)),)) for n in range(5)]
    trees = Catalogue(
        [WALK], [rule(key=str(n), counting=each) for n, each in enumerate(genres)]
    ).trees

    found = [trees.slots.on(1, {"genre": str(n)}) for n in range(5)]

    assert found == [{0}, {1}, {2}, {3}, {4}]
    assert len(trees.slots._known) <= 2


def test_a_record_reads_the_filters_in_which_it_may_count():
    fan = fantasy(conditions=Leaf("level", 2))
    trees = Catalogue([WALK], [fan], filters=[FILTER]).trees
    said = {"genre": "fantasy"}, {"genre": "horror"}

    slots = [frozenset(trees.slots.on(1, each)) for each in said]
    affected = [trees.affected_by(frozenset({1}), each) for each in slots]

    assert [each.asked.filters for each in affected] == [{5}, frozenset()]
    assert [[tree.rule for tree in each.dormant] for each in affected] == [[], [fan]]


PAGES = Counting(quantity="sum", attribute="pages")
GENRES = Counting(quantity="distinct", attribute="genre")
WALKS = Leaf("activity_count", 7, activity="walk")
BIKES = Leaf("activity_count", 9, activity="bike")
LEVEL = Leaf("level", 2)


@pytest.mark.parametrize(
    ("conditions", "units"),
    [
        (LEVEL, 3),
        (WALKS, 7),
        (BIKES, 3),
        (replace(WALKS, counting=GENRES), 7),
        (replace(WALKS, counting=PAGES), 3),
        (ConditionGroup(1, (WALKS, replace(WALKS, threshold=5))), 5),
        (ConditionGroup(1, (WALKS, LEVEL)), 3),
        (ConditionGroup(2, (WALKS, LEVEL, replace(WALKS, threshold=5))), 5),
        (Holding("other"), 3),
    ],
)
def test_a_tree_needs_units(conditions, units):
    trees = Catalogue([WALK], [fantasy(conditions=conditions)]).trees

    assert trees.affected_by(frozenset({1})).units == units
    assert trees.affected_by(frozenset({1, 2})).units == 0


def test_a_user_who_has_done_too_little_meets_no_tree():
    start = state(filters={5: {"": 9}}, last_occurred_at=BEFORE, asked=READS)
    start.tallies = {1: 1}

    assert walked(changes(fantasy(), filters=[FILTER], start=start)) == []
