from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.exceptions import StorageError
from gamification.models import Activity, Job, LedgerEntry
from gamification.services import record_activity
from gamification.services.balance import sql
from gamification.staff import run_next_step
from gamification.values import ActivityCorrection
from tests.admin.browsing import filled_in, refused_inline
from tests.conftest import IS_POSTGRESQL
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

PAGE = reverse("admin:gamification_recalculate")
FORM = "gam-recalculation-form"

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

#: The error for dates that are too far apart, or in the wrong order.
SPAN = "The dates do not span 1 to 365 days."

CHOICE = {
    "activities": ["walk"],
    "since": "2026-02-01",
    "until": "2026-03-02",
    "note": "It was too little.",
}


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def walks(activity):
    """Two users who earned 5 XP less than they would today."""
    for user in UserFactory.create_batch(2):
        record_activity(user, "walk")
    Activity.objects.filter(key="walk").update(xp_reward=15)


def preview(client, **changes):
    return client.post(PAGE, CHOICE | {"_preview": "1"} | changes)


def begin(client, seen, **changes):
    """Confirm the preview ``seen``, with some fields changed."""
    tag = filled_in(seen, FORM)["tag"]
    sent = CHOICE | {"_begin": "1", "tag": tag} | changes
    return client.post(PAGE, sent)


def errors(response):
    return {name: [*map(str, e)] for name, e in response.context["form"].errors.items()}


def test_what_is_sent_twice_begins_and_is_logged_once(admin_client, walks):
    seen = preview(admin_client)

    first, second = (begin(admin_client, seen, note="A fault.") for _ in range(2))

    assert first.url == second.url
    assert (Job.objects.count(), LogEntry.objects.count()) == (1, 1)


def test_the_form_suggests_the_last_30_days(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)

    assert (fields["since"], fields["until"]) == ("2026-02-01", "2026-03-02")
    assert "activities" not in fields


def test_an_address_can_preselect_activities(admin_client, activity):
    page = admin_client.get(PAGE, {"activity": ["walk", "%00"]})

    assert filled_in(page, FORM)["activities"] == "walk"


def test_activities_are_labelled_with_xp_and_limit(admin_client, activity):
    ActivityFactory(key="swim", name="Swim", xp_reward=4, daily_limit=3)

    field = admin_client.get(PAGE).context["form"].fields["activities"]

    names = dict(field.choices)
    assert names["walk"] == "\u2068Walk\u2069: 10 XP"
    assert names["swim"] == "\u2068Swim\u2069: 4 XP, up to 3 times a day"


def test_a_preview_shows_the_effect_and_changes_nothing(admin_client, walks):
    before = everything()

    response = preview(admin_client)

    effect = response.context["preview"]
    assert (effect.users, effect.activities) == (
        2,
        {"walk": ActivityCorrection(10, 0)},
    )
    assert response.context["corrections"] == [("Walk", "10", "0")]
    assert "Recalculate 2 users" in response.content.decode()
    assert everything() == before


def test_a_preview_needs_no_note(admin_client, walks):
    assert preview(admin_client, note="").context["preview"].users == 2


def test_nothing_can_be_begun_without_differences(admin_client, activity):
    html = preview(admin_client).content.decode()

    assert "There is nothing to correct." in html
    assert "_begin" not in html


def test_an_estimate_is_labelled(admin_client, walks, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 1 * 30)

    html = preview(admin_client).content.decode()

    assert "Worked out from a random sample of 1 of 2 users." in html


def test_a_previewed_recalculation_begins(admin_client, admin_user, walks):
    response = begin(admin_client, preview(admin_client))

    job = Job.objects.get()
    address = reverse("admin:gamification_job_progress", args=[job.pk])
    assert response.url == address
    assert (job.kind, job.total, job.actor) == ("recalculation", 2, admin_user)
    assert not LedgerEntry.objects.filter(kind="correction").exists()


def test_the_job_corrects_past_entries(admin_client, admin_user, walks):
    begin(admin_client, preview(admin_client))

    run_next_step(Job.objects.get().pk, actor=admin_user)

    entries = LedgerEntry.objects.filter(kind="correction")
    assert [(e.amount, e.actor, e.note) for e in entries] == [
        (5, admin_user, "It was too little.")
    ] * 2


def test_the_page_of_a_job_shows_its_parameters(admin_client, walks):
    address = begin(admin_client, preview(admin_client)).url

    page = admin_client.get(address)

    shown = dict(page.context["parameters"])
    assert shown == {
        "Activities": "walk",
        "From": "2026-02-01",
        "To": "2026-03-02",
        "Note for the user": "It was too little.",
    }


def test_a_recalculation_is_logged(admin_client, admin_user, walks):
    begin(admin_client, preview(admin_client))

    entry, job = LogEntry.objects.get(), Job.objects.get()
    assert (entry.user, entry.object_repr) == (admin_user, "Walk")
    assert entry.get_change_message() == (
        f"XP recalculated from Feb. 1, 2026 to March 2, 2026: job {job.pk}. "
        "It was too little."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"since": "2026-02-02"},
        {"until": "2026-03-01"},
        {"activities": ["walk", "kpi_completed"]},
        {"tag": ""},
        {"tag": "x y"},
    ],
)
def test_a_changed_selection_must_be_previewed_again(admin_client, walks, changes):
    response = begin(admin_client, preview(admin_client), **changes)

    assert errors(response) == {
        "__all__": ["The selection has changed. Check the new preview."]
    }
    assert "preview" in response.context
    assert not Job.objects.exists()


def test_a_recalculation_begins_after_another_preview(admin_client, walks):
    again = begin(admin_client, preview(admin_client), since="2026-02-02")

    begin(admin_client, again, since="2026-02-02")

    assert Job.objects.get().parameters["since"] == "2026-02-02"


def test_an_edit_since_the_preview_is_a_conflict(admin_client, walks):
    seen = preview(admin_client)
    Activity.objects.filter(key="walk").update(xp_reward=16)

    response = begin(admin_client, seen)

    [error] = errors(response)["__all__"]
    assert error.startswith("Somebody else changed an activity in the meantime.")
    assert not Job.objects.exists()


def test_a_refusal_of_the_service_is_reported(admin_client, walks, monkeypatch):
    def fail(*args, **kwargs):
        raise StorageError

    monkeypatch.setattr(
        "gamification.admin.balance.recalculation.begin_recalculation", fail
    )

    response = begin(admin_client, preview(admin_client))

    assert errors(response) == {"__all__": [str(StorageError())]}


def test_a_recalculation_needs_a_note(admin_client, walks):
    response = begin(admin_client, preview(admin_client), note=" ")

    assert errors(response) == {
        "note": ["Enter the reason, for the user or for staff."]
    }
    assert not Job.objects.exists()


def test_a_note_that_cannot_be_stored_is_refused(admin_client, walks):
    response = begin(admin_client, preview(admin_client), note="a\0b")

    assert [*errors(response)] == ["note"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("activities", [], "This field is required."),
        ("since", "2026-13-40", "Enter a valid date."),
        ("until", "", "This field is required."),
        ("until", "2026-01-01", SPAN),
        ("since", "2025-03-02", SPAN),
    ],
)
def test_invalid_values_are_reported_at_their_fields(
    admin_client, activity, field, value, error
):
    response = preview(admin_client, **{field: value})

    at = "until" if error == SPAN else field
    assert errors(response) == {at: [error]}


def test_an_unknown_activity_is_refused(admin_client, activity):
    response = preview(admin_client, activities=["swim"])

    assert [*errors(response)] == ["activities"]


def test_dates_without_entries_have_nothing_to_correct(admin_client, walks):
    for year in ("0001", "9999"):
        dates = {"since": f"{year}-01-01", "until": f"{year}-12-31"}
        assert preview(admin_client, **dates).context["preview"].users == 0


def test_the_number_of_queries_is_constant(admin_client, django_assert_num_queries):
    keys = [ActivityFactory().key for _ in range(9)]
    for key in keys:
        record_activity(UserFactory(), key)
    Activity.objects.update(xp_reward=7)

    # Session and staff member, activities, and ten of the preview; PostgreSQL reads
    # a user's state in one query.
    with django_assert_num_queries(11 if IS_POSTGRESQL else 12):
        preview(admin_client, activities=keys)


def test_the_page_works_under_a_strict_content_security_policy(admin_client, walks):
    assert refused_inline(preview(admin_client)) == []


def test_names_are_escaped(admin_client):
    ActivityFactory(key="walk", name="<script>alert(1)</script>{{7*7}}")

    html = preview(admin_client).content.decode()

    assert "<script>alert" not in html
    assert "{{7*7}}" in html


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_recalculation_needs_the_permission_to_adjust_xp(
    client, staff, activity, method
):
    wrong = Permission.objects.filter(codename__in=["change_activity", "view_job"])
    staff.user_permissions.set(wrong)
    client.force_login(staff)

    response = getattr(client, method)(PAGE, CHOICE | {"_begin": "1"})

    assert response.status_code == 403


def test_the_index_links_to_it_with_the_permission_to_adjust_xp(client, staff, walks):
    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["adjust_xp", "run_job"])
    )
    client.force_login(staff)

    index = client.get(reverse("admin:app_list", args=["gamification"]))

    assert f'href="{PAGE}"' in index.content.decode()
    assert begin(client, preview(client)).status_code == 302


def test_the_page_links_only_to_what_staff_may_open(client, staff, walks):
    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["adjust_xp", "run_job"])
    )
    client.force_login(staff)

    links = re.findall(r'href="(/admin/[^"]*)"', client.get(PAGE).text)

    assert reverse("admin:app_list", args=["gamification"]) in links
    assert not [link for link in links if "/gamification/activity/" in link]
