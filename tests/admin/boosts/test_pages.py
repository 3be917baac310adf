from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from gamification.models import Activity, Boost, UserGamification
from gamification.services import record_activity
from gamification.staff import edit_boost
from tests.admin.browsing import filled_in
from tests.factories import BoostFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:gamification_boost_changelist")
ADD = reverse("admin:gamification_boost_add")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NEW = {
    "key": "launch",
    "name": "Launch weekend",
    "factor": "2",
    "zone": "Europe/Berlin",
    "starts_at": "2026-03-07T00:00",
    "ends_at": "2026-03-09T00:00",
    "is_active": "on",
}


@pytest.fixture(autouse=True)
def noon(activity, no_achievements):
    Activity.objects.filter(key="walk").update(
        attributes={"genre": "string", "pages": "integer", "signed": "boolean"}
    )
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def planned():
    return BoostFactory(
        key="launch", starts_at=NOON + DAY, ends_at=NOON + 2 * DAY, zone="Europe/Berlin"
    )


@pytest.fixture
def running():
    return BoostFactory(key="launch", starts_at=NOON - DAY, ends_at=NOON + DAY)


def page_of(boost, name="change"):
    return reverse(f"admin:gamification_boost_{name}", args=[boost.pk])


def sent(client, boost, **changes):
    fields = filled_in(client.get(page_of(boost)), "boost_form")
    return client.post(page_of(boost), {**fields, **changes})


def errors(response):
    return response.context["adminform"].form.errors


def test_staff_add_a_boost_in_plain_words(admin_client):
    Group.objects.create(name="Club")
    group = Group.objects.get().pk
    lines = "genre in fantasy, horror\r\npages at_least 100\r\nsigned is yes"

    response = admin_client.post(
        ADD, {**NEW, "activities": "walk", "where": lines, "group": group}
    )

    assert response.status_code == 302
    boost = Boost.objects.get()
    # Midnight in Berlin.
    assert boost.starts_at == datetime(2026, 3, 6, 23, tzinfo=UTC)
    assert (boost.factor, boost.activities) == (Decimal("2.00"), ["walk"])
    assert boost.group.name == "Club"
    assert boost.where == [
        ["genre", "in", ["fantasy", "horror"]],
        ["pages", "at_least", 100],
        ["signed", "is", True],
    ]
    assert LogEntry.objects.get().get_change_message() == "Added."


def test_the_form_shows_comparisons_as_lines(admin_client, planned):
    where = [["genre", "in", ["fantasy", "horror"]], ["signed", "is", False]]
    edit_boost("launch", actor=None, expected=None, where=where)

    fields = filled_in(admin_client.get(page_of(planned)), "boost_form")

    assert fields["where"].split("\n") == [
        "genre in fantasy, horror",
        "signed is no",
    ]


def test_on_users_own_clocks_the_times_are_those_of_the_clock(admin_client):
    admin_client.post(ADD, {**NEW, "zone": ""})

    assert Boost.objects.get().starts_at == datetime(2026, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts_at": "2026-03-04T08:00"}, "starts_at"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00"}, "starts_at"),
        ({"ends_at": "3000-01-02T00:00"}, "ends_at"),
        ({"ends_at": "2026-03-06T00:00"}, "__all__"),
        ({"factor": "20"}, "factor"),
        ({"factor": "1"}, "__all__"),
        ({"where": "genre"}, "where"),
        ({"where": "colour is red"}, "where"),
        ({"where": "pages is many"}, "where"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(admin_client, changes, field):
    response = admin_client.post(ADD, {**NEW, **changes})

    assert [*errors(response)] == [field]
    assert not Boost.objects.exists()


def test_a_preview_says_what_the_boost_would_have_given(admin_client, user, running):
    record_activity(user, "walk", quantity=56)

    response = admin_client.post(
        ADD, {**NEW, "key": "new", "ends_at": "2026-03-09T00:00", "_preview": "1"}
    )

    preview = response.context["preview"]
    assert (preview.xp_a_day, preview.extra_a_day) == (20, 20)
    [day] = preview.days
    assert (day.users, day.xp, day.extra) == (1, 560, 560)
    text = response.content.decode()
    assert "Multiplies by 2 the XP of all activities" in text
    assert "Your changes are not saved yet." in text
    assert Boost.objects.count() == 1


def test_a_preview_of_a_change_names_what_holds_at_the_same_time(admin_client, planned):
    BoostFactory(name="Club", starts_at=NOON, ends_at=NOON + 9 * DAY)

    response = sent(admin_client, planned, _preview="1", factor="3")

    assert "All together make × 6.00." in response.content.decode()


def test_the_times_of_a_stored_boost_are_those_of_its_zone(admin_client, planned):
    fields = filled_in(admin_client.get(page_of(planned)), "boost_form")

    assert fields["starts_at"] == "2026-03-05T13:00"


def test_a_boost_for_all_time_has_a_page(admin_client, planned):
    forever = datetime.max.replace(tzinfo=UTC)
    Boost.objects.update(ends_at=forever, zone="Asia/Tokyo")

    fields = filled_in(admin_client.get(page_of(planned)), "boost_form")

    assert fields["ends_at"] == "9999-12-31T23:59"
    assert "12/31/9999" in admin_client.get(LIST).content.decode()


def test_another_zone_keeps_the_times_on_the_clock(admin_client, planned):
    sent(admin_client, planned, zone="UTC")

    planned.refresh_from_db()
    assert planned.starts_at == datetime(2026, 3, 5, 13, tzinfo=UTC)


def test_somebody_elses_edit_is_not_overwritten(admin_client, planned):
    fields = filled_in(admin_client.get(page_of(planned)), "boost_form")
    edit_boost("launch", actor=None, expected=None, where=[["genre", "is", "x"]])

    response = admin_client.post(page_of(planned), {**fields, "name": "Mine"})

    assert "Only records that say: now" in str(errors(response)).translate(
        {0x2068: None, 0x2069: None}
    )
    planned.refresh_from_db()
    assert planned.name == "Launch weekend"


def test_a_running_boost_can_only_be_ended_earlier_or_later(admin_client, running):
    response = admin_client.get(page_of(running))

    visible = {*response.context["adminform"].form.fields} - {"tag"}
    assert visible == {"ends_at"}
    sent(admin_client, running, ends_at="2026-03-08T00:00")
    running.refresh_from_db()
    assert running.ends_at == datetime(2026, 3, 8, tzinfo=UTC)


def test_a_running_boost_can_be_ended_now(admin_client, running):
    asked = admin_client.get(page_of(running, "end"))
    ended = admin_client.post(page_of(running, "end"), follow=True)

    assert "ends at once" in asked.content.decode()
    assert "has ended. Users keep what they earned." in ended.content.decode()
    running.refresh_from_db()
    assert running.ends_at == NOON


def test_a_boost_that_has_not_begun_cannot_be_ended(admin_client, planned):
    response = admin_client.post(page_of(planned, "end"), follow=True)

    assert "The boost ends before it starts." in response.content.decode()


def test_who_may_not_change_boosts_may_not_end_them(client, staff, running):
    staff.user_permissions.add(Permission.objects.get(codename="view_boost"))
    client.force_login(staff)

    assert client.post(page_of(running, "end")).status_code == 403
    unknown = reverse("admin:gamification_boost_end", args=[0])
    assert client.post(unknown).status_code == 403


def test_staff_who_may_only_view_boosts_open_a_planned_one(client, planned):
    staff = UserFactory(is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_boost"))
    client.force_login(staff)

    response = client.get(page_of(planned))

    assert not response.context["has_change_permission"]
    assert "It cannot begin in the past" in response.text


def test_what_is_sent_after_the_end_is_told_so(admin_client, running):
    form = filled_in(admin_client.get(page_of(running)), "boost_form")
    admin_client.post(page_of(running, "end"), follow=True)

    for address, data in ((page_of(running), form), (page_of(running, "end"), {})):
        response = admin_client.post(address, data, follow=True)
        [message] = response.context["messages"]
        assert response.redirect_chain == [(page_of(running), 302)]
        assert str(message) == "“Launch weekend” is over, so nothing was changed."


def test_what_is_sent_after_the_start_changes_nothing(admin_client, planned):
    form = filled_in(admin_client.get(page_of(planned)), "boost_form")
    late = {**form, "factor": "3", "ends_at": "2026-03-08T00:00"}

    with time_machine.travel(NOON + DAY, tick=False):
        response = admin_client.post(page_of(planned), late)

    assert "The boost has begun in the meantime" in errors(response)["__all__"][0]
    planned.refresh_from_db()
    assert (planned.factor, planned.ends_at) == (Decimal(2), NOON + 2 * DAY)


def test_what_is_over_is_read_only(admin_client, running):
    with time_machine.travel(NOON + 9 * DAY, tick=False):
        response = admin_client.get(page_of(running))

    assert not response.context["has_change_permission"]
    assert (
        "The boost is over and can no longer be changed." in response.content.decode()
    )


def test_staff_read_that_a_boost_has_to_be_switched_on_before_it_starts(
    admin_client, planned
):
    edit_boost("launch", actor=None, expected=None, is_active=False)
    texts = {}
    for state, now in (("planned", NOON), ("over", NOON + DAY)):
        with time_machine.travel(now, tick=False):
            texts[state] = admin_client.get(page_of(planned)).text
            assert f"{state}, switched off" in admin_client.get(LIST).text

    assert "Switch it on before it starts" in texts["planned"]
    assert "so it is over and cannot be switched on again" in texts["over"]


def test_the_list_says_what_holds_when_and_for_whom(admin_client, running):
    BoostFactory(
        name="Club",
        key="club",
        zone="",
        where=[["genre", "is", "x"], ["signed", "is", True]],
        activities=["walk"],
        group=Group.objects.create(name="Fans"),
        is_active=False,
    )

    text = admin_client.get(LIST).content.decode()

    for part in ("× 2", "running", "switched off", "everything, everybody"):
        assert part in text
    assert "walk · genre is x; signed is yes · Fans" in text
    assert "each user’s own" in text


@pytest.mark.parametrize(
    ("state", "names"),
    [("planned", ["Next"]), ("running", ["Now"]), ("over", ["Past"]), ("odd", None)],
)
def test_the_list_can_be_filtered_by_state(admin_client, state, names):
    BoostFactory(name="Next", starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    BoostFactory(name="Now", starts_at=NOON - DAY, ends_at=NOON + DAY)
    BoostFactory(name="Past", starts_at=NOON - 2 * DAY, ends_at=NOON - DAY)

    rows = admin_client.get(LIST, {"state": state}).context["cl"].result_list

    assert [row.name for row in rows] == (names or ["Next", "Now", "Past"])


def test_a_boost_that_the_ledger_names_cannot_be_deleted(admin_client, user, running):
    record_activity(user, "walk")
    chosen = {"action": "delete_selected", "_selected_action": [running.pk], "post": 1}

    assert admin_client.post(page_of(running, "delete")).status_code == 403
    admin_client.post(LIST, chosen)
    assert Boost.objects.exists()


def test_unused_boosts_can_be_deleted(admin_client, planned):
    other = BoostFactory(starts_at=NOON + DAY, ends_at=NOON + 2 * DAY)
    chosen = {"action": "delete_selected", "_selected_action": [other.pk], "post": 1}

    admin_client.post(LIST, chosen)
    admin_client.post(page_of(planned, "delete"), {"post": "yes"})

    assert not Boost.objects.exists()


def test_the_last_edit_can_be_undone(admin_client, planned):
    sent(admin_client, planned, factor="3", ends_at="2026-03-07T13:00")
    history = admin_client.get(page_of(planned, "history"))
    edit = history.context["edit"]
    assert "Factor: 3.00 → 2.00" in history.context["undoing"]

    undo = reverse("admin:gamification_boost_undo", args=[planned.pk, edit.entry.pk])
    admin_client.post(undo)

    planned.refresh_from_db()
    assert (planned.factor, planned.ends_at) == (Decimal("2.00"), NOON + 2 * DAY)


def test_an_edit_that_came_too_late_to_undo_has_no_button(admin_client, planned):
    sent(admin_client, planned, is_active="")

    with time_machine.travel(NOON + DAY, tick=False):
        history = admin_client.get(page_of(planned, "history")).text

    assert "/undo/" not in history
    reason = "Active: no → yes. The boost is over and can no longer be changed."
    assert f"The last change can no longer be undone: {reason}" in history


def test_the_ledger_of_a_user_says_where_xp_comes_from(admin_client, user, running):
    record_activity(user, "walk")

    row = UserGamification.objects.get(user=user)
    page = reverse("admin:gamification_usergamification_change", args=[row.pk])
    assert "(10 × 2, Launch weekend)" in admin_client.get(page).content.decode()
