from __future__ import annotations

import pytest

from gamification.domain.levels import (
    LEVEL_THRESHOLDS,
    Curve,
    LevelProgress,
    LevelRule,
    calculate_level_from_xp,
    generate_thresholds,
    get_level_progress,
    get_xp_for_next_level,
    is_level_table,
    make_table,
    thresholds_of,
)

#: The published table: total XP at which levels 1 to 10 begin.
TABLE = [0, 50, 150, 300, 500, 750, 1_050, 1_400, 1_800, 2_250]


def test_the_first_ten_levels_are_as_published():
    assert list(LEVEL_THRESHOLDS[:10]) == TABLE


def test_each_level_asks_for_fifty_xp_more_than_the_one_before():
    steps = [
        LEVEL_THRESHOLDS[level] - LEVEL_THRESHOLDS[level - 1]
        for level in range(1, len(LEVEL_THRESHOLDS))
    ]

    assert steps == [50 * level for level in range(1, 30)]


def test_there_are_thirty_levels():
    assert len(LEVEL_THRESHOLDS) == 30
    assert LEVEL_THRESHOLDS[-1] == 21_750


@pytest.mark.parametrize(("level", "threshold"), [*enumerate(TABLE, start=1)])
def test_a_level_is_reached_at_its_threshold(level, threshold):
    assert calculate_level_from_xp(threshold) == level


@pytest.mark.parametrize(("level", "threshold"), [*enumerate(TABLE[1:], start=2)])
def test_one_xp_less_is_the_level_below(level, threshold):
    assert calculate_level_from_xp(threshold - 1) == level - 1


@pytest.mark.parametrize("debt", [-1, -50, -(2**53)])
def test_a_debt_is_level_1(debt):
    assert calculate_level_from_xp(debt) == 1


@pytest.mark.parametrize("total", [21_750, 21_751, 2**53])
def test_xp_beyond_the_table_is_the_top_level(total):
    assert calculate_level_from_xp(total) == 30


def test_a_site_may_have_thresholds_of_its_own():
    assert calculate_level_from_xp(1_999, (0, 1_000, 2_000)) == 2


def test_a_site_may_have_a_single_level():
    assert calculate_level_from_xp(10**9, (0,)) == 1


@pytest.mark.parametrize(("level", "xp"), [(1, 50), (2, 150), (9, 2_250), (29, 21_750)])
def test_the_next_level_begins_at_its_threshold(level, xp):
    assert get_xp_for_next_level(level) == xp


@pytest.mark.parametrize("level", [30, 31, 10**6])
def test_there_is_no_level_above_the_top(level):
    assert get_xp_for_next_level(level) is None


@pytest.mark.parametrize("level", [0, -1, -30])
def test_a_level_below_1_is_refused(level):
    with pytest.raises(
        ValueError, match=rf"^Levels begin at 1; there is no level {level}\.$"
    ):
        get_xp_for_next_level(level)


def test_progress_is_the_share_of_the_way_between_two_thresholds():
    progress = get_level_progress(75)

    assert progress == LevelProgress(
        level=2,
        total_xp=75,
        previous_threshold=50,
        next_threshold=150,
        progress=0.25,
    )


def test_progress_is_0_at_a_threshold():
    progress = get_level_progress(50)

    assert (progress.level, progress.progress) == (2, 0.0)


def test_progress_stays_below_1_until_the_next_threshold():
    progress = get_level_progress(149)

    assert (progress.level, progress.progress) == (2, 0.99)


def test_progress_of_a_newcomer_is_0():
    assert get_level_progress(0) == LevelProgress(1, 0, 0, 50, 0.0)


def test_progress_of_a_debt_is_0_and_names_the_debt():
    assert get_level_progress(-30) == LevelProgress(1, -30, 0, 50, 0.0)


def test_progress_at_the_top_is_1_without_a_next_threshold():
    assert get_level_progress(30_000) == LevelProgress(30, 30_000, 21_750, None, 1.0)


def test_progress_follows_a_sites_own_thresholds():
    assert get_level_progress(15, (0, 10, 20)) == LevelProgress(2, 15, 10, 20, 0.5)


@pytest.mark.parametrize("table", [(0,), [0, 1], (0, 50, 150), (0, 2**53)])
def test_a_table_starts_at_0_and_rises(table):
    assert is_level_table(table)


@pytest.mark.parametrize(
    "table",
    [
        (),
        None,
        "012",
        {0, 1},
        (1, 2),
        (0, 0),
        (0, 5, 4),
        (0, 1.5),
        (False, 1),
        (0, "1"),
        (0, 2**53 + 1),
    ],
)
def test_any_other_table_is_none(table):
    assert not is_level_table(table)


@pytest.mark.parametrize(
    ("curve", "growth", "thresholds"),
    [
        (Curve.LINEAR, 7, (0, 50, 100, 150)),
        (Curve.STEPS, 0, (0, 50, 100, 150)),
        (Curve.STEPS, 50, (0, 50, 150, 300)),
        (Curve.PERCENT, 10, (0, 50, 105, 166)),
    ],
)
def test_a_table_is_generated(curve, growth, thresholds):
    assert generate_thresholds(curve, count=4, first=50, growth=growth) == thresholds


def test_a_table_follows_a_known_curve():
    with pytest.raises(ValueError, match="'exponential' is not a valid Curve"):
        generate_thresholds("exponential", count=4, first=50)


def test_the_app_s_own_table_is_generated_by_steps():
    made = generate_thresholds(Curve.STEPS, count=30, first=50, growth=50)

    assert made == LEVEL_THRESHOLDS


def test_a_single_level_is_a_table():
    assert generate_thresholds(Curve.LINEAR, count=1, first=50) == (0,)


def test_another_table_keeps_the_names_by_number():
    named = [LevelRule(1, 0, "Newcomer"), LevelRule(2, 50, "Explorer", "🧭")]

    levels = make_table([0, 70, 90], named)

    assert levels == (named[0], named[1]._replace(threshold=70), LevelRule(3, 90))
    assert thresholds_of(levels) == (0, 70, 90)


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("de", "Entdecker"),
        ("de-at", "Entdecker"),
        ("pt-br", "Explorador"),
        ("pt", "Explorer"),
        ("fr", "Explorer"),
        (None, "Explorer"),
    ],
)
def test_a_name_is_translated(language, name):
    level = LevelRule(2, 50, "Explorer", "", {"de": "Entdecker", "pt-br": "Explorador"})

    assert level.name_in(language) == name
