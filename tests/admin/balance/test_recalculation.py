from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.exceptions import StorageError
from gamification.models import Activity, Job, LedgerEntry
from gamification.services import (
    record_activity,
)
from gamification.services.balance import sql
from gamification.staff import (
    ActivityCorrection,
    run_next_step,
)
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

PAGE = reverse("admin:gamification_recalculate")
FORM = "gam-recalculation-form"

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

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
    """Two users who would get 5 XP more than they got."""
    for user in UserFactory.create_batch(2):
        record_activity(user, "walk")
    Activity.objects.filter(key="walk").update(xp_reward=15)


def look(client, **changes):
    return client.post(PAGE, CHOICE | {"_preview": "1"} | changes)


def begin(client, seen, **changes):
    """Press the button below what was ``seen``, with some fields changed."""
    previewed = filled_in(seen, FORM)["previewed"]
    sent = CHOICE | {"_begin": "1", "previewed": previewed} | changes
    return client.post(PAGE, sent)


def errors(response):
    return {name: [*map(str, e)] for name, e in response.context["form"].errors.items()}


def test_the_last_days_are_proposed(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)

    assert (fields["since"], fields["until"]) == ("2026-02-01", "2026-03-02")
    assert "activities" not in fields


def test_an_address_can_propose_activities(admin_client, activity):
    page = admin_client.get(PAGE, {"activity": ["walk", "%00"]})

    assert filled_in(page, FORM)["activities"] == "walk"


def test_activities_are_named_with_what_they_give(admin_client, activity):
    ActivityFactory(key="swim", name="Swim", xp_reward=4, daily_limit=3)

    field = admin_client.get(PAGE).context["form"].fields["activities"]

    names = dict(field.choices)
    assert names["walk"] == "\u2068Walk\u2069: 10 XP"
    assert names["swim"] == "\u2068Swim\u2069: 4 XP, 3 times a day"


def test_a_preview_says_what_it_would_do_and_does_nothing(admin_client, walks):
    before = everything()

    response = look(admin_client)

    preview = response.context["preview"]
    assert (preview.users, preview.activities) == (
        2,
        {"walk": ActivityCorrection(10, 0)},
    )
    assert response.context["corrections"] == [("Walk", "10", "0")]
    assert "Correct the past of 2 users" in response.content.decode()
    assert everything() == before


def test_a_preview_needs_no_note(admin_client, walks):
    assert look(admin_client, note="").context["preview"].users == 2


def test_where_nothing_differs_there_is_nothing_to_begin(admin_client, activity):
    html = look(admin_client).content.decode()

    assert "There is nothing to correct." in html
    assert "_begin" not in html


def test_an_estimate_is_called_one(admin_client, walks, monkeypatch):
    monkeypatch.setattr(sql, "SAMPLE", 1 * 30)

    html = look(admin_client).content.decode()

    assert "Estimated: one of 2 users was looked at." in html


def test_what_was_previewed_is_begun(admin_client, admin_user, walks):
    response = begin(admin_client, look(admin_client))

    job = Job.objects.get()
    address = reverse("admin:gamification_job_progress", args=[job.pk])
    assert response.url == address
    assert (job.kind, job.total, job.actor) == ("recalculation", 2, admin_user)
    assert not LedgerEntry.objects.filter(kind="adjustment").exists()


def test_a_run_that_was_begun_corrects_the_past(admin_client, admin_user, walks):
    begin(admin_client, look(admin_client))

    run_next_step(Job.objects.get().pk, actor=admin_user)

    entries = LedgerEntry.objects.filter(kind="adjustment")
    assert [(e.amount, e.actor, e.note) for e in entries] == [
        (5, admin_user, "It was too little.")
    ] * 2


def test_the_page_of_a_run_says_what_it_re_rates(admin_client, walks):
    address = begin(admin_client, look(admin_client)).url

    page = admin_client.get(address)

    shown = dict(page.context["parameters"])
    assert shown == {
        "Activities": "walk",
        "From": "2026-02-01",
        "To": "2026-03-02",
        "Note": "It was too little.",
    }


def test_who_began_it_is_written_down(admin_client, admin_user, walks):
    begin(admin_client, look(admin_client))

    entry, job = LogEntry.objects.get(), Job.objects.get()
    assert (entry.user, entry.object_repr) == (admin_user, "Walk")
    assert entry.get_change_message() == (
        f"Past recalculated from Feb. 1, 2026 to March 2, 2026: job {job.pk}. "
        "It was too little."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"since": "2026-02-02"},
        {"until": "2026-03-01"},
        {"activities": ["walk", "kpi_completed"]},
        {"previewed": ""},
        {"previewed": "x y"},
    ],
)
def test_what_was_not_previewed_is_shown_first(admin_client, walks, changes):
    response = begin(admin_client, look(admin_client), **changes)

    assert errors(response) == {
        "__all__": ["That is not what you were shown. Look again."]
    }
    assert "preview" in response.context
    assert not Job.objects.exists()


def test_another_look_is_enough(admin_client, walks):
    again = begin(admin_client, look(admin_client), since="2026-02-02")

    begin(admin_client, again, since="2026-02-02")

    assert Job.objects.get().parameters["since"] == "2026-02-02"


def test_an_edit_since_the_preview_is_told(admin_client, walks):
    seen = look(admin_client)
    Activity.objects.filter(key="walk").update(xp_reward=16)

    response = begin(admin_client, seen)

    assert errors(response) == {
        "__all__": ["An activity was edited meanwhile. Look again."]
    }
    assert not Job.objects.exists()


def test_what_keeps_it_from_being_begun_is_told(admin_client, walks, monkeypatch):
    def fail(*args, **kwargs):
        raise StorageError

    monkeypatch.setattr(
        "gamification.admin.balance.recalculation.begin_recalculation", fail
    )

    response = begin(admin_client, look(admin_client))

    assert errors(response) == {"__all__": [str(StorageError())]}


def test_it_is_not_begun_without_saying_why(admin_client, walks):
    response = begin(admin_client, look(admin_client), note=" ")

    assert errors(response) == {"note": ["Say why."]}
    assert not Job.objects.exists()


def test_a_note_that_cannot_be_stored_is_refused(admin_client, walks):
    response = begin(admin_client, look(admin_client), note="a\0b")

    assert [*errors(response)] == ["note"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("activities", [], "This field is required."),
        ("since", "2026-13-40", "Enter a valid date."),
        ("until", "", "This field is required."),
        ("until", "2026-01-01", "The dates do not span 1 to 365 days."),
        ("since", "2025-03-02", "The dates do not span 1 to 365 days."),
    ],
)
def test_what_cannot_be_is_told_at_its_field(
    admin_client, activity, field, value, error
):
    response = look(admin_client, **{field: value})

    at = "until" if "span" in error else field
    assert errors(response) == {at: [error]}


def test_an_activity_that_is_not_there_is_refused(admin_client, activity):
    response = look(admin_client, activities=["swim"])

    assert [*errors(response)] == ["activities"]


def test_years_that_nobody_lived_in_have_nothing(admin_client, walks):
    for year in ("0001", "9999"):
        dates = {"since": f"{year}-01-01", "until": f"{year}-12-31"}
        assert look(admin_client, **dates).context["preview"].users == 0


def test_it_takes_as_many_queries_for_more_of_everything(
    admin_client, django_assert_num_queries
):
    keys = [ActivityFactory().key for _ in range(9)]
    for key in keys:
        record_activity(UserFactory(), key)
    Activity.objects.update(xp_reward=7)

    # Session and user; activities; and four that the preview reads.
    with django_assert_num_queries(7):
        look(admin_client, activities=keys)


def test_a_strict_policy_refuses_nothing(admin_client, walks):
    assert refused_inline(look(admin_client)) == []


def test_names_are_only_ever_text(admin_client):
    ActivityFactory(key="walk", name="<script>alert(1)</script>{{7*7}}")

    html = look(admin_client).content.decode()

    assert "<script>alert" not in html
    assert "{{7*7}}" in html


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_not_adjust_xp_is_refused(client, staff, activity, method):
    wrong = Permission.objects.filter(codename__in=["change_activity", "view_run"])
    staff.user_permissions.set(wrong)
    client.force_login(staff)

    response = getattr(client, method)(PAGE, CHOICE | {"_begin": "1"})

    assert response.status_code == 403


def test_who_may_adjust_xp_finds_the_way(client, staff, walks):
    staff.user_permissions.set(Permission.objects.filter(codename="adjust_xp"))
    client.force_login(staff)

    index = client.get(reverse("admin:app_list", args=["gamification"]))

    assert f'href="{PAGE}"' in index.content.decode()
    assert begin(client, look(client)).status_code == 302
