from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.exceptions import (
    InvalidDefinitionsError,
    StaleEditError,
    StorageError,
)
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services import (
    award_achievement,
    record_activity,
)
from gamification.staff import (
    Effect,
    apply_definitions,
    compare_definitions,
    create_streak,
    export_definitions,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import everything, ledger_of
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_catalogue")]

WALK = """\
{
  "format": 1,
  "activities": [
    {
      "key": "walk",
      "name": "Walk",
      "description": "",
      "xp_reward": 10,
      "daily_limit": null,
      "cooldown": null,
      "extends_streak": true,
      "attributes": {},
      "is_active": true
    }
  ],
  "achievements": [
    {
      "key": "walk_10",
      "name": "Zehn für dich 🥾",
      "description": "Walk 10 times.",
      "xp_reward": 50,
      "category": "milestones",
      "icon": "🥾",
      "criterion": "activity_count",
      "activity": "walk",
      "streak": null,
      "threshold": 10,
      "counting": {},
      "conditions": null,
      "series": "",
      "step": null,
      "max_times": 1,
      "repeat_every": null,
      "repeat_period": "",
      "starts_at": null,
      "ends_at": null,
      "season_zone": "",
      "shown_outside_season": false,
      "is_secret": false,
      "revocable": false,
      "status": "active",
      "position": 3
    }
  ]
}
"""


@pytest.fixture
def empty_catalogue(no_achievements):
    Activity.objects.all().delete()
    StreakDefinition.objects.all().delete()


@pytest.fixture
def walks(empty_catalogue):
    """The catalogue that ``WALK`` describes."""
    walk = ActivityFactory(key="walk", name="Walk")
    AchievementFactory(
        key="walk_10",
        name="Zehn für dich 🥾",
        description="Walk 10 times.",
        icon="🥾",
        criterion="activity_count",
        activity=walk,
        threshold=10,
        position=3,
    )


def walk(**fields):
    return {"key": "walk", "name": "Walk", **fields}


def medal(**fields):
    required = {"name": "Medal", "category": "mastery", "criterion": "manual"}
    return {"key": "medal", **required, **fields}


def file_of(*achievements, activities=()):
    document = {"format": 1, "activities": activities, "achievements": achievements}
    return json.dumps(document)


def effects(differences):
    return {item.key: str(item.effect) for item in differences.items}


def errors_of(text):
    with pytest.raises(InvalidDefinitionsError) as refusal:
        compare_definitions(text)
    return refusal.value.errors


# --- Out


@pytest.mark.usefixtures("walks")
def test_the_catalogue_is_a_readable_text():
    assert export_definitions() == WALK


def test_an_empty_catalogue_is_a_text_too():
    assert export_definitions() == (
        '{\n  "format": 1,\n  "activities": [],\n  "achievements": []\n}\n'
    )


def test_items_are_sorted_by_key_on_every_database():
    for key in ("b", "_", "B", "a-1", "a1", "A"):
        ActivityFactory(key=key)
        AchievementFactory(key=key)

    document = json.loads(export_definitions())

    for section in ("activities", "achievements"):
        keys = [item["key"] for item in document[section]]
        assert keys == ["A", "B", "_", "a-1", "a1", "b"]


def test_invisible_characters_are_escaped():
    ActivityFactory(key="walk", name="a\u202eb\u2028c\u0085d\x1be", description="\n")

    text = export_definitions()

    assert r'"name": "a\u202eb\u2028c\u0085d\u001be"' in text
    assert compare_definitions(text).is_empty


def test_an_export_takes_four_queries(django_assert_num_queries):
    for _ in range(3):
        AchievementFactory(criterion="activity_count", activity=ActivityFactory())

    with django_assert_num_queries(4):
        export_definitions()


@pytest.mark.parametrize(
    "use",
    [
        export_definitions,
        lambda: compare_definitions(WALK),
        lambda: apply_definitions(WALK),
    ],
    ids=["export", "compare", "apply"],
)
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_database_that_fails_is_an_error_of_ours(use):
    def fail(execute, sql, params, many, context):
        if "gamification_activity" in sql:
            raise DatabaseError("No space.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail), pytest.raises(StorageError):
        use()


# --- Compared


@pytest.mark.usefixtures("walks")
def test_an_export_differs_in_nothing():
    differences = compare_definitions(export_definitions())

    assert effects(differences) == {"walk": "unchanged", "walk_10": "unchanged"}
    assert differences.is_empty


def test_a_missing_item_would_be_added():
    differences = compare_definitions(WALK)

    assert effects(differences) == {"walk": "added", "walk_10": "added"}
    fields = {change.name: change for change in differences.items[1].fields}
    assert fields["xp_reward"] == ("xp_reward", None, 50)
    assert fields["activity"] == ("activity", None, "walk")


@pytest.mark.usefixtures("walks")
def test_differences_are_listed_field_by_field():
    text = WALK.replace('"xp_reward": 50', '"xp_reward": 60')
    text = text.replace('"activity": "walk"', '"activity": null')
    text = text.replace('"activity_count"', '"manual"')

    [walk, walk_10] = compare_definitions(text).items

    assert (walk.effect, walk.fields) == (Effect.UNCHANGED, ())
    assert walk_10 == (
        "achievement",
        "walk_10",
        Effect.CHANGED,
        (
            ("xp_reward", 50, 60),
            ("criterion", "activity_count", "manual"),
            ("activity", "walk", None),
        ),
    )


@pytest.mark.usefixtures("walks")
def test_an_item_that_the_file_lacks_is_absent():
    differences = compare_definitions(file_of(medal()))

    assert effects(differences) == {
        "walk": "absent",
        "medal": "added",
        "walk_10": "absent",
    }


@pytest.mark.usefixtures("walks")
def test_an_absent_item_is_a_difference_and_no_edit():
    differences = compare_definitions(file_of())

    assert not differences.is_empty
    assert differences.edits == ()


@pytest.mark.usefixtures("walks")
def test_the_order_of_a_file_has_no_meaning():
    document = json.loads(WALK)
    document["achievements"] = [
        dict(reversed(item.items())) for item in document["achievements"]
    ]
    text = json.dumps(dict(reversed(document.items())))

    assert compare_definitions(text).is_empty


@pytest.mark.usefixtures("walks")
def test_a_field_that_is_left_out_keeps_its_value():
    text = file_of({"key": "walk_10", "xp_reward": 60}, activities=[{"key": "walk"}])

    [walk, walk_10] = compare_definitions(text).items

    assert walk.effect is Effect.UNCHANGED
    assert walk_10.fields == (("xp_reward", 50, 60),)


def test_bytes_are_read_as_utf_8():
    text = file_of(medal(name="Médaille"))

    assert compare_definitions(text.encode()) == compare_definitions(text)


@pytest.mark.usefixtures("walks")
def test_a_comparison_changes_nothing():
    before = everything()

    compare_definitions(file_of(medal(), activities=[walk(xp_reward=1)]))

    assert everything() == before


def test_a_comparison_takes_four_queries(django_assert_num_queries):
    activities = [walk(key=f"walk_{number}") for number in range(20)]
    medals = [
        medal(key=f"medal_{n}", criterion="activity_count", activity="walk_1")
        for n in range(20)
    ]

    with django_assert_num_queries(4):
        compare_definitions(file_of(*medals, activities=activities))


@pytest.mark.usefixtures("walks")
def test_differences_read_like_those_of_diff():
    AchievementFactory(key="other")
    text = WALK.replace('"xp_reward": 50', '"xp_reward": 60')
    text = text.replace("Zehn für dich 🥾", r"Ten\u001b[2J\u202e für")
    document = json.loads(text)
    document["achievements"].append(medal())

    assert list(compare_definitions(json.dumps(document)).lines()) == [
        "+ achievement medal",
        "? achievement other: absent",
        r'~ achievement walk_10: name "Zehn für dich 🥾" → "Ten\u001b[2J\u202e für"',
        "~ achievement walk_10: xp_reward 50 → 60",
        "= 1 unchanged",
    ]


# --- Applied


def test_an_added_item_has_the_values_of_the_file():
    differences = apply_definitions(WALK)

    assert effects(differences) == {"walk": "added", "walk_10": "added"}
    assert export_definitions() == WALK


def test_a_new_item_has_defaults_for_fields_that_are_left_out():
    apply_definitions(file_of(medal(), activities=[walk()]))

    activity, achievement = Activity.objects.get(), Achievement.objects.get()
    assert (activity.xp_reward, activity.daily_limit) == (0, None)
    assert (activity.extends_streak, activity.is_active) == (True, True)
    assert (achievement.status, achievement.threshold) == ("active", 1)
    assert (achievement.icon, achievement.is_secret) == ("", False)


def test_achievements_name_the_streak_that_they_measure():
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    text = file_of(medal(criterion="longest_streak", streak="weekly"))

    apply_definitions(text)

    assert Achievement.objects.get().streak.key == "weekly"
    assert '"streak": "weekly"' in export_definitions()
    assert compare_definitions(text).edits == ()
    apply_definitions(file_of(medal(criterion="longest_streak", streak="daily")))
    assert Achievement.objects.get().streak is None


def test_a_streak_must_be_stored_and_measured():
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    unknown = medal(criterion="longest_streak", streak="weakly")

    with pytest.raises(InvalidDefinitionsError) as caught:
        compare_definitions(file_of(unknown, {**medal(streak="weekly"), "key": "b"}))

    assert caught.value.errors == [
        (
            "achievements[0].streak",
            "No streak has the key 'weakly'. Did you mean 'weekly'?",
        ),
        ("achievements[1].streak", "Only longest_streak measures a streak."),
    ]


@pytest.mark.usefixtures("walks")
def test_a_second_apply_changes_nothing(server_clock):
    text = WALK.replace('"xp_reward": 50', '"xp_reward": 60')
    apply_definitions(text)
    before = everything()
    server_clock.shift(timedelta(hours=1))

    again = apply_definitions(text)

    assert again.is_empty
    assert everything() == before


UPDATE = f'UPDATE "{Achievement._meta.db_table}"'


@pytest.mark.usefixtures("walks")
def test_only_changed_fields_are_saved(server_clock):
    server_clock.shift(timedelta(hours=1))
    text = WALK.replace('"xp_reward": 50', '"xp_reward": 60')

    with CaptureQueriesContext(connection) as queries:
        apply_definitions(text)

    statements = [query["sql"] for query in queries]
    [update] = [sql for sql in statements if sql.startswith(UPDATE)]
    assert "xp_reward" in update
    assert "threshold" not in update
    walk_10 = Achievement.objects.get()
    assert (walk_10.xp_reward, walk_10.updated_at - NOW) == (60, timedelta(hours=1))
    assert Activity.objects.get().updated_at == NOW


@pytest.mark.usefixtures("walks")
def test_nothing_is_deleted():
    differences = apply_definitions(file_of())

    assert effects(differences) == {"walk": "absent", "walk_10": "absent"}
    assert export_definitions() == WALK


@pytest.mark.usefixtures("walks")
def test_an_achievement_may_count_an_activity_of_the_same_file():
    text = file_of(
        {"key": "walk_10", "activity": "swim"},
        medal(criterion="activity_count", activity="walk"),
        activities=[walk(key="swim")],
    )

    apply_definitions(text)

    counted = Achievement.objects.order_by("key").values_list("key", "activity__key")
    assert list(counted) == [("medal", "walk"), ("walk_10", "swim")]


def test_a_step_is_put_between_others_whose_places_move(no_achievements):
    steps = [("one", 1, 1), ("two", 2, 5), ("three", 3, 9)]
    for key, step, days in steps:
        asked = {"criterion": "active_days", "threshold": days}
        AchievementFactory(key=key, series="days", step=step, **asked)
    between = medal(criterion="active_days", threshold=3, series="days", step=2)

    apply_definitions(
        file_of(between, {"key": "two", "step": 3}, {"key": "three", "step": 4})
    )

    found = Achievement.objects.filter(series="days").order_by("step")
    assert [*found.values_list("step", "key")] == [
        (1, "one"),
        (2, "medal"),
        (3, "two"),
        (4, "three"),
    ]


@pytest.mark.usefixtures("walks")
def test_earlier_awards_stay(user):
    award_achievement(user, "walk_10")

    apply_definitions(file_of({"key": "walk_10", "xp_reward": 60}))

    assert [entry.amount for entry in ledger_of(user)] == [50]


@pytest.mark.usefixtures("walks")
def test_the_next_record_knows_the_new_definitions(user):
    record_activity(user, "walk")

    apply_definitions(file_of(activities=[{"key": "walk", "xp_reward": 33}]))

    assert record_activity(user, "walk").credited == 33


@pytest.mark.usefixtures("walks")
def test_expected_differences_are_applied():
    text = file_of({"key": "walk_10", "xp_reward": 60})
    preview = compare_definitions(text)

    assert apply_definitions(text, expected=preview.tag) == preview
    assert Achievement.objects.get().xp_reward == 60


@pytest.mark.parametrize(
    "edit",
    [
        lambda: Achievement.objects.update(xp_reward=55),
        lambda: Achievement.objects.update(threshold=11),
        lambda: Achievement.objects.update(xp_reward=60, threshold=12),
        lambda: Achievement.objects.all().delete(),
        lambda: AchievementFactory(key="medal"),
    ],
    ids=["same field", "other field", "as the file", "deleted", "added"],
)
@pytest.mark.usefixtures("walks")
def test_an_edit_since_the_comparison_is_not_overwritten(edit):
    document = json.loads(WALK)
    document["achievements"][0] |= {"xp_reward": 60, "threshold": 12}
    document["achievements"].append(medal())
    text = json.dumps(document)
    tag = compare_definitions(text).tag
    edit()
    before = everything()

    with pytest.raises(StaleEditError):
        apply_definitions(text, expected=tag)

    assert everything() == before


@pytest.mark.usefixtures("walks")
def test_an_edit_of_another_item_is_no_conflict():
    AchievementFactory(key="other")
    text = file_of({"key": "walk_10", "xp_reward": 60})
    tag = compare_definitions(text).tag
    Achievement.objects.filter(key="other").update(xp_reward=1)

    apply_definitions(text, expected=tag)

    assert Achievement.objects.get(key="walk_10").xp_reward == 60


def test_another_file_than_the_compared_one_is_refused():
    tag = compare_definitions(file_of(medal())).tag

    with pytest.raises(StaleEditError):
        apply_definitions(file_of(medal(xp_reward=1)), expected=tag)


@pytest.mark.usefixtures("walks")
def test_a_file_with_an_error_changes_nothing():
    text = file_of(medal(), medal(key="bad", threshold=0), activities=[walk(key="run")])
    before = everything()

    with pytest.raises(InvalidDefinitionsError):
        apply_definitions(text)

    assert everything() == before


@pytest.mark.usefixtures("walks")
def test_a_failure_in_the_middle_changes_nothing(monkeypatch):
    before = everything()

    def fail(self, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(Achievement, "save", fail)
    with pytest.raises(RuntimeError):
        apply_definitions(file_of(medal(), activities=[walk(key="run")]))

    assert everything() == before


@pytest.mark.skipif(not IS_POSTGRESQL, reason="SQLite has no row locks.")
@pytest.mark.usefixtures("walks")
def test_rows_are_locked_in_one_order_before_they_are_read():
    with CaptureQueriesContext(connection) as queries:
        apply_definitions(WALK)

    selects = [
        query["sql"] for query in queries if 'FROM "gamification_a' in query["sql"]
    ]
    locks = [sql for sql in selects if sql.endswith("FOR NO KEY UPDATE")]
    assert selects[:2] == locks
    assert 'ORDER BY "gamification_activity"."key"' in locks[0]
    assert 'ORDER BY "gamification_achievement"."key"' in locks[1]


# --- Refused


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "line 1, column 1", "Expecting value."),
        ("{", "line 1, column 2", "Expecting property name enclosed in double quotes."),
        (WALK[:20], "line 3, column 3", "Unterminated string starting at."),
        ("{}\n{}", "line 2, column 1", "Extra data."),
        ("\ufeff" + WALK, "file", "It begins with a byte order mark."),
        (b"\xef\xbb\xbf{}", "file", "It begins with a byte order mark."),
        (WALK.encode("utf-16"), "file", "It is not UTF-8."),
        ("Zoë".encode("latin-1"), "file", "It is not UTF-8."),
        ('"\ud800"', "file", "It is not UTF-8."),
        ("[" * 100_000, "file", "It is nested too deeply."),
        (" " * 5_000_001, "file", "It is larger than 5,000,000 bytes."),
        ("é" * 2_500_001, "file", "It is larger than 5,000,000 bytes."),
        (b" " * 5_000_001, "file", "It is larger than 5,000,000 bytes."),
        ("[]", "file", "This is a list, not an object."),
        ("null", "file", "This is null, not an object."),
        ("NaN", "file", "NaN is not a number in JSON."),
        ("1.5", "file", "This is a decimal number, not an object."),
    ],
)
def test_a_text_that_is_not_a_catalogue_file(text, place, message):
    assert errors_of(text) == [(place, message)]


def test_a_file_of_the_largest_size_is_read():
    assert compare_definitions(file_of().ljust(5_000_000)).items == ()


def test_missing_sections_are_named():
    assert errors_of("{}") == [
        ("format", "This field is required."),
        ("activities", "This field is required."),
        ("achievements", "This field is required."),
    ]


@pytest.mark.parametrize("number", ["2", "0", "true", '"1"', "1.0", "null", "1" * 50])
def test_another_format_is_refused(number):
    text = file_of().replace('"format": 1', f'"format": {number}')

    assert errors_of(text) == [("format", "This version reads format 1 only.")]


@pytest.mark.parametrize(
    ("value", "kind"), [("{}", "an object"), ("null", "null"), ('""', "a text")]
)
def test_a_section_is_a_list(value, kind):
    text = file_of().replace('"activities": []', f'"activities": {value}')

    assert errors_of(text) == [("activities", f"This is {kind}, not a list.")]


def test_an_item_is_an_object():
    text = file_of(None, [medal()], medal(), "medal")

    assert errors_of(text) == [
        ("achievements[0]", "This is null, not an object."),
        ("achievements[1]", "This is a list, not an object."),
        ("achievements[3]", "This is a text, not an object."),
    ]


def test_a_new_item_needs_its_required_fields():
    assert errors_of(file_of({"key": "a"}, activities=[{"key": "b"}])) == [
        ("activities[0].name", "This field is required."),
        ("achievements[0].name", "This field is required."),
        ("achievements[0].category", "This field is required."),
        ("achievements[0].criterion", "This field is required."),
    ]


def test_all_errors_are_reported_at_once():
    text = file_of(
        medal(),
        medal(key="a b", threshold=0),
        {**medal(xp_reward="50", id=7), "key": "other"},
        activities=[walk(daily_limit=0, cooldown=0)],
    ).replace('"format": 1', '"format": 9')

    assert [place for place, _ in errors_of(text)] == [
        "format",
        "activities[0].daily_limit",
        "activities[0].cooldown",
        "achievements[1].key",
        "achievements[1].threshold",
        "achievements[2].id",
        "achievements[2].xp_reward",
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("xp_reward", -1, "Ensure this value is greater than or equal to 0."),
        ("xp_reward", 10**6 + 1, "Ensure this value is less than or equal to 1000000."),
        ("xp_reward", 2**63, "Ensure this value is less than or equal to 1000000."),
        ("xp_reward", "50", "This is a text, not a whole number."),
        ("xp_reward", True, "This is true or false, not a whole number."),
        ("xp_reward", 50.0, "This is a decimal number, not a whole number."),
        ("xp_reward", None, "This is null, not a whole number."),
        ("xp_reward", [[[]]], "This is a list, not a whole number."),
        ("xp_reward", {"a": 1}, "This is an object, not a whole number."),
        ("threshold", 0, "Ensure this value is greater than or equal to 1."),
        ("position", 2**63, None),
        ("is_secret", 1, "This is a whole number, not true or false."),
        ("is_secret", None, "This is null, not true or false."),
        ("name", 1, "This is a whole number, not a text."),
        ("name", None, "This is null, not a text."),
        ("name", " ", "This field cannot be blank."),
        ("name", "x" * 101, "The text is longer than 100 characters."),
        ("name", "a\0", "The text holds characters that cannot be stored."),
        ("name", "\ud800", "The text holds characters that cannot be stored."),
        ("description", "x" * 1001, "The text is longer than 1,000 characters."),
        (
            "description",
            "\0",
            "The text holds characters that cannot be stored.",
        ),
        ("icon", "x" * 51, "The text is longer than 50 characters."),
        ("category", "", "This field cannot be blank."),
        (
            "category",
            "a\x1b\n",
            r"'a\x1b\n' is not one of exploration, milestones, streaks, mastery.",
        ),
        (
            "criterion",
            "nonsense",
            (
                "'nonsense' is not one of activity_count, active_days, "
                "longest_streak, level, total_xp, achievements, manual."
            ),
        ),
        ("status", "gone", "'gone' is not one of draft, active, retired."),
        ("activity", "", "No activity has the key ''."),
        ("activity", "sw\u202eim", r"No activity has the key 'sw\u202eim'."),
        ("activity", 1, "This is a whole number, not a text."),
    ],
)
def test_a_value_that_an_achievement_cannot_have(field, value, message):
    counting = {"criterion": "activity_count"} if field == "activity" else {}

    [(place, told)] = errors_of(file_of(medal(**counting, **{field: value})))

    assert place == f"achievements[0].{field}"
    assert message in {None, told}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("daily_limit", 0),
        ("daily_limit", 1_000_001),
        ("cooldown", 0),
        ("cooldown", 31_536_001),
        ("extends_streak", "yes"),
        ("is_active", None),
        ("threshold", 1),
        ("created_at", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_value_that_an_activity_cannot_have(field, value):
    [(place, _)] = errors_of(file_of(activities=[walk(**{field: value})]))

    assert place == f"activities[0].{field}"


def test_values_at_the_bounds_are_accepted():
    text = file_of(
        medal(xp_reward=0, threshold=2**53, position=-1, name="x" * 100),
        activities=[walk(xp_reward=1_000_000, daily_limit=1, cooldown=31_536_000)],
    )

    assert effects(compare_definitions(text)) == {"walk": "added", "medal": "added"}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "This field cannot be blank."),
        ("x" * 101, "The text is longer than 100 characters."),
        ("a\0", "The text holds characters that cannot be stored."),
        (None, "This is null, not a text."),
        (["a"], "This is a list, not a text."),
        ("a b", None),
        ("ключ", None),
    ],
)
def test_a_key_that_no_item_can_have(key, message):
    [(place, told)] = errors_of(file_of(medal(key=key)))

    assert place == "achievements[0].key"
    assert message in {None, told}


def test_an_item_without_a_key_is_refused():
    assert errors_of(file_of({"name": "Medal"}))[0] == (
        "achievements[0].key",
        "This field is required.",
    )


def test_a_key_is_used_once():
    text = file_of(medal(), medal(key="other"), medal(), activities=[walk(key="medal")])

    assert errors_of(text) == [
        ("achievements[2].key", "achievements[0] has the same key.")
    ]


def test_a_name_is_used_once():
    text = file_of(medal()).replace('"name"', '"key": "medal", "key": "medal", "name"')
    text = text.replace('"format"', '"format": 1, "format"')

    assert errors_of(text) == [
        ("format", "The name is used twice."),
        ("achievements[0].key", "The name is used twice."),
    ]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("xp", "achievements[0].xp"),
        ("a\nb", r'achievements[0]."a\nb"'),
        ("\ud800", r'achievements[0]."\ud800"'),
        ("x" * 300, f"achievements[0].{'x' * 255}…"),
    ],
)
def test_an_unknown_field_is_refused(name, place):
    assert errors_of(file_of(medal(**{name: 1}))) == [
        (place, "There is no such field.")
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"criterion": "activity_count"},
            "Choose an activity: this criterion counts one.",
        ),
        (
            {"criterion": "activity_count", "activity": None},
            "Choose an activity: this criterion counts one.",
        ),
        (
            {"criterion": "level", "activity": "walk"},
            "Choose no activity: this criterion does not count one.",
        ),
    ],
)
def test_an_activity_is_chosen_if_the_criterion_counts_one(fields, message):
    errors = errors_of(file_of(medal(**fields), activities=[walk()]))

    assert errors == [("achievements[0].activity", message)]


@pytest.mark.usefixtures("walks")
def test_a_criterion_must_suit_the_activity_that_is_there():
    errors = errors_of(file_of({"key": "walk_10", "criterion": "level"}))

    assert errors == [
        (
            "achievements[0].activity",
            "Choose no activity: this criterion does not count one.",
        )
    ]


def test_a_misspelt_field_is_answered_with_a_similar_one():
    assert errors_of(file_of(medal(treshold=1))) == [
        (
            "achievements[0].treshold",
            "There is no such field. Did you mean 'threshold'?",
        )
    ]


@pytest.mark.usefixtures("walks")
def test_a_misspelt_activity_is_answered_with_a_similar_one():
    errors = errors_of(file_of({"key": "walk_10", "activity": "wlak"}))

    assert errors == [
        (
            "achievements[0].activity",
            "No activity has the key 'wlak'. Did you mean 'walk'?",
        )
    ]


@pytest.mark.usefixtures("walks")
def test_the_first_errors_alone_suggest_another_activity():
    counting = {"criterion": "activity_count", "activity": "wlak"}

    errors = errors_of(file_of(*(medal(key=f"m{n}", **counting) for n in range(30))))

    hints = ["Did you mean 'walk'?" in message for _place, message in errors]
    assert hints == [True] * 20 + [False] * 10


def test_a_file_reports_as_many_errors_as_can_be_read():
    errors = errors_of(file_of(*[None] * 1_500))

    assert len(errors) == 1_000
    assert errors[-1][0] == "achievements[999]"


def test_the_error_is_one_of_an_invalid_request():
    error = InvalidDefinitionsError(errors=[("file", "It is not UTF-8.")])

    assert (error.code, error.errors) == (
        "invalid_definitions",
        [("file", "It is not UTF-8.")],
    )
    assert InvalidDefinitionsError().errors == []


# --- Whatever the catalogue

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
)
KEYS = st.from_regex(r"[-a-zA-Z0-9_]{1,20}", fullmatch=True)
MEDALS = st.fixed_dictionaries(
    {
        "name": TEXTS.filter(str.strip),
        "category": st.sampled_from(["exploration", "mastery"]),
        "criterion": st.sampled_from(["level", "manual"]),
    },
    optional={
        "description": TEXTS,
        "icon": TEXTS,
        "xp_reward": st.integers(0, 1_000_000),
        "threshold": st.integers(1, 2**53),
        "is_secret": st.booleans(),
        "revocable": st.booleans(),
        "status": st.sampled_from(["draft", "active", "retired"]),
        "position": st.integers(-(2**31), 2**31 - 1),
    },
)


@given(st.dictionaries(KEYS, MEDALS, max_size=4))
@settings(
    max_examples=int(os.environ.get("FILE_EXAMPLES", "10")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_an_applied_file_is_exported_without_differences(medals):
    text = file_of(*({"key": key, **fields} for key, fields in medals.items()))
    apply_definitions(text)

    exported = export_definitions()

    assert compare_definitions(text).edits == ()
    assert compare_definitions(exported).is_empty
    items = {item["key"]: item for item in json.loads(exported)["achievements"]}
    for key, fields in medals.items():
        assert items[key] == items[key] | fields
    exported.encode()


def test_comments_are_for_people():
    text = """{"comment": "All.", "format": 1, "achievements": [], "activities": [
        {"comment": ["Any", "value."], "key": "walk", "name": "Walk"}]}"""

    apply_definitions(text)

    assert Activity.objects.get(key="walk").name == "Walk"
    assert "comment" not in export_definitions()


def test_the_categories_of_the_site_can_be_used(settings):
    settings.GAMIFICATION = {"CATEGORIES": {"habits": {"name": "habits"}}}
    text = """{"format": 1, "activities": [], "achievements": [
        {"key": "h", "name": "H", "category": "habits", "criterion": "manual"}]}"""

    apply_definitions(text)

    assert Achievement.objects.get(key="h").get_category_display() == "habits"
