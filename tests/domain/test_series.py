from __future__ import annotations

from gamification.domain.outcomes import Unlock
from gamification.domain.series import SeriesStep, falling_steps, highest_steps
from tests.domain.builders import achievement, changeset, entry

MEDALS = {
    name: achievement("total_xp", 10 * step, id=step, key=name, series="m", step=step)
    for step, name in enumerate(["bronze", "silver", "gold"], 1)
}
RULES = {**MEDALS, "lone": achievement("level", 9, id=9, key="lone")}


def unlock(key, xp=5):
    return Unlock(key, key.title(), "", xp)


def shown(*keys, held=()):
    found = highest_steps(map(unlock, keys), RULES, frozenset(held))
    return [(each.achievement, each.xp) for each in found]


def test_steps_unlocked_together_are_one_with_the_name_of_the_highest():
    assert shown("silver", "bronze", "gold") == [("gold", 15)]


def test_what_is_no_step_stands_for_itself():
    assert shown("bronze", "lone") == [("bronze", 5), ("lone", 5)]


def test_a_step_above_the_held_one_is_shown():
    assert shown("gold", held={1, 2}) == [("gold", 5)]


def test_a_step_below_the_held_one_is_not_shown():
    assert shown("silver", "lone", held={1, 3, 9}) == [("lone", 5)]


def test_a_record_that_crosses_three_steps_is_one_celebration():
    changes = changeset(*MEDALS.values())

    outcome = changes.adjust(entry(amount=30), settles=True)

    assert [each.achievement for each in outcome.unlocks] == [
        "bronze",
        "silver",
        "gold",
    ]
    [notice] = [each for each in outcome.celebrations if each.kind == "achievement"]
    assert notice.dedupe_key == "achievement:gold"


def test_steps_rise_if_each_asks_for_more():
    steps = [SeriesStep("m", step, f"s{step}", "xp", 10 * step) for step in (3, 1, 2)]

    assert [*falling_steps(steps)] == []


def test_steps_that_ask_for_no_more_are_named():
    low, high = (
        SeriesStep("m", 1, "low", "xp", 10),
        SeriesStep("m", 2, "high", "xp", 10),
    )

    assert [*falling_steps([high, low])] == [(low, high)]


def test_steps_that_measure_something_else_are_not_compared():
    steps = [
        SeriesStep("m", 1, "low", "xp", 10),
        SeriesStep("m", 2, "high", "level", 2),
    ]

    assert [*falling_steps(steps)] == []


def test_steps_of_other_series_are_not_compared():
    steps = [SeriesStep("m", 1, "low", "xp", 10), SeriesStep("n", 2, "high", "xp", 5)]

    assert [*falling_steps(steps)] == []
