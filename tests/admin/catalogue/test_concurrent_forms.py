from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from gamification.models import Achievement, Activity
from gamification.staff import edit_achievement, edit_activity
from tests.admin.browsing import filled_in
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")

HEADLINE = (
    "Somebody else changed “{}” in the meantime. Nothing has been saved: check the "
    "values, then try again."
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
    """Edit an achievement as somebody else does."""
    edit_achievement(key, actor=None, expected=None, **changes)


def opened(client, address, form="achievement_form"):
    return filled_in(client.get(address), form) | {"_save": "1"}


def errors_in(form):
    """Return the errors without the marks that isolate names."""
    errors = form.non_field_errors()
    return [error.replace("\u2068", "").replace("\u2069", "") for error in errors]


def errors_of(response):
    return errors_in(response.context["adminform"].form)


def row_errors(response):
    forms = response.context["cl"].formset.forms
    return [errors_in(form) for form in forms]


def stored(key="medal"):
    row = Achievement.objects.get(key=key)
    return row.name, row.xp_reward, row.threshold, row.status


def test_a_conflict_shows_both_values(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(page, fields | {"xp_reward": "70"})

    assert errors_of(response) == [
        HEADLINE.format("Medal"),
        "XP reward: now 60; you entered 70.",
    ]
    assert stored() == ("Medal", 60, 1, "active")
    assert filled_in(response, "achievement_form")["xp_reward"] == "70"


def test_a_form_can_be_saved_again_after_a_conflict(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60)
    response = admin_client.post(page, fields | {"xp_reward": "70"})
    again = filled_in(response, "achievement_form") | {"_save": "1"}

    assert admin_client.post(page, again).status_code == 302
    assert stored() == ("Medal", 70, 1, "active")


def test_untouched_fields_take_the_values_of_the_other_editor(
    admin_client, medal, page
):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60, status="retired", is_secret=True)
    response = admin_client.post(page, fields | {"name": "Gold"})
    again = filled_in(response, "achievement_form") | {"_save": "1"}

    assert errors_of(response) == [
        HEADLINE.format("Medal"),
        "XP reward: now 60; your form has been updated.",
        "Status: now retired; your form has been updated.",
        "Secret: now yes; your form has been updated.",
    ]
    assert admin_client.post(page, again).status_code == 302
    assert stored() == ("Gold", 60, 1, "retired")
    assert Achievement.objects.get().is_secret


def test_conflicts_show_labels_of_choices(admin_client, activity, page):
    fields = opened(admin_client, page)
    elsewhere("medal", criterion="activity_count", activity="walk", is_secret=True)
    swim = ActivityFactory(name="Swim")

    response = admin_client.post(
        page,
        fields | {"criterion": "activity_count", "activity": swim.pk, "is_secret": ""},
    )

    assert errors_of(response) == [
        HEADLINE.format("Medal"),
        "Criterion: now count of an activity; you entered count of an activity.",
        "Activity: now Walk; you entered Swim.",
        "Secret: now yes; your form has been updated.",
    ]


def test_a_conflict_in_a_field_that_the_list_lacks_is_reported(
    admin_client, medal, cup
):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", description="Of gold.")

    response = admin_client.post(LIST, fields | {"form-0-xp_reward": "70"})

    assert row_errors(response) == [[HEADLINE.format("Medal")], []]


def test_an_edit_that_was_undone_is_no_conflict(admin_client, medal, page):
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=60)
    elsewhere("medal", xp_reward=50)

    assert admin_client.post(page, fields | {"name": "Gold"}).status_code == 302


@pytest.mark.parametrize(
    "mine", [{"xp_reward": "70"}, {"description": "One\r\ntwo.", "is_secret": "on"}]
)
def test_a_form_that_is_sent_twice_is_no_conflict(admin_client, medal, page, mine):
    sent = opened(admin_client, page) | mine

    statuses = [admin_client.post(page, sent).status_code for _ in range(2)]

    assert statuses == [302, 302]
    assert LogEntry.objects.count() == 1


def test_a_form_of_which_only_a_part_is_stored_is_a_conflict(admin_client, medal, page):
    sent = opened(admin_client, page) | {"xp_reward": "70", "name": "Gold"}
    elsewhere("medal", xp_reward=70)

    response = admin_client.post(page, sent)

    assert errors_of(response)[1:] == ["XP reward: now 70; you entered 70."]


def test_a_list_that_is_sent_twice_is_no_conflict(admin_client, medal, cup):
    sent = opened(admin_client, LIST, "changelist-form") | {"form-0-xp_reward": "70"}

    statuses = [admin_client.post(LIST, sent).status_code for _ in range(2)]

    assert (statuses, stored()[1]) == ([302, 302], 70)


@pytest.mark.parametrize("tag", ["", "no tag", "\0"])
def test_a_form_with_a_wrong_tag_saves_nothing(admin_client, medal, page, tag):
    fields = opened(admin_client, page)

    response = admin_client.post(page, fields | {"tag": tag, "xp_reward": "70"})

    assert response.status_code == 200
    assert stored() == ("Medal", 50, 1, "active")


def test_line_endings_are_not_a_change(admin_client, medal, page):
    elsewhere("medal", description="One\r\ntwo.\nthree.")
    fields = opened(admin_client, page)
    sent = fields | {"description": "One\r\ntwo.\r\nthree."}
    sent["initial-description"] = sent["description"]
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(page, sent | {"name": "Gold"})

    assert errors_of(response)[1:] == ["XP reward: now 60; your form has been updated."]


def test_what_was_deleted_meanwhile_is_errors_in(
    admin_client, medal, page, monkeypatch
):
    fields = opened(admin_client, page)
    monkeypatch.setattr(
        "gamification.admin.catalogue.definition_forms.lock_definition",
        lambda *args: None,
    )

    response = admin_client.post(page, fields | {"name": "Gold"})

    assert errors_of(response) == ["Somebody else deleted it in the meantime."]


def test_a_conflict_is_reported_in_its_row(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", "form-1-xp_reward": "90"}
    )

    assert row_errors(response) == [
        [HEADLINE.format("Medal"), "XP reward: now 60; you entered 70."],
        [],
    ]
    assert "Somebody else changed “\u2068Medal\u2069” in the meantime." in response.text
    assert (stored()[1], stored("cup")[1]) == (60, 80)
    assert not LogEntry.objects.exists()


def test_a_list_can_be_saved_again_after_a_conflict(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", threshold=3)
    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", "form-1-xp_reward": "90"}
    )
    again = filled_in(response, "changelist-form") | {"_save": "1"}

    assert admin_client.post(LIST, again).status_code == 302
    assert stored() == ("Medal", 70, 3, "active")
    assert stored("cup")[1] == 90


def test_unchanged_rows_cause_no_conflict(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", xp_reward=60)

    response = admin_client.post(LIST, fields | {"form-1-xp_reward": "90"})

    assert response.status_code == 302
    assert (stored()[1], stored("cup")[1]) == (60, 90)


def test_forms_stay_in_their_rows_when_the_order_changes(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    elsewhere("medal", position=5)

    response = admin_client.post(LIST, fields | {"form-0-xp_reward": "70"})

    cl = response.context["cl"]
    assert [row.name for row in cl.result_list] == ["Medal", "Cup"]
    assert [form.instance.name for form in cl.formset.forms] == ["Medal", "Cup"]


def test_a_row_that_was_deleted_meanwhile_is_errors_in(admin_client, medal, cup):
    fields = opened(admin_client, LIST, "changelist-form")
    medal.delete()

    response = admin_client.post(
        LIST, fields | {"form-0-xp_reward": "70", "form-1-xp_reward": "90"}
    )

    assert row_errors(response) == [["Somebody else deleted it in the meantime."], []]
    assert "Somebody else deleted it in the meantime." in response.content.decode()
    assert stored("cup")[1] == 80


def test_lists_lock_rows_in_the_order_of_keys(admin_client, medal, cup, monkeypatch):
    locked = []
    monkeypatch.setattr(
        "gamification.admin.catalogue.definition_forms.lock_definition",
        lambda model, key: locked.append(key) or model.objects.get(key=key),
    )
    elsewhere("medal", position=5)
    fields = opened(admin_client, LIST, "changelist-form")

    admin_client.post(
        LIST, fields | {"form-0-xp_reward": "90", "form-1-xp_reward": "70"}
    )

    assert locked == ["cup", "medal"]


def test_fields_of_a_row_have_labels(admin_client, medal):
    html = admin_client.get(LIST).text

    field = html.partition('name="form-0-xp_reward"')[2].partition(">")[0]
    assert 'aria-label="Medal: XP reward"' in field
    assert "aria-describedby" not in html.partition('id="result_list"')[2]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{7*7}}", "%(name)s"])
def test_values_of_other_editors_are_escaped(admin_client, medal, page, name):
    fields = opened(admin_client, page)
    elsewhere("medal", name=name)

    response = admin_client.post(page, fields | {"name": name[::-1]})

    assert errors_of(response) == [
        HEADLINE.format(name),
        f"Name: now {name}; you entered {name[::-1]}.",
    ]
    assert "<script>alert" not in response.content.decode()


def test_conflicts_between_editors_of_activities_are_reported(admin_client, activity):
    page = reverse("admin:gamification_activity_change", args=[activity.pk])
    fields = opened(admin_client, page, "activity_form")
    edit_activity("walk", actor=None, expected=None, xp_reward=20, daily_limit=3)

    response = admin_client.post(page, fields | {"xp_reward": "30"})

    assert errors_of(response) == [
        HEADLINE.format("Walk"),
        "XP reward: now 20; you entered 30.",
        "Daily limit: now 3; your form has been updated.",
    ]
    assert Activity.objects.get(key="walk").xp_reward == 20


def test_conflicts_in_the_list_of_activities_are_reported(admin_client, activity):
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
        [HEADLINE.format("Walk"), "Daily limit: now 3; your form has been updated."]
    ]


def test_a_conflict_names_who_saved_last(admin_client, client, staff, page, medal):
    staff.user_permissions.set(
        Permission.objects.filter(codename__endswith="_achievement")
    )
    client.force_login(staff)
    mine, theirs = opened(admin_client, page), opened(client, page)
    client.post(page, theirs | {"xp_reward": "60"})
    entry = LogEntry.objects.get()
    time = date_format(localtime(entry.action_time), "SHORT_DATETIME_FORMAT")

    response = admin_client.post(page, mine | {"xp_reward": "70"})

    assert errors_of(response)[0] == (
        f"{staff} ({time}) changed “Medal” in the meantime. Nothing has been saved: "
        "check the values, then try again."
    )


def test_an_old_entry_of_the_log_names_nobody(admin_client, page, medal):
    admin_client.post(page, opened(admin_client, page) | {"xp_reward": "60"})
    LogEntry.objects.update(action_time=medal.updated_at - timedelta(hours=1))
    fields = opened(admin_client, page)
    elsewhere("medal", xp_reward=65)

    response = admin_client.post(page, fields | {"xp_reward": "70"})

    assert errors_of(response)[0] == HEADLINE.format("Medal")


def test_the_log_has_the_labels_of_choices(admin_client, medal, page, activity):
    changes = {
        "criterion": "activity_count",
        "activity": str(activity.pk),
        "is_secret": "on",
    }

    admin_client.post(page, opened(admin_client, page) | changes)

    assert LogEntry.objects.get().get_change_message() == (
        "Changed Criterion: awarded by hand → count of an activity; "
        "Activity: – → walk; Secret: no → yes."
    )
