from __future__ import annotations

import pytest

from gamification.domain.conditions import write_condition, write_counting
from gamification.domain.rule_checks import (
    Named,
    Rule,
    achievements_in,
    check_rule,
    find_cycle,
    names_in,
)

NAMED = Named(
    {
        "review": {"genre": "string", "pages": "integer", "spoiler": "boolean"},
        "walk": {},
    },
    {"training"},
    {"newcomer", "cheater"},
)
LEVEL = {"criterion": "level", "threshold": 5}
REVIEWS = {"criterion": "activity_count", "activity": "review", "threshold": 10}
DAYS = {"criterion": "active_days", "threshold": 5}
STREAK = {"criterion": "longest_streak", "threshold": 5}


def checked(conditions=None, counting=None, activity="review", threshold=10):
    counts = "activity_count" if activity else "active_days"
    rule = Rule(counts, threshold, activity, counting, conditions)
    return check_rule(rule, NAMED)


def problems(**rule):
    return [tuple(each) for each in checked(**rule).problems]


def problem(conditions):
    """Return the only problem of a tree."""
    [found] = problems(conditions=conditions)
    return found


def counted(counting, **rule):
    """Return the only problem of a way of counting."""
    [found] = problems(counting=counting, **rule)
    return found


def counting(**options):
    return {**REVIEWS, **options}


# --- What is right


@pytest.mark.parametrize(
    "data",
    [
        LEVEL,
        {"holds": "newcomer"},
        {"lacks": "cheater"},
        {"all": [LEVEL, {"any": [DAYS, {"at_least": 1, "of": [STREAK]}]}]},
        {"at_least": 2, "of": [LEVEL, DAYS, {"criterion": "total_xp", "threshold": 1}]},
        {**STREAK, "streak": "training"},
        {**STREAK, "window": {"since": "2026-06-01", "until": "2026-07-01"}},
        {**DAYS, "window": {"days": 7}},
        {
            "criterion": "achievements",
            "threshold": 2,
            "window": {"since": "2026-06-01"},
        },
        counting(where=[["genre", "in", ["fantasy", "horror"]]]),
        counting(where=[["pages", "at_least", 100], ["pages", "at_most", 300]]),
        counting(where=[["spoiler", "is", False]], window={"until": "2026-07-01"}),
        counting(sum="pages", window={"days": 366}),
        counting(distinct="genre"),
    ],
)
def test_a_tree_in_its_stored_form_stays_as_it_is(data):
    found = checked(conditions=data)

    assert found.problems == ()
    assert write_condition(found.conditions) == data


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"criterion": "level"}, {"criterion": "level", "threshold": 1}),
        ({**LEVEL, "activity": None, "window": {}}, LEVEL),
        ({**STREAK, "streak": "daily"}, STREAK),
        (counting(where=[], sum=None), REVIEWS),
        (
            counting(where=[["genre", "in", ["fantasy", "fantasy"]]]),
            counting(where=[["genre", "in", ["fantasy"]]]),
        ),
    ],
)
def test_equal_trees_are_stored_equally(given, stored):
    found = checked(conditions=given)

    assert found.problems == ()
    assert write_condition(found.conditions) == stored


def test_an_own_criterion_counts_some_of_an_activity():
    data = {"where": [["genre", "is", "fantasy"]], "window": {"days": 7}}

    found = checked(counting=data)

    assert found.problems == ()
    assert write_counting(found.counting) == data


# --- What is wrong with a tree


@pytest.mark.parametrize(
    "data", [[], "level", 7, True, {}, {"all": [LEVEL], "any": []}]
)
def test_a_condition_is_an_object_of_one_kind(data):
    names = "criterion, holds, lacks, all, any, at_least"

    assert problem(data) == (
        "conditions",
        f"A condition is an object with one of {names}.",
    )


def test_an_error_names_its_place_in_the_tree():
    tree = {"all": [LEVEL, {"at_least": 1, "of": [{**LEVEL, "threshold": 0}]}]}

    assert problem(tree) == (
        "conditions.all[1].of[0].threshold",
        "This must be a whole number from 1 to 9,007,199,254,740,992.",
    )


@pytest.mark.parametrize("value", [None, 0, -1, True, 1.0, "5", 2**53 + 1])
def test_a_threshold_is_whole_and_within_bounds(value):
    path, _message = problem({**LEVEL, "threshold": value})

    assert path == "conditions.threshold"


def test_a_threshold_of_thousands_of_digits_is_refused():
    path, _message = problem({**LEVEL, "threshold": 10**5_000})

    assert path == "conditions.threshold"


def test_an_unknown_name_is_reported_with_a_similar_one():
    assert problem({**LEVEL, "treshold": 5}) == (
        "conditions.treshold",
        "There is no such name here. Did you mean 'threshold'?",
    )


def test_what_staff_award_by_hand_is_no_condition():
    path, message = problem({"criterion": "manual"})

    assert path == "conditions.criterion"
    assert message.startswith("'manual' is not one of activity_count, active_days,")


def test_an_achievement_that_staff_award_has_no_conditions():
    found = check_rule(Rule("manual", 1, "", {"sum": "pages"}, LEVEL), NAMED)

    assert [each.path for each in found.problems] == ["counting", "conditions"]


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (
            {"holds": "newcommer"},
            "conditions.holds",
            "No achievement has the key 'newcommer'. Did you mean 'newcomer'?",
        ),
        ({"lacks": ["a"]}, "conditions.lacks", "No achievement has the key ['a']."),
        (
            {**STREAK, "streak": "trainin"},
            "conditions.streak",
            "No streak has the key 'trainin'. Did you mean 'training'?",
        ),
        (
            {**REVIEWS, "activity": "wlk"},
            "conditions.activity",
            "No activity has the key 'wlk'. Did you mean 'walk'?",
        ),
        (
            {**LEVEL, "activity": "walk"},
            "conditions.activity",
            "Choose no activity: this criterion does not count one.",
        ),
        (
            {"criterion": "activity_count"},
            "conditions.activity",
            "Choose an activity: this criterion counts one.",
        ),
        (
            {**LEVEL, "streak": "training"},
            "conditions.streak",
            "Choose a streak only if the criterion measures one.",
        ),
    ],
)
def test_what_a_condition_names_must_exist_and_fit(data, path, message):
    assert problem(data) == (path, message)


def test_a_long_list_of_wrong_keys_gets_no_suggestions():
    found = check_rule(
        Rule("level", 1, conditions={"holds": "newcommer"}),
        NAMED._replace(suggests=False),
    )

    assert found.problems[0].message == "No achievement has the key 'newcommer'."


@pytest.mark.parametrize("parts", [None, [], "x", {}, [LEVEL] * 21])
def test_a_group_has_conditions(parts):
    assert problem({"any": parts}) == (
        "conditions.any",
        "A group has a list of 1 to 20 conditions.",
    )


@pytest.mark.parametrize("least", [0, 3, True, "1", None])
def test_a_group_needs_no_more_than_it_has(least):
    assert problem({"at_least": least, "of": [LEVEL, DAYS]}) == (
        "conditions.at_least",
        "This must be a whole number from 1 to 2, the number of conditions.",
    )


def test_groups_are_nested_three_deep():
    tree = {"all": [{"any": [{"all": [{"any": [LEVEL]}]}]}]}

    assert problem(tree) == (
        "conditions.all[0].any[0].all[0]",
        "Groups can be nested at most 3 deep.",
    )


def test_a_tree_has_twenty_conditions():
    twenty = {"all": [{"any": [LEVEL] * 10}, {"any": [LEVEL] * 10}]}
    more = {"all": [*twenty["all"], LEVEL, LEVEL]}

    assert problems(conditions=twenty) == []
    assert problem(more) == ("conditions", "There are more than 20 conditions.")


# --- What is wrong with the counting


@pytest.mark.parametrize("data", ["x", ["where"], 7])
def test_what_is_counted_is_an_object(data):
    assert counted(data) == ("counting", "This is not an object.")


@pytest.mark.parametrize("where", ["x", {}, [["genre", "is", "a"]] * 17])
def test_a_filter_is_a_short_list(where):
    assert counted({"where": where}) == (
        "counting.where",
        "This must be a list of at most 16 comparisons.",
    )


@pytest.mark.parametrize("each", ["x", [], ["genre", "is"], {"genre": "fantasy"}])
def test_a_comparison_has_three_parts(each):
    assert counted({"where": [each]}) == (
        "counting.where[0]",
        "A comparison is a list of attribute, operator and value.",
    )


@pytest.mark.parametrize(
    ("comparison", "message"),
    [
        (
            ["gender", "is", "x"],
            "The activity declares no attribute 'gender'. Did you mean 'genre'?",
        ),
        ([["genre"], "is", "x"], "The activity declares no attribute ['genre']."),
        (
            ["genre", "at_least", "x"],
            "Compare the type string by is, in, not by 'at_least'.",
        ),
        (
            ["spoiler", "in", [True]],
            "Compare the type boolean by is, not by 'in'.",
        ),
        (["genre", "is", 7], "The value 7 is not of the type string."),
        (["pages", "is", "7"], "The value '7' is not of the type integer."),
        (["pages", "is", True], "The value True is not of the type integer."),
        (["spoiler", "is", 1], "The value 1 is not of the type boolean."),
        (["pages", "is", 2**53 + 1], "The value 9007199254740993 is too large."),
        (["genre", "is", "a\0"], r"The value 'a\x00' cannot be stored."),
        (["genre", "is", "\ud800"], r"The value '\ud800' cannot be stored."),
        (
            ["genre", "is", "a" * 65],
            f"The value '{'a' * 58}… is longer than 64 characters.",
        ),
        (["genre", "in", []], "This must be a list of 1 to 100 values."),
        (["genre", "in", "fantasy"], "This must be a list of 1 to 100 values."),
        (["genre", "in", ["a"] * 101], "This must be a list of 1 to 100 values."),
        (["genre", "in", ["a", 7]], "The value 7 is not of the type string."),
    ],
)
def test_a_comparison_fits_the_attribute(comparison, message):
    assert counted({"where": [comparison]}) == ("counting.where[0]", message)


def test_only_records_of_an_activity_have_attributes():
    data = {"where": [["genre", "is", "fantasy"]], "sum": "pages", "distinct": "genre"}

    found = problems(counting=data, activity="")

    assert found == [
        (f"counting.{name}", "Only records of an activity have attributes.")
        for name in ("where", "sum", "distinct")
    ]


def test_only_whole_numbers_are_added_up():
    assert counted({"sum": "genre"}) == (
        "counting.sum",
        "Only whole numbers are added up; this is a string.",
    )


def test_an_empty_name_is_an_attribute_all_the_same():
    assert problems(counting={"sum": ""}, activity="") == [
        ("counting.sum", "Only records of an activity have attributes.")
    ]


def test_either_a_sum_or_values_are_counted():
    assert counted({"sum": "pages", "distinct": "genre"}) == (
        "counting.distinct",
        "Choose either a sum or different values, not both.",
    )


@pytest.mark.parametrize(
    ("window", "path", "message"),
    [
        ("June", "", "A window is an object with since, until, or days."),
        ("", "", "A window is an object with since, until, or days."),
        ({"from": 1}, "", "A window is an object with since, until, or days."),
        (
            {"since": "2026-06-01", "days": 7},
            "",
            "A window has either dates or days, not both.",
        ),
        (
            {"since": "2026-07-01", "until": "2026-07-01"},
            ".until",
            "The window ends before it starts: until is the date after it.",
        ),
        *(
            ({"since": day}, ".since", f"{day!r} is not a date, such as 2026-06-01.")
            for day in ("20260601", "2026-02-30", 20260601, "2026-W01-1", True)
        ),
        *(
            ({"days": days}, ".days", "This must be a whole number from 1 to 366.")
            for days in (0, 367, True, "7", 7.0)
        ),
    ],
)
def test_a_window_has_dates_in_order_or_days(window, path, message):
    assert counted({"window": window}) == (f"counting.window{path}", message)


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (
            {**LEVEL, "window": {"since": "2026-06-01"}},
            "level has no window: only its present value counts.",
        ),
        (
            {**STREAK, "window": {"days": 7}},
            "longest_streak cannot be measured within a number of days.",
        ),
        (
            {"criterion": "achievements", "window": {"days": 7}},
            "achievements cannot be measured within a number of days.",
        ),
    ],
)
def test_a_criterion_may_have_no_such_window(leaf, message):
    assert problem(leaf) == ("conditions.window", message)


@pytest.mark.parametrize(
    ("leaf", "top"),
    [
        ({**DAYS, "window": {"days": 4}}, 4),
        ({**DAYS, "window": {"since": "2026-06-01", "until": "2026-06-04"}}, 3),
        ({**STREAK, "window": {"since": "2026-06-01", "until": "2026-06-05"}}, 4),
        (counting(distinct="spoiler"), 2),
        (counting(distinct="genre", where=[["genre", "in", ["a", "b", "c"]]]), 3),
        (counting(distinct="genre", where=[["genre", "is", "a"]]), 1),
    ],
)
def test_a_threshold_that_nobody_can_reach_is_refused(leaf, top):
    assert problem(leaf) == (
        "conditions.threshold",
        f"Nobody can reach this: {top} is the most.",
    )


def test_an_own_threshold_that_nobody_can_reach_is_refused():
    assert counted({"distinct": "spoiler"}, threshold=3) == (
        "threshold",
        "Nobody can reach this: 2 is the most.",
    )


def test_a_filter_of_another_attribute_bounds_no_values():
    data = {"distinct": "genre", "where": [["pages", "at_least", 100]]}

    assert problems(counting=data) == []


def test_the_attributes_of_an_unknown_activity_are_not_checked():
    leaf = {**REVIEWS, "activity": "unknown", "where": [["x", "is", 1]], "sum": "y"}

    assert problem(leaf)[0] == "conditions.activity"


# --- Cycles


def test_achievements_that_require_each_other_are_a_cycle():
    named_by = {"a": {"b", "x"}, "b": {"c"}, "c": {"a"}, "x": {"y"}}

    assert find_cycle("a", named_by) == ["a", "b", "c", "a"]
    assert find_cycle("x", named_by) == []


def test_an_achievement_that_requires_itself_is_a_cycle():
    assert find_cycle("a", {"a": {"a"}}) == ["a", "a"]


def test_two_ways_to_one_achievement_are_no_cycle():
    named_by = {"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}

    assert find_cycle("a", named_by) == []


# --- Names


def test_everything_that_conditions_name_is_found():
    tree = {
        "all": [
            REVIEWS,
            {"any": [{"at_least": 1, "of": [{"holds": "newcomer"}, LEVEL]}]},
            {"lacks": "cheater"},
            {**STREAK, "streak": "training"},
        ]
    }

    assert [*names_in(tree)] == [
        ("activity", "review"),
        ("achievement", "newcomer"),
        ("achievement", "cheater"),
        ("streak", "training"),
    ]
    assert [*achievements_in(tree)] == ["newcomer", "cheater"]
    assert [*names_in(None)] == []


def test_an_unknown_criterion_is_reported_elsewhere():
    found = check_rule(Rule("nothing", 1, conditions=[]), NAMED)

    assert found.problems == ()


def test_an_achievement_that_staff_award_may_have_no_rule():
    assert check_rule(Rule("manual", 1), NAMED).problems == ()
