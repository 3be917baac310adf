from __future__ import annotations

from datetime import date

import pytest
import time_machine
from django.db import IntegrityError

from gamification.exceptions import (
    InvalidDefinitionError,
    StaleEditError,
    UnknownStreakError,
)
from gamification.models import StreakDefinition
from gamification.services import get_progress, get_streaks
from gamification.services.streaks.definitions.fields import STREAK_FIELDS
from gamification.staff import (
    create_streak,
    edit_streak,
    preview_streak,
    streak_tag,
)
from tests.services.streaks.conftest import noon

pytestmark = pytest.mark.django_db


def weekly(**fields):
    return create_streak(actor=None, key="weekly", name="Weekly", unit="week", **fields)


def test_a_streak_is_created_with_all_its_fields(staff, activity):
    fields = {
        "name": "Walks",
        "description": "Walk every week.",
        "unit": "week",
        "goal": 3,
        "activities": ["walk"],
        "weekdays": [1, 2, 3, 4, 5],
        "first_weekday": 7,
        "initial_freezes": 0,
        "freeze_every": None,
        "freeze_cap": 1,
        "is_active": True,
        "position": 4,
    }

    create_streak(actor=staff, key="walks", **fields)

    row = StreakDefinition.objects.get(key="walks")
    assert {name: getattr(row, name) for name in STREAK_FIELDS} == fields
    assert (row.since, row.former) == (None, [])


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"goal": 8}, "goal"),
        ({"goal": 3, "weekdays": [1, 2]}, "goal"),
        ({"goal": True}, "goal"),
        ({"unit": "year"}, "unit"),
        ({"activities": ["wolk"]}, "activities"),
        ({"activities": "walk"}, "activities"),
        ({"weekdays": [8]}, "weekdays"),
        ({"weekdays": "1"}, "weekdays"),
        ({"first_weekday": 0}, "first_weekday"),
        ({"initial_freezes": 3}, "initial_freezes"),
        ({"activities": [7]}, "activities"),
        ({"freeze_every": 0}, "freeze_every"),
        ({"name": ""}, "name"),
        ({"unit": "day", "goal": 2}, "goal"),
        ({"unit": "month", "goal": 9, "weekdays": [1, 2]}, "goal"),
    ],
)
def test_a_wrong_value_is_refused(activity, fields, name):
    wrong = {"name": "Wrong", "unit": "week", **fields}

    with pytest.raises(InvalidDefinitionError) as refusal:
        create_streak(actor=None, key="wrong", **wrong)

    assert [*refusal.value.errors] == [name]


def test_an_unknown_field_is_a_mistake_of_the_code():
    with pytest.raises(TypeError, match="no field 'gaol'"):
        weekly(gaol=3)


def test_a_key_is_taken_once():
    weekly()

    with pytest.raises(InvalidDefinitionError, match="already exists"):
        weekly()


def test_other_errors_of_the_database_are_not_hidden(monkeypatch):
    def fail(*args, **kwargs):
        raise IntegrityError

    monkeypatch.setattr(StreakDefinition, "save", fail)

    with pytest.raises(IntegrityError):
        weekly()


def test_the_daily_streak_stays_one_of_days(activity):
    with pytest.raises(InvalidDefinitionError, match="counts days"):
        edit_streak("daily", actor=None, expected=None, unit="week")
    with pytest.raises(InvalidDefinitionError, match="counts days"):
        edit_streak("daily", actor=None, expected=None, activities=["walk"])


def test_the_daily_streak_is_always_active():
    with pytest.raises(InvalidDefinitionError, match="always active"):
        edit_streak("daily", actor=None, expected=None, is_active=False)


def test_an_edit_of_an_outdated_version_is_refused():
    seen = streak_tag(weekly())
    edit_streak("weekly", actor=None, expected=seen, goal=2)

    with pytest.raises(StaleEditError):
        edit_streak("weekly", actor=None, expected=seen, goal=3)
    with pytest.raises(UnknownStreakError):
        edit_streak("weakly", actor=None, expected=None, goal=3)


def test_a_name_holds_at_once(caplog, django_capture_on_commit_callbacks, staff):
    with (
        caplog.at_level("INFO"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        row = edit_streak("daily", actor=staff, expected=None, name="Every day")
        edit_streak("daily", actor=staff, expected=None, name="Every day")

    assert (row.since, row.former) == (None, [])
    assert caplog.messages == [
        f"Streak daily: name 'Daily streak' → 'Every day' by user {staff.pk}."
    ]


@pytest.mark.parametrize(
    ("before", "after", "since"),
    [
        ({"unit": "week"}, {"goal": 2}, "2026-11-30"),
        ({"unit": "week"}, {"unit": "month"}, "2026-12-01"),
        ({"unit": "week"}, {"unit": "day"}, "2026-11-30"),
        ({"unit": "day"}, {"weekdays": [1, 2]}, "2026-11-26"),
        ({"unit": "month"}, {"unit": "week"}, "2026-12-07"),
    ],
)
def test_rules_hold_from_the_next_period_on(before, after, since):
    StreakDefinition.objects.create(key="other", name="Other", **before)

    # It is Wednesday, and already Thursday in some places.
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        row = edit_streak("other", actor=None, expected=None, **after)

    assert row.since == date.fromisoformat(since)
    assert [each["since"] for each in row.former] == [None]


def test_an_edit_replaces_rules_that_have_not_begun(on):
    with on(1):
        edit_streak("daily", actor=None, expected=None, freeze_every=3)
        row = edit_streak("daily", actor=None, expected=None, freeze_every=5)
    assert [each["freeze_every"] for each in row.former] == [None]

    with on(9):
        row = edit_streak("daily", actor=None, expected=None, freeze_every=7)

    assert [each["freeze_every"] for each in row.former] == [None, 5]


def test_rules_that_have_not_begun_leave_nothing_behind(on):
    with on(4):
        create_streak(actor=None, key="other", name="Other")
        edit_streak("other", actor=None, expected=None, unit="month")
        row = edit_streak("other", actor=None, expected=None, unit="week")

    assert [each["unit"] for each in row.former] == ["day"]
    assert row.since == date(2026, 11, 9)


def test_past_periods_keep_their_rules(user, act, on):
    act(2, 3, 4, 5, 6, 9)
    with on(9):
        assert get_streaks(user)[0].current == 1
        edit_streak("daily", actor=None, expected=None, weekdays=[1, 2, 3, 4, 5])

    act(10, 11, 12, 13, 16)

    with on(16):
        [status] = get_streaks(user)
    assert (status.current, status.longest) == (6, 6)


def test_a_week_that_a_change_cuts_short_breaks_nothing(user, act, on):
    StreakDefinition.objects.filter(key="daily").update(freeze_cap=0)
    weekly()
    act(2, 9, 16)
    with on(18):
        edit_streak("weekly", actor=None, expected=None, first_weekday=4)

    act(28)

    with on(28):
        assert get_streaks(user)[1].current == 4


def test_freezes_of_a_new_streak_come_with_later_dates(user, act, on):
    act(1, 2, 3, 4)
    with on(4):
        create_streak(actor=None, key="other", name="Other", freeze_every=2)
        assert get_streaks(user)[1].freezes == 0

    act(5, 6, 7)

    with on(7):
        assert get_streaks(user)[1].freezes == 1


def test_a_preview_says_whose_streaks_would_differ(user, staff, act, on):
    act(6, 9)
    act(7, 8, 9, who=staff)

    with on(9):
        preview = preview_streak("daily", weekdays=[1, 2, 3, 4, 5])
        stricter = preview_streak("daily", freeze_cap=0)
        fewer = preview_streak(None, unit="week", goal=4, name="n", key="k")

    assert (preview.played, preview.population, preview.is_exact) == (2, 2, True)
    assert (preview.longer.value, preview.shorter.value) == (1, 0)
    assert preview.since == date(2026, 11, 11)
    assert (stricter.longer.value, stricter.shorter.value) == (0, 0)
    assert (fewer.shorter.value, fewer.broken.value) == (2, 2)
    assert StreakDefinition.objects.get().weekdays == []


def test_progress_has_the_streak_of_the_latest_rules(user, act, on, daily):
    daily(weekdays=[1, 2, 3, 4, 5])
    act(6)

    with on(9):
        streak = get_progress(user).streak

    assert (streak.state, streak.current) == ("at_risk", 1)
    assert noon(9).date() < streak.lost_at.date()
