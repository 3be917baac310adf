from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import StreakDefinition
from gamification.services import record_activity
from gamification.staff import create_streak, edit_streak
from tests.admin.browsing import filled_in
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:gamification_streakdefinition_changelist")
ADD = reverse("admin:gamification_streakdefinition_add")
#: A Wednesday.
ISOLATES = {0x2068: None, 0x2069: None}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NEW = {
    "key": "weekly",
    "name": "Weekly",
    "unit": "week",
    "goal": "3",
    "first_weekday": "1",
    "initial_freezes": "0",
    "freeze_cap": "2",
    "position": "1",
    "is_active": "on",
}


@pytest.fixture(autouse=True)
def noon(no_achievements):
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def weekly(activity):
    return create_streak(
        actor=None, key="weekly", name="Weekly", unit="week", weekdays=[1, 3]
    )


def page_of(streak):
    return reverse("admin:gamification_streakdefinition_change", args=[streak.pk])


def sent(client, streak, **changes):
    fields = filled_in(client.get(page_of(streak)), "streakdefinition_form")
    return client.post(page_of(streak), {**fields, **changes})


def errors(response):
    return response.context["adminform"].form.errors


def test_staff_add_a_streak_with_weekdays_and_activities(admin_client, activity):
    admin_client.post(ADD, NEW | {"weekdays": ["1", "3", "5"], "activities": ["walk"]})

    made = StreakDefinition.objects.get(key="weekly")
    assert (made.unit, made.goal) == ("week", 3)
    assert (made.weekdays, made.activities) == ([1, 3, 5], ["walk"])
    assert LogEntry.objects.get().get_change_message() == "Added."


def test_an_edit_is_logged_with_the_names_of_weekdays(admin_client, weekly):
    sent(admin_client, weekly, weekdays=["1", "2"], key="other")

    weekly.refresh_from_db()
    assert (weekly.key, weekly.weekdays) == ("weekly", [1, 2])
    # The next Monday.
    assert weekly.since == date(2026, 3, 9)
    assert LogEntry.objects.get().get_change_message() == (
        "Changed Weekdays: Monday, Wednesday → Monday, Tuesday."
    )


def test_a_choice_that_is_not_offered_is_reported(admin_client, weekly):
    response = sent(admin_client, weekly, weekdays=["8"])

    assert errors(response)["weekdays"] == ["8 is not one of the choices."]


def test_a_goal_that_no_week_reaches_is_reported(admin_client, weekly):
    for button in ({}, {"_preview": "1"}):
        days = {"weekdays": ["1", "3"]}
        response = sent(admin_client, weekly, goal="3", **days, **button)

        assert errors(response)["goal"] == ["The most is 2."]
    assert StreakDefinition.objects.get(key="weekly").goal == 1


def test_nobodys_edit_is_overwritten(admin_client, weekly):
    fields = filled_in(admin_client.get(page_of(weekly)), "streakdefinition_form")
    edit_streak("weekly", actor=None, expected=None, weekdays=[1, 2, 3], name="Often")

    response = admin_client.post(page_of(weekly), fields | {"weekdays": ["5"]})

    texts = [*errors(response)["__all__"]]
    assert "changed “\u2068Often\u2069” in the meantime" in texts[0]
    assert [text.translate(ISOLATES) for text in texts[1:]] == [
        "Name: now Often; your form has been updated.",
        "Weekdays: now Monday, Tuesday, Wednesday; you entered Friday.",
    ]
    again = filled_in(response, "streakdefinition_form")
    admin_client.post(page_of(weekly), again | {"weekdays": ["5"]})
    weekly.refresh_from_db()
    assert (weekly.name, weekly.weekdays) == ("Often", [5])


def test_checkboxes_that_others_changed_are_updated(admin_client, weekly):
    fields = filled_in(admin_client.get(page_of(weekly)), "streakdefinition_form")
    edit_streak("weekly", actor=None, expected=None, weekdays=[])

    fields |= {"weekdays": ["1", "3"], "name": "Mine"}
    response = admin_client.post(page_of(weekly), fields)

    _, text = errors(response)["__all__"]
    assert text.translate(ISOLATES) == "Weekdays: now –; your form has been updated."
    assert "weekdays" not in filled_in(response, "streakdefinition_form")


def test_a_preview_says_whose_streaks_differ_and_saves_nothing(admin_client, activity):
    walker = UserFactory()
    for days in (2, 0):
        record_activity(walker, "walk", occurred_at=NOON - timedelta(days))
    daily = StreakDefinition.objects.get(key="daily")

    response = sent(admin_client, daily, weekdays=["1", "3"], _preview="1")

    preview = response.context["preview"]
    numbers = [preview.longer.value, preview.shorter.value, preview.broken.value]
    assert numbers == [1, 0, 0]
    html = response.content.decode()
    assert "Users whose streak would be longer" in html
    assert "They will hold from March 6, 2026." in html
    daily.refresh_from_db()
    assert daily.weekdays == []


def test_a_new_streak_is_compared_with_the_daily_one(admin_client):
    response = admin_client.post(ADD, NEW | {"_preview": "1"})

    assert "A new streak is compared with the daily one." in response.content.decode()
    assert StreakDefinition.objects.count() == 1


def test_streaks_are_not_deleted(admin_client, weekly):
    address = reverse("admin:gamification_streakdefinition_delete", args=[weekly.pk])

    assert admin_client.post(address, {"post": "yes"}).status_code == 403


def test_viewers_change_nothing(client, staff, weekly):
    may = Permission.objects.get(codename="view_streakdefinition")
    staff.user_permissions.add(may)
    client.force_login(staff)

    assert "Mon, Wed" in client.get(LIST).content.decode()
    assert client.get(page_of(weekly)).status_code == 200
    assert client.post(page_of(weekly), NEW).status_code == 403
    assert client.post(ADD, NEW).status_code == 403


def test_the_list_takes_five_queries(admin_client, weekly, django_assert_num_queries):
    # Session, staff member, two counts, and rows.
    with django_assert_num_queries(5):
        admin_client.get(LIST)
