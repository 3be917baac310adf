from __future__ import annotations

from datetime import date

import pytest

from gamification.domain.conditions import Comparison, Counting, DateWindow
from gamification.domain.counting import Counted, Meter, change_of
from gamification.domain.history import PastEntry
from tests.domain.builders import CALENDAR, entry, on, reversed_, reward

FANTASY = (Comparison("genre", "is", "fantasy"),)
WEEK = DateWindow(days=7)
JUNE = DateWindow(since=date(2026, 6, 1), until=date(2026, 7, 1))


def counted(criterion: str = "activity_count", about: int | None = 1, **counting):
    return Counted(criterion, about, Counting(**counting))


def read(day: int = 1, quantity: int = 1, **attributes) -> PastEntry:
    return on(day, quantity=quantity, attributes=attributes or None)


@pytest.mark.parametrize(
    ("what", "record", "change"),
    [
        (counted(where=FANTASY), read(genre="fantasy", quantity=3), ("", 3)),
        (counted(where=FANTASY), read(genre="horror"), None),
        (counted(where=FANTASY), read(), None),
        (counted(about=2, where=FANTASY), read(genre="fantasy"), None),
        (counted(quantity="sum", attribute="pages"), read(pages=412), ("", 412)),
        (counted(quantity="sum", attribute="pages"), read(genre="horror"), None),
        (counted(quantity="sum", attribute="pages"), read(pages="many"), None),
        (counted(quantity="distinct", attribute="genre"), read(genre="x"), ("x", 1)),
        (counted(quantity="distinct", attribute="new"), read(new=True), ("true", 1)),
        (counted(quantity="distinct", attribute="pages"), read(pages=9), ("9", 1)),
        (counted(quantity="distinct", attribute="genre"), read(), None),
        (counted(window=WEEK), read(day=3), ("2026-01-03", 1)),
        (
            counted(window=WEEK, quantity="distinct", attribute="genre"),
            read(genre="a|b"),
            ("2026-01-01|a|b", 1),
        ),
        (counted(window=JUNE), read(), None),
        (counted("total_xp", None, window=WEEK), reward(2, 50), ("2026-01-02", 50)),
        (
            counted("achievements", None, window=JUNE),
            reward(2, achievement_id=4, local_date=date(2026, 6, 1)),
            ("4", 1),
        ),
        (
            counted("achievements", None, window=JUNE),
            on(1, local_date=date(2026, 6, 1)),
            None,
        ),
        (counted("level", None, window=JUNE), on(1, local_date=date(2026, 6, 1)), None),
    ],
)
def test_an_entry_adds_to_a_bucket(what, record, change):
    assert change_of(what, record, 0) == change


@pytest.mark.parametrize(
    ("criterion", "bucket"),
    [("active_days", ""), ("longest_streak", "2026-06-10")],
)
def test_dates_count_when_they_become_active_or_are_active_no_more(criterion, bucket):
    what = counted(criterion, None, window=JUNE)

    assert change_of(what, entry(), 1) == (bucket, 1)
    assert change_of(what, entry(), 0) is None
    assert change_of(what, entry(), -1) == (bucket, -1)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        (counted(where=FANTASY), ("", -3)),
        (counted(quantity="sum", attribute="pages"), ("", -412)),
        (counted(quantity="distinct", attribute="genre"), ("fantasy", -1)),
    ],
)
def test_a_reversal_takes_away_what_its_record_added(what, change):
    record = read(genre="fantasy", pages=412, quantity=3)

    assert change_of(what, reversed_(record), 0) == change


def test_the_reversal_of_a_reward_takes_an_achievement_away():
    what = counted("achievements", None, window=JUNE)
    given = reward(1, achievement_id=4, local_date=date(2026, 6, 1))

    assert change_of(what, reversed_(given), 0) == ("4", -1)


def value_of(what: Counted, *changes: tuple[str, int]) -> tuple[int, int]:
    """Return the value if buckets are added one by one, and all together."""
    one, together = Meter(what, CALENDAR), Meter(what, CALENDAR)
    for bucket, amount in changes:
        one.add(bucket, amount)
        assert one.value >= 0
    sums: dict[str, int] = {}
    for bucket, amount in changes:
        sums[bucket] = sums.get(bucket, 0) + amount
    together.load(sums)
    return one.value, together.value


def day(number: int) -> str:
    return f"2026-06-{number:02}"


@pytest.mark.parametrize(
    ("what", "changes", "value"),
    [
        (counted(where=FANTASY), [("", 2), ("", 3), ("", -1)], 4),
        (
            counted(quantity="distinct", attribute="genre"),
            [("a", 1), ("b", 1), ("a", 1), ("b", -1)],
            1,
        ),
        (counted(window=WEEK), [(day(1), 1), (day(7), 2), (day(8), 1)], 3),
        (counted(window=WEEK), [(day(8), 1), (day(1), 1), (day(7), 2)], 3),
        (counted(window=WEEK), [(day(1), 5), (day(1), -5), (day(9), 2)], 2),
        (
            counted(window=DateWindow(days=1)),
            [(day(1), 1), (day(2), 1), (day(1), 1)],
            2,
        ),
        (counted(window=DateWindow(days=366)), [(day(1), 1), (day(30), 1)], 2),
        (
            counted(window=WEEK, quantity="distinct", attribute="genre"),
            [(f"{day(1)}|a", 1), (f"{day(3)}|a", 1), (f"{day(7)}|b", 1)],
            2,
        ),
        (counted("longest_streak", None, window=JUNE), [], 0),
        (
            counted("longest_streak", None, window=JUNE),
            [(day(1), 1), (day(3), 1), (day(2), 1), (day(5), 1)],
            3,
        ),
        (
            counted("longest_streak", None, window=JUNE),
            [(day(1), 1), (day(2), 1), (day(1), -1)],
            1,
        ),
    ],
)
def test_a_meter_has_the_value_of_all_buckets(what, changes, value):
    assert value_of(what, *changes) == (value, value)


def test_the_best_span_may_begin_right_after_a_loss():
    what = counted("total_xp", None, window=DateWindow(days=4))
    meter = Meter(what, CALENDAR)

    for bucket, amount in [(day(1), 5), (day(1), -10), (day(3), 5), (day(6), -5)]:
        meter.add(bucket, amount)

    assert meter.value == 5


def test_a_loaded_meter_counts_on():
    meter = Meter(counted(window=WEEK), CALENDAR)
    meter.load({day(1): 2})

    assert meter.value == 2
    meter.add(day(2), 1)

    assert meter.value == 3


def test_different_texts_of_equal_countings_are_one():
    one = Counting(where=(Comparison("b", "in", (2, 1, 1)), Comparison("a", "is", 1)))
    other = Counting(where=(Comparison("a", "is", 1), Comparison("b", "in", (1, 2))))

    assert one.canonical == other.canonical
    assert Counting().canonical == Counting()


@pytest.mark.parametrize("operator", ["at_least", "at_most"])
@pytest.mark.parametrize(
    ("wanted", "given"), [(3, "four"), ("three", 4), ("three", "three"), (1, True)]
)
def test_only_numbers_have_an_order(operator, wanted, given):
    assert not Comparison("pages", operator, wanted).accepts({"pages": given})


@pytest.mark.parametrize(("wanted", "given"), [(1, True), (False, 0), (True, "true")])
def test_yes_and_no_are_no_numbers(wanted, given):
    for operator, value in (("is", wanted), ("in", (wanted, "other"))):
        comparison = Comparison("signed", operator, value)
        assert comparison.accepts({"signed": wanted})
        assert not comparison.accepts({"signed": given})
