from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.admin.catalogue.activity_forms import ActivityForm
from gamification.models import Activity
from gamification.services import record_activity
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import ActivityFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:gamification_activity_changelist")
ADD = reverse("admin:gamification_activity_add")

NEW = {"key": "swim", "name": "Swim", "xp_reward": 5, "daily_limit": 3}


@pytest.fixture
def page(activity):
    return reverse("admin:gamification_activity_change", args=[activity.pk])


def test_staff_add_an_activity(admin_client):
    admin_client.post(ADD, NEW)

    assert Activity.objects.get(key="swim").daily_limit == 3
    assert LogEntry.objects.get().get_change_message() == "Added."


def test_staff_edit_an_activity_but_not_its_key(admin_client, activity, page):
    fields = filled_in(admin_client.get(page), "activity_form")

    admin_client.post(page, fields | {"key": "other", "xp_reward": "25"})

    activity.refresh_from_db()
    assert (activity.key, activity.xp_reward) == ("walk", 25)
    assert LogEntry.objects.get().get_change_message() == (
        "Changed XP reward: 10 → 25."
    )


def test_an_empty_limit_removes_the_limit(admin_client, activity, page):
    Activity.objects.filter(key="walk").update(daily_limit=3)
    fields = filled_in(admin_client.get(page), "activity_form")

    admin_client.post(page, fields | {"daily_limit": ""})

    activity.refresh_from_db()
    assert activity.daily_limit is None


def test_activities_are_edited_in_the_list(admin_client, activity):
    fields = filled_in(admin_client.get(LIST), "changelist-form")
    # Two come before it, in the order of their keys.
    changes = {"form-2-xp_reward": "25", "form-2-cooldown": "60", "_save": "1"}

    admin_client.post(LIST, fields | changes)

    activity.refresh_from_db()
    assert (activity.xp_reward, activity.cooldown) == (25, 60)


@pytest.mark.parametrize(
    "value", ["-1", "1000001", "1.5", "９" * 30, "x", "", "9" * 5_000]
)
def test_an_invalid_reward_is_reported(admin_client, activity, page, value):
    fields = filled_in(admin_client.get(page), "activity_form")

    response = admin_client.post(page, fields | {"xp_reward": value})

    assert list(response.context["adminform"].form.errors) == ["xp_reward"]


def test_an_activity_with_entries_cannot_be_deleted(admin_client, user, activity):
    record_activity(user, "walk")
    address = reverse("admin:gamification_activity_delete", args=[activity.pk])

    response = admin_client.post(address, {"post": "yes"})

    assert response.context["protected"]
    assert Activity.objects.filter(key="walk").exists()


def test_an_activity_is_found_by_key(admin_client):
    ActivityFactory(key="swim")
    ActivityFactory()

    response = admin_client.get(LIST, {"q": "swim"})

    assert [row.key for row in response.context["cl"].result_list] == ["swim"]


def test_the_number_of_queries_does_not_grow_with_activities(
    admin_client, django_assert_num_queries
):
    # Session, staff member, two counts, and rows.
    with django_assert_num_queries(5):
        admin_client.get(LIST)
    ActivityFactory.create_batch(20)

    with django_assert_num_queries(5):
        response = admin_client.get(LIST)

    assert response.context["cl"].result_count == 22


def test_viewers_change_nothing(client, staff, activity, page):
    permission = Permission.objects.get(codename="view_activity")
    staff.user_permissions.add(permission)
    client.force_login(staff)

    assert client.get(page).status_code == 200
    for address in (page, ADD, LIST):
        assert client.post(address, NEW | {"_save": "1"}).status_code == 403
    assert Activity.objects.get(key="walk").xp_reward == 10


def test_pages_work_under_a_strict_content_security_policy(admin_client, page):
    pages = [admin_client.get(each) for each in (LIST, ADD, page)]

    assert [refused_inline(each) for each in pages] == [[], [], []]


@pytest.fixture
def review(user):
    types = {"pages": "integer", "genre": "string"}
    made = ActivityFactory(key="review", name="Review", attributes=types)
    record_activity(user, "review", attributes={"pages": 7})
    return made


def review_form(client, review):
    page = reverse("admin:gamification_activity_change", args=[review.pk])
    return page, filled_in(client.get(page), "activity_form")


def declared():
    return Activity.objects.get(key="review").attributes


def test_staff_add_an_activity_with_attributes(admin_client):
    text = "genre: string\r\n\r\n  pages :integer  \r\n"

    admin_client.post(ADD, NEW | {"key": "review", "attributes": text})

    assert declared() == {"genre": "string", "pages": "integer"}


def test_the_form_shows_attributes_one_on_each_line(admin_client, review):
    _page, fields = review_form(admin_client, review)

    assert fields["attributes"].strip() == "genre: string\npages: integer"


def test_a_form_that_is_sent_as_it_is_changes_nothing(admin_client, review):
    page, fields = review_form(admin_client, review)

    sent = {name: value.replace("\n", "\r\n") for name, value in fields.items()}
    admin_client.post(page, sent)

    assert not LogEntry.objects.exists()
    assert declared() == {"genre": "string", "pages": "integer"}


def test_staff_edit_attributes(admin_client, review):
    page, fields = review_form(admin_client, review)

    admin_client.post(page, fields | {"attributes": "pages: integer\nstars: integer"})

    assert declared() == {"pages": "integer", "stars": "integer"}
    assert LogEntry.objects.get().get_change_message() == (
        "Changed Attributes: genre: string, pages: integer → "
        "pages: integer, stars: integer."
    )


def test_staff_remove_attributes_that_entries_have(admin_client, review):
    page, fields = review_form(admin_client, review)

    admin_client.post(page, fields | {"attributes": ""})

    assert declared() == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("genre", "'genre' has no type: write it as “genre: string”."),
        ("genre: string\ngenre: integer", "An attribute has two lines."),
        (
            "genre: strng",
            (
                "genre: 'strng' is not one of string, integer, boolean. Did you mean "
                "'string'?"
            ),
        ),
        (
            "pages: string",
            (
                "pages must keep the type integer: entries of the ledger have it. "
                "Declare another attribute instead."
            ),
        ),
    ],
)
def test_attributes_that_cannot_be_declared_are_reported(
    admin_client, review, text, reason
):
    page, fields = review_form(admin_client, review)

    response = admin_client.post(page, fields | {"attributes": text})

    form = response.context["adminform"].form
    assert form.errors == {"attributes": [reason]}
    assert filled_in(response, "activity_form")["attributes"].strip() == text
    assert declared() == {"genre": "string", "pages": "integer"}


def test_a_conflict_in_attributes_is_reported(admin_client, review):
    page, fields = review_form(admin_client, review)
    Activity.objects.filter(pk=review.pk).update(attributes={"pages": "integer"})

    response = admin_client.post(page, fields | {"xp_reward": "70"})
    again = filled_in(response, "activity_form") | {"_save": "1"}
    admin_client.post(page, again)

    assert "Attributes: now \u2068pages: integer\u2069" in response.content.decode()
    assert declared() == {"pages": "integer"}
    assert Activity.objects.get(key="review").xp_reward == 70


def test_a_text_that_cannot_be_read_is_a_change():
    field = ActivityForm.base_fields["attributes"]

    assert field.has_changed({"genre": "string"}, "genre")
    assert not field.has_changed({"genre": "string"}, "genre:string")
