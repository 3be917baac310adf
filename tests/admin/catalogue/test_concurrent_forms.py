from __future__ import annotations

from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils.html import strip_tags

from gamification.models import Achievement, Activity
from gamification.staff import (
    edit_achievement,
    edit_activity,
)
from tests.admin.browsing import filled_in
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")

HEADLINE = (
    "Somebody else changed “{}” meanwhile. Nothing is saved yet: look at the values, "
    "and save again."
)


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", name="Medal", xp_reward=50, threshold=1)


@pytest.fixture
def cup(db):
    return AchievementFactory(key="cup", name="Cup", xp_reward=80, position=1)


@pytest.fixture
def page(medal):
    return reverse("admin:gamification_achievement_change", args=[medal.pk])


def elsewhere(key, **changes):
    """Let somebody else edit an achievement."""
    edit_achievement(key, actor=None, expected=None, **changes)


def opened(client, address, form="achievement_form"):
    return filled_in(client.get(address), form) | {"_save": "1"}


def told(form):
    return [unescape(strip_tags(error)) for error in form.non_field_errors()]


def errors_of(response):
    return told(response.context["adminform"].form)


def row_errors(response):
    forms = response.context["cl"].formset.forms
    return [told(form) for form in forms]


def stored(key="medal"):
    row = Achievement.objects.get(key=key)
    return row.name, row.xp_reward, row.threshold, row.status


def test_the_second_of_two_editors_sees_both_values(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(page, fields | {"xp_reward": "70"})

    assert errors_of(response) == [
        HEADLINE.format("Medal"),
        "XP reward: 60 now; yours is 70.",
    ]
    assert stored() == ("Medal", 60, 1, "active")
    assert filled_in(response, "achievement_form")["xp_reward"] == "70"


def test_the_second_editor_may_insist(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60)
    response = admin_client.post(page, fields | {"xp_reward": "70"})
    again = filled_in(response, "achievement_form") | {"_save": "1"}

    assert admin_client.post(page, again).status_code == 302
    assert stored() == ("Medal", 70, 1, "active")


def test_what_only_the_other_changed_is_taken_over(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60, status="retired", is_secret=True)
    response = admin_client.post(page, fields | {"name": "Gold"})
    again = filled_in(response, "achievement_form") | {"_save": "1"}

    assert errors_of(response) == [
        HEADLINE.format("Medal"),
        "XP reward: 60 now, which is taken over.",
        "Status: retired now, which is taken over.",
        "Secret: yes now, which is taken over.",
    ]
    assert admin_client.post(page, again).status_code == 302
    assert stored() == ("Gold", 60, 1, "retired")
    assert Achievement.objects.get().is_secret


def test_activities_and_truth_values_are_told_in_words(admin_client, activity, page):
    fields = opened(admin_client, page)
    elsewhere("medal", criterion="activity_count", activity="walk", is_secret=True)
    swim = ActivityFactory(name="Swim")

    response = admin_client.post(
        page,
        fields | {"criterion": "activity_count", "activity": swim.pk, "is_secret": ""},
    )

    assert errors_of(response) == [
        HEADLINE.format("Medal"),
        "Criterion: count of an activity now; yours is count of an activity.",
        "Activity: Walk now; yours is Swim.",
        "Secret: yes now, which is taken over.",
    ]


def test_who_changed_something_that_a_form_lacks_is_noticed_too(
    admin_client, medal, cup
):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", description="Of gold.")

    response = admin_client.post(LIST, fields | {"form-0-xp_reward": "70"})

    assert row_errors(response) == [[HEADLINE.format("Medal")], []]


def test_an_edit_that_was_taken_back_meanwhile_is_none(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60)
    elsewhere("medal", xp_reward=50)

    assert admin_client.post(page, fields | {"name": "Gold"}).status_code == 302


@pytest.mark.parametrize("tag", ["", "no tag", "\0"])
def test_a_form_without_the_right_tag_saves_nothing(admin_client, medal, page, tag):
    fields = opened(admin_client, page)

    response = admin_client.post(page, fields | {"tag": tag, "xp_reward": "70"})

    assert response.status_code == 200
    assert stored() == ("Medal", 50, 1, "active")


def test_texts_of_several_lines_are_no_change(admin_client, medal, page):
    elsewhere("medal", description="One\r\ntwo.\nthree.")
    fields = opened(admin_client, page)
    sent = fields | {"description": "One\r\ntwo.\r\nthree."}
    sent["initial-description"] = sent["description"]
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(page, sent | {"name": "Gold"})

    assert errors_of(response)[1:] == ["XP reward: 60 now, which is taken over."]


def test_what_was_deleted_meanwhile_is_told(admin_client, medal, page, monkeypatch):
    fields = opened(admin_client, page)
    monkeypatch.setattr(
        "gamification.admin.catalogue.concurrent_forms.lock_definition",
        lambda *args: None,
    )

    response = admin_client.post(page, fields | {"name": "Gold"})

    assert errors_of(response) == ["Somebody else deleted it meanwhile."]


def test_the_second_list_is_told_which_row_changed(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", "form-1-xp_reward": "90"}
    )

    assert row_errors(response) == [
        [HEADLINE.format("Medal"), "XP reward: 60 now; yours is 70."],
        [],
    ]
    assert "Somebody else changed “<bdi>Medal</bdi>” meanwhile." in response.text
    assert (stored()[1], stored("cup")[1]) == (60, 80)
    assert not LogEntry.objects.exists()


def test_the_second_list_may_be_saved_again(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", threshold=3)
    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", "form-1-xp_reward": "90"}
    )
    again = filled_in(response, "changelist-form") | {"_save": "1"}

    assert admin_client.post(LIST, again).status_code == 302
    assert stored() == ("Medal", 70, 3, "active")
    assert stored("cup")[1] == 90


def test_rows_that_the_second_editor_left_alone_are_left_alone(
    admin_client, medal, cup
):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(LIST, fields | {"form-1-xp_reward": "90"})

    assert response.status_code == 302
    assert (stored()[1], stored("cup")[1]) == (60, 90)


def test_each_form_is_in_its_row_though_the_order_changed(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", position=5)

    response = admin_client.post(LIST, fields | {"form-0-xp_reward": "70"})

    cl = response.context["cl"]
    assert [row.name for row in cl.result_list] == ["Medal", "Cup"]
    assert [form.instance.name for form in cl.formset.forms] == ["Medal", "Cup"]


def test_a_row_that_was_deleted_meanwhile_is_told(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    medal.delete()

    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", "form-1-xp_reward": "90"}
    )

    assert row_errors(response) == [["Somebody else deleted it meanwhile."], []]
    assert "Somebody else deleted it meanwhile." in response.content.decode()
    assert stored("cup")[1] == 80


def test_lists_lock_rows_in_the_order_of_keys_as_all_do(
    admin_client, medal, cup, monkeypatch
):
    locked = []
    monkeypatch.setattr(
        "gamification.admin.catalogue.concurrent_forms.lock_definition",
        lambda model, key: locked.append(key) or model.objects.get(key=key),
    )
    elsewhere("medal", position=5)
    fields = opened(admin_client, LIST, "changelist-form")

    admin_client.post(
        LIST, fields | {"form-0-xp_reward": "90", "form-1-xp_reward": "70"}
    )

    assert locked == ["cup", "medal"]


def test_a_field_of_a_row_says_what_it_is_of(admin_client, medal):
    html = admin_client.get(LIST).text

    field = html.partition('name="form-0-xp_reward"')[2].partition(">")[0]
    assert 'aria-label="Medal: XP reward"' in field
    assert "aria-describedby" not in html.partition('id="result_list"')[2]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7*7}}", "%(name)s"])
def test_what_others_typed_is_shown_as_it_is(admin_client, medal, page, name):
    fields = opened(admin_client, page)
    elsewhere("medal", name=name)

    response = admin_client.post(page, fields | {"name": name[::-1]})

    assert errors_of(response) == [
        HEADLINE.format(name),
        f"Name: {name} now; yours is {name[::-1]}.",
    ]
    assert "<script>alert" not in response.content.decode()


def test_activities_are_edited_by_several_as_well(admin_client, activity):
    page = reverse("admin:gamification_activity_change", args=[activity.pk])
    fields = opened(admin_client, page, "activity_form")
    edit_activity("walk", actor=None, expected=None, xp_reward=20, daily_limit=3)

    response = admin_client.post(page, fields | {"xp_reward": "30"})

    assert errors_of(response) == [
        HEADLINE.format("Walk"),
        "XP reward: 20 now; yours is 30.",
        "Daily limit: 3 now, which is taken over.",
    ]
    assert Activity.objects.get(key="walk").xp_reward == 20


def test_the_list_of_activities_is_edited_by_several_as_well(admin_client, activity):
    address = reverse("admin:gamification_activity_changelist")
    fields = opened(admin_client, address, "changelist-form")
    [row] = [
        key
        for key, value in fields.items()
        if key.endswith("-id") and value == str(activity.pk)
    ]
    number = row.split("-")[1]
    edit_activity("walk", actor=None, expected=None, daily_limit=3)

    response = admin_client.post(address, fields | {f"form-{number}-xp_reward": "30"})

    assert [errors for errors in row_errors(response) if errors] == [
        [HEADLINE.format("Walk"), "Daily limit: 3 now, which is taken over."]
    ]
