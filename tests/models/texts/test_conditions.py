from __future__ import annotations

import pytest

from gamification.domain.conditions import Leaf, read_condition, read_counting
from gamification.models.texts.conditions import (
    Names,
    condition_text,
    load_names,
    name_conditions,
    requirement_sentence,
    requirement_text,
)
from gamification.models.texts.counting import counting_text
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import statements

NAMES = Names(
    {"review": "Review"},
    {"training": ("Training", "week"), "walks": ("Walks", "day")},
    {"newcomer": "Newcomer", "cheater": "Cheater"},
)
JUNE = {"since": "2026-06-01", "until": "2026-07-01"}
BOOKS = ["genre", "in", ["fantasy", "horror"]]
LEVEL = {"criterion": "level", "threshold": 5}
XP = {"criterion": "total_xp", "threshold": 500}
DAYS = {"criterion": "active_days", "threshold": 10}
HOLDS = {"holds": "newcomer"}
LACKS = {"lacks": "cheater"}


def reviews(threshold=10, **options):
    leaf = {"criterion": "activity_count", "activity": "review"}
    return {**leaf, "threshold": threshold, **options}


def streak(key="", threshold=7, **options):
    leaf = {"criterion": "longest_streak", "threshold": threshold, **options}
    return {**leaf, "streak": key} if key else leaf


def sentence(tree, own=LEVEL):
    return requirement_sentence(read_condition(own), read_condition(tree), NAMES)


def short(data):
    return condition_text(read_condition(data), NAMES)


#: A condition, as a sentence after “Users earn it when they …” and in few words.
LEAVES = [
    (reviews(1), "have done “Review” 1 time", "1 × Review"),
    (
        reviews(where=[BOOKS], window=JUNE),
        "have done “Review” 10 times with genre fantasy or horror in June 2026",
        "10 × Review with genre fantasy or horror in June 2026",
    ),
    (
        reviews(where=[["genre", "is", "science fiction"], ["pages", "at_least", 100]]),
        (
            "have done “Review” 10 times with genre “science fiction”, and pages at "
            "least 100"
        ),
        "10 × Review with genre “science fiction”, and pages at least 100",
    ),
    (
        reviews(where=[["pages", "at_most", 1_000], ["spoiler_free", "is", True]]),
        "have done “Review” 10 times with pages at most 1,000, and spoiler free yes",
        "10 × Review with pages at most 1,000, and spoiler free yes",
    ),
    (
        reviews(where=[["genre", "in", ["or", "a", "b"]], ["seen", "is", False]]),
        "have done “Review” 10 times with genre “or”, a, or b, and seen no",
        "10 × Review with genre “or”, a, or b, and seen no",
    ),
    (
        reviews(5_000, sum="pages", window={"days": 7}),
        "have a total of 5,000 pages from “Review” within 7 consecutive days",
        "5,000 pages from Review within 7 consecutive days",
    ),
    (
        reviews(5, distinct="genre", where=[["pages", "is", 7]]),
        "have collected 5 different values of genre from “Review” with pages 7",
        "5 different values of genre from Review with pages 7",
    ),
    (
        reviews(1, distinct="genre"),
        "have collected 1 value of genre from “Review”",
        "1 value of genre from Review",
    ),
    (DAYS, "have been active on 10 days, in a row or not", "10 active days"),
    (
        {**DAYS, "window": {"since": "2026-01-01", "until": "2027-01-01"}},
        "have been active on 10 days in 2026",
        "10 active days in 2026",
    ),
    (
        {**DAYS, "threshold": 1, "window": {"days": 1}},
        "have been active on 1 day on a single day",
        "1 active day on a single day",
    ),
    (
        streak(window={"since": "2026-06-01", "until": "2026-06-15"}),
        "have been active on 7 days in a row from June 1, 2026 to June 14, 2026",
        "streak of 7 days from June 1, 2026 to June 14, 2026",
    ),
    (
        streak("training", 3),
        "reach the goal of 3 weeks in a row in “Training”",
        "streak of 3 weeks in “Training”",
    ),
    (
        streak("walks"),
        "have been active on 7 days in a row in “Walks”",
        "streak of 7 days in “Walks”",
    ),
    (LEVEL, "reach level 5", "level 5"),
    (XP, "have 500 XP in all", "500 XP"),
    (
        {**XP, "window": {"since": "2026-06-01"}},
        "have gained 500 XP since June 1, 2026",
        "500 XP since June 1, 2026",
    ),
    (
        {**XP, "window": {"since": "2026-06-05", "until": "2026-06-06"}},
        "have gained 500 XP on June 5, 2026",
        "500 XP on June 5, 2026",
    ),
    (
        {"criterion": "achievements", "threshold": 3},
        "hold 3 achievements",
        "3 achievements held",
    ),
    (
        {
            "criterion": "achievements",
            "threshold": 1,
            "window": {"until": "2026-06-01"},
        },
        "hold 1 achievement unlocked before June 1, 2026",
        "1 achievement unlocked before June 1, 2026",
    ),
]


@pytest.mark.parametrize(("leaf", "clause", "text"), LEAVES)
def test_a_condition_is_told_in_words(leaf, clause, text):
    assert sentence(None, own=leaf) == f"Users earn it when they {clause}."
    assert short(leaf) == text


#: A tree beside “level 5”, as a sentence and in few words.
TREES = [
    (HOLDS, "reach level 5, and hold “Newcomer”", "level 5, and “Newcomer” held"),
    (
        LACKS,
        "reach level 5, and do not hold “Cheater”",
        "level 5, and “Cheater” not held",
    ),
    (
        {"holds": "secret"},
        "reach level 5, and hold another achievement",
        "level 5, and another achievement held",
    ),
    (
        {"all": [HOLDS, LACKS]},
        "reach level 5, hold “Newcomer”, and do not hold “Cheater”",
        "level 5, “Newcomer” held, and “Cheater” not held",
    ),
    (
        {"any": [HOLDS, XP]},
        "reach level 5, and meet any of these (hold “Newcomer”; have 500 XP in all)",
        "level 5, and any of (“Newcomer” held; 500 XP)",
    ),
    (
        {"at_least": 2, "of": [HOLDS, XP, LACKS]},
        (
            "reach level 5, and meet at least 2 of these (hold “Newcomer”; have 500 XP "
            "in all; do not hold “Cheater”)"
        ),
        "level 5, and at least 2 of (“Newcomer” held; 500 XP; “Cheater” not held)",
    ),
    (
        {"any": [{"all": [HOLDS, XP]}, LACKS]},
        (
            "reach level 5, and meet any of these (meet all of these (hold “Newcomer”; "
            "have 500 XP in all); do not hold “Cheater”)"
        ),
        "level 5, and any of (all of (“Newcomer” held; 500 XP); “Cheater” not held)",
    ),
    (
        {"all": [{"any": [{"at_least": 2, "of": [HOLDS, XP, DAYS]}, LACKS]}, XP]},
        (
            "reach level 5, meet any of these (meet at least 2 of these (hold "
            "“Newcomer”; have 500 XP in all; have been active on 10 days, in a row or "
            "not); do not hold “Cheater”), and have 500 XP in all"
        ),
        (
            "level 5, any of (at least 2 of (“Newcomer” held; 500 XP; 10 active days); "
            "“Cheater” not held), and 500 XP"
        ),
    ),
    # Groups that mean the same without being groups.
    (
        {"any": [HOLDS]},
        "reach level 5, and hold “Newcomer”",
        "level 5, and “Newcomer” held",
    ),
    (
        {"at_least": 2, "of": [HOLDS, {"all": [XP, LACKS]}]},
        "reach level 5, hold “Newcomer”, have 500 XP in all, and do not hold “Cheater”",
        "level 5, “Newcomer” held, 500 XP, and “Cheater” not held",
    ),
    (
        {"at_least": 1, "of": [HOLDS, {"any": [XP]}]},
        "reach level 5, and meet any of these (hold “Newcomer”; have 500 XP in all)",
        "level 5, and any of (“Newcomer” held; 500 XP)",
    ),
]


@pytest.mark.parametrize(("tree", "clauses", "text"), TREES)
def test_a_tree_is_told_in_words(tree, clauses, text):
    own = read_condition(LEVEL)

    assert sentence(tree) == f"Users earn it when they {clauses}."
    assert requirement_text(own, read_condition(tree), NAMES) == text


def test_what_staff_award_is_said_alone():
    own = Leaf("manual", 1)

    assert (
        requirement_sentence(own, read_condition(HOLDS), NAMES)
        == "Nobody earns it; staff award it by hand."
    )
    assert requirement_text(own, read_condition(HOLDS), NAMES) == "awarded by hand"


@pytest.mark.parametrize(
    ("counting", "text"),
    [
        ({}, ""),
        ({"where": [BOOKS]}, "with genre fantasy or horror"),
        ({"sum": "pages", "window": JUNE}, "sum of pages, in June 2026"),
        ({"distinct": "genre"}, "different values of genre"),
    ],
)
def test_what_is_counted_is_told_in_words(counting, text):
    assert counting_text(read_counting(counting)) == text


# --- Names


@pytest.fixture
def fan(db):
    review = ActivityFactory(key="review", name="Review")
    AchievementFactory(key="newcomer", name="Newcomer")
    return AchievementFactory(
        key="fan",
        criterion="activity_count",
        activity=review,
        threshold=10,
        counting={"where": [BOOKS], "window": JUNE},
        conditions={"all": [HOLDS, reviews(2), streak("daily")]},
    )


def test_an_achievement_says_its_whole_requirement(fan):
    assert fan.criterion_sentence == (
        "Users earn it when they have done “Review” 10 times with genre fantasy or "
        "horror in June 2026, hold “Newcomer”, have done “Review” 2 times, and have "
        "been active on 7 days in a row in “Daily streak”."
    )
    assert fan.criterion_text.startswith("10 × Review with genre fantasy or horror")


def test_names_of_many_are_loaded_at_once(fan):
    rows = [fan, AchievementFactory(criterion="level", conditions=HOLDS)]

    def read():
        name_conditions(rows)
        return [row.criterion_text for row in rows]

    assert statements(read) == 1
    assert read()[1] == "level 1, and “Newcomer” held"


@pytest.mark.django_db
def test_no_conditions_need_no_names():
    item = AchievementFactory.build(criterion="level")

    assert statements(lambda: item.criterion_sentence) == 0
    assert load_names([None]) == Names()


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ({"since": "2026-06-01", "until": "2026-08-01"}, "June 1, 2026 to July 31"),
        ({"since": "2026-06-02", "until": "2026-07-01"}, "June 2, 2026 to June 30"),
        ({"since": "2028-02-29", "until": "2029-02-28"}, "Feb. 29, 2028 to Feb. 27"),
        ({"since": "2026-01-01", "until": "2028-01-01"}, "Jan. 1, 2026 to Dec. 31"),
    ],
)
def test_other_dates_are_told_by_the_first_and_last(window, text):
    assert f"10 active days from {text}, 20" in short({**DAYS, "window": window})
