from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.admin.balance import tuning
from gamification.admin.balance.charts import economy_charts
from gamification.models import Achievement, Activity
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
)
from gamification.staff import edit_activity
from gamification.values import BalanceReport, XPSource
from tests.admin.browsing import filled_in, refused_inline
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

PAGE = reverse("admin:gamification_tuning")
FORM = "gam-tuning-form"

HEADLINE = (
    "Somebody else changed “{}” in the meantime. Nothing has been saved: check the "
    "values, then try again."
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
YESTERDAY = NOON - timedelta(days=1)

REWARD = "activity-walk-xp_reward"
LIMIT = "activity-walk-daily_limit"
COOLDOWN = "activity-walk-cooldown"
MEDAL = "achievement-medal-xp_reward"


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", name="Medal", xp_reward=50)


@pytest.fixture
def somebody(client, staff):
    """Return a function that signs in staff with some permissions."""

    def let_in(*codenames):
        staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(staff)
        return client

    return let_in


def send(client, button, *, address=PAGE, **changes):
    """Open the page, change some fields, and press a button."""
    fields = filled_in(client.get(address), FORM)
    return client.post(address, fields | {button: "1"} | changes)


def simulate(client, **changes):
    return send(client, "_simulate", **changes)


def save(client, **changes):
    return send(client, "_save", **changes)


def errors(response):
    """Return the errors without the marks that isolate names."""
    errors = response.context["form"].non_field_errors()
    return [error.replace("\u2068", "").replace("\u2069", "") for error in errors]


def messages_of(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def sources(response):
    return [
        (source.name, source.was, source.today, source.proposed, source.difference)
        for source in response.context["sources"]
    ]


def chart(response, name):
    charts = [*response.context["charts"], response.context.get("levels")]
    return next(each for each in charts if each and each.id == name)


def shown_rows(response):
    return {
        str(row.item): (row.earned, [cell.text for cell in row.cells])
        for _, rows in response.context["sections"]
        for row in rows
    }


# --- The page


def test_every_definition_is_listed_with_its_numbers_and_earnings(
    admin_client, user, activity, medal
):
    record_activity(user, "walk", quantity=2)
    award_achievement(user, "medal")

    rows = shown_rows(admin_client.get(PAGE))

    assert rows["Walk"] == ("20 XP", ["10", "–", "–"])
    assert rows["Medal"] == ("1 unlock", ["50"])
    assert {"KPI completed", "Vision created"} < {*rows}


def test_a_chart_shows_xp_by_day_and_source(admin_client, user, activity):
    record_activity(user, "walk", occurred_at=YESTERDAY)
    record_activity(user, "walk", quantity=2)
    adjust_xp(user, amount=7, note="A present.")

    drawn = chart(admin_client.get(PAGE, {"days": "7"}), "gam-xp")

    assert drawn.labels[-2:] == ["1 Mar", "2 Mar"]
    assert drawn.series == {
        "Walk": [0, 0, 0, 0, 0, 10, 20],
        "Adjustment": [0, 0, 0, 0, 0, 0, 7],
    }
    assert drawn.is_stacked


def test_a_year_is_shown_by_weeks(admin_client, user, activity):
    for days in (0, 6, 7, 364):
        at = NOON - timedelta(days=days)
        record_activity(user, "walk", occurred_at=at, historical=True)

    drawn = chart(admin_client.get(PAGE, {"days": "365"}), "gam-xp")

    assert (drawn.title, len(drawn.labels)) == ("XP per week", 53)
    # The first week has but one day.
    assert drawn.labels[:2] == ["3 Mar", "4 Mar"]
    assert drawn.series == {"Walk": [10, *[0] * 50, 10, 20]}


def test_small_sources_are_added_up():
    day = NOON.date()
    xp = {XPSource("activity", pk): pk for pk in range(1, 12)}
    names = {pk: f"Activity {pk}" for pk in range(1, 12)}
    report = BalanceReport(day, day, {day: xp}, {}, {}, {}, 0, NOON)

    drawn = next(economy_charts(report, names))

    assert next(iter(drawn.series)) == "Activity 11"
    assert (len(drawn.series), drawn.series["Others"]) == (8, [1 + 2 + 3 + 4])


def test_charts_show_users_and_days_by_level(admin_client, activity):
    for days in (1, 3):
        user, at = UserFactory(), NOON - timedelta(days=days)
        record_activity(user, "walk", occurred_at=at, historical=True)
        record_activity(user, "walk", quantity=5)

    response = admin_client.get(PAGE)

    assert chart(response, "gam-levels").series == {"Users": [2]}
    assert chart(response, "gam-days-to-level").series == {"Days": [2.0]}


def test_achievements_are_listed_by_number_of_holders(admin_client, medal):
    AchievementFactory(key="gold", name="Gold")
    for _ in range(2):
        award_achievement(UserFactory(), "medal")
    award_achievement(UserFactory(), "gold")

    drawn = admin_client.get(PAGE).context["holders"]

    shown = [(str(e.achievement), e.holders, e.new_holders, e.length) for e in drawn]
    assert shown == [("Medal", "2", "2", 100), ("Gold", "1", "1", 50)]


@pytest.mark.parametrize("days", ["", "%00", "0", "31", "9" * 5_000])
def test_an_invalid_period_is_replaced_by_the_default(admin_client, days):
    response = admin_client.get(PAGE, {"days": days})

    assert response.context["days"] == 30


def test_the_number_of_queries_is_constant(admin_client, django_assert_num_queries):
    for _ in range(9):
        activity = ActivityFactory()
        record_activity(UserFactory(), activity.key)
        award_achievement(UserFactory(), AchievementFactory().key)
    page = admin_client.get(PAGE)
    fields = filled_in(page, FORM) | {f"activity-{activity.key}-xp_reward": "11"}

    # Session and staff member, both lists, the levels, and six of the report, whose
    # cached numbers belong to one schema.
    with django_assert_num_queries(11 + IS_POSTGRESQL):
        admin_client.get(PAGE)
    # Four more of the simulation, and those that play its users.
    with django_assert_num_queries(23 if IS_POSTGRESQL else 25):
        admin_client.post(PAGE, fields | {"_simulate": "1"})


def test_the_page_works_under_a_strict_content_security_policy(
    admin_client, user, activity, medal
):
    record_activity(user, "walk")

    assert refused_inline(simulate(admin_client, **{REWARD: "15"})) == []


def test_names_are_escaped(admin_client, user):
    name = '<script>alert(1)</script>{{7*7}}" autofocus x="'
    ActivityFactory(key="walk", name=name)
    AchievementFactory(key="medal", name=name, icon="<b>")
    record_activity(user, "walk")

    response = simulate(admin_client, **{REWARD: "15", MEDAL: "15"})

    html = response.content.decode()
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "{{7*7}}" in html
    assert '" autofocus' not in html


# --- Simulating


def test_a_simulation_saves_nothing(admin_client, user, activity, medal):
    record_activity(user, "walk", quantity=4)
    award_achievement(user, "medal")
    before = everything()

    response = simulate(admin_client, **{REWARD: "15", LIMIT: "3", MEDAL: "5"})

    assert sources(response) == [
        ("Walk", "40", "40", "45", "+5"),
        ("Medal", "50", "50", "5", "−45"),
        ("All XP", "90", "90", "50", "−40"),
    ]
    assert chart(response, "gam-forecast").series == {
        "As it was": [1],
        "With today's numbers": [1],
        "With these numbers": [1],
    }
    assert everything() == before


def test_the_simulation_counts_users_whose_level_changes(admin_client, activity):
    record_activity(UserFactory(), "walk", quantity=4)
    record_activity(UserFactory(), "walk", quantity=4)

    result = simulate(admin_client, **{REWARD: "15"}).context["result"]

    assert (result.raised.value, result.lowered.value) == (2, 0)


def test_simulated_numbers_stay_in_their_fields(admin_client, activity):
    response = simulate(admin_client, **{REWARD: "15", LIMIT: "3"})

    fields = filled_in(response, FORM)
    assert (fields[REWARD], fields[LIMIT]) == ("15", "3")


def test_a_limit_can_be_removed_in_a_simulation(admin_client, user):
    ActivityFactory(key="walk", name="Walk", daily_limit=2)
    record_activity(user, "walk", quantity=5)

    response = simulate(admin_client, **{LIMIT: ""})

    assert sources(response)[0] == ("Walk", "20", "20", "50", "+30")


def test_a_reward_of_0_can_be_simulated(admin_client, user, activity):
    record_activity(user, "walk")

    response = simulate(admin_client, **{REWARD: "0"})

    assert sources(response)[0] == ("Walk", "10", "10", "0", "−10")


def test_a_cooldown_can_be_simulated(admin_client, user, activity):
    for _ in range(3):
        record_activity(user, "walk")

    response = simulate(admin_client, **{COOLDOWN: "60"})

    assert sources(response)[0] == ("Walk", "30", "30", "10", "−20")


def test_simulated_levels_are_taken_to_the_page_of_levels(admin_client, user, activity):
    record_activity(user, "walk", quantity=3)

    response = simulate(admin_client, thresholds="0, 10,20\n30")

    assert response.context["result"].raised.value == 1
    assert "level/?thresholds=0,10,20,30" in response.content.decode()


def test_unchanged_levels_lead_nowhere(admin_client, activity):
    response = simulate(admin_client, **{REWARD: "15"})

    assert "?thresholds=" not in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        (REWARD, "", "This field is required."),
        (REWARD, "-1", "Ensure this value is greater than or equal to 0."),
        (REWARD, "1000001", "Ensure this value is less than or equal to 1000000."),
        (REWARD, "9" * 5_000, "Enter a whole number."),
        (REWARD, "1.5", "Enter a whole number."),
        (LIMIT, "0", "Ensure this value is greater than or equal to 1."),
        (COOLDOWN, "0", "Ensure this value is greater than or equal to 1."),
        (MEDAL, "x", "Enter a whole number."),
        ("thresholds", "", "This field is required."),
        ("thresholds", "0, x", "Enter whole numbers, separated by commas."),
        ("thresholds", "0, -5", "Enter whole numbers, separated by commas."),
        ("thresholds", "0, " + "9" * 16, "Enter whole numbers, separated by commas."),
        ("thresholds", "5, 10", "Start with 0, then enter increasing numbers."),
        ("thresholds", "0, 10, 10", "Start with 0, then enter increasing numbers."),
        ("thresholds", "0 " + "1 " * 500, "Enter at most 500 levels."),
        ("shown", "", "This field is required."),
    ],
)
@pytest.mark.parametrize("button", ["_simulate", "_save"])
def test_invalid_values_are_reported_at_their_fields(
    admin_client, activity, medal, button, field, value, error
):
    before = everything()

    response = send(admin_client, button, **{field: value})

    assert response.context["form"].errors[field] == [error]
    assert error in response.content.decode()
    assert everything() == before


@pytest.mark.parametrize(
    "shown", ["x", "=", "activity-walk=", "activity-walk=a,b,c,d,e,f", "\0", "=,=,= ,"]
)
def test_a_manipulated_form_saves_nothing(admin_client, activity, shown):
    before = everything()

    response = save(admin_client, shown=shown, **{REWARD: "15"})

    assert response.status_code in {200, 302}
    assert everything() == before


# --- Saving


def test_several_numbers_are_saved_together(admin_client, activity, medal):
    response = save(
        admin_client, **{REWARD: "15", LIMIT: "3", COOLDOWN: "60", MEDAL: "70"}
    )

    walk = Activity.objects.get(key="walk")
    assert (walk.xp_reward, walk.daily_limit, walk.cooldown) == (15, 3, 60)
    assert Achievement.objects.get().xp_reward == 70
    assert response.url == f"{PAGE}?days=30"


def test_saving_keeps_the_period(admin_client, activity):
    response = save(admin_client, address=f"{PAGE}?days=90", **{REWARD: "15"})

    assert response.url == f"{PAGE}?days=90"


def test_edits_are_logged(admin_client, admin_user, activity, medal):
    save(admin_client, **{REWARD: "15", LIMIT: "3", MEDAL: "70"})

    assert [
        (entry.user, entry.object_repr, entry.get_change_message())
        for entry in LogEntry.objects.order_by("pk")
    ] == [
        (admin_user, "Walk", "Changed XP reward: 10 → 15; Daily limit: – → 3."),
        (admin_user, "Medal", "Changed XP reward: 50 → 70."),
    ]


def test_nothing_to_save_is_messages_of(admin_client, activity):
    response = save(admin_client)

    assert messages_of(response) == ["There was nothing to save."]
    assert not LogEntry.objects.exists()


def test_levels_are_not_saved_and_that_is_messages_of(admin_client, activity):
    response = save(admin_client, thresholds="0, 10", **{REWARD: "15"})

    assert messages_of(response) == [
        "Saved: \u2068Walk\u2069. The new numbers apply from now on.",
        "The level thresholds were not saved: the page “Levels” changes them.",
    ]


def test_a_conflict_shows_both_values(admin_client, activity, medal):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, xp_reward=20, daily_limit=5)
    before = everything()
    mine = fields | {REWARD: "15", MEDAL: "70", "_save": "1"}

    response = admin_client.post(PAGE, mine)

    assert errors(response) == [
        HEADLINE.format("Walk"),
        "XP reward: now 20; you entered 15.",
        "Daily limit: now 5; your form has been updated.",
    ]
    assert everything() == before


def test_the_form_can_be_saved_again_after_a_conflict(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, xp_reward=20, daily_limit=5)
    refused = admin_client.post(PAGE, fields | {REWARD: "15", "_save": "1"})

    admin_client.post(PAGE, filled_in(refused, FORM) | {"_save": "1"})

    walk = Activity.objects.get(key="walk")
    assert (walk.xp_reward, walk.daily_limit) == (15, 5)


def test_what_is_sent_twice_is_no_conflict(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    mine = fields | {REWARD: "15", LIMIT: "3", "_save": "1"}
    admin_client.post(PAGE, mine)

    response = admin_client.post(PAGE, mine)

    assert messages_of(response)[1:] == ["There was nothing to save."]
    assert LogEntry.objects.count() == 1


def test_edits_by_others_of_other_rows_are_kept(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, xp_reward=20)
    mine = fields | {"activity-kpi_completed-xp_reward": "11", "_save": "1"}

    response = admin_client.post(PAGE, mine)

    assert response.status_code == 302
    assert Activity.objects.get(key="walk").xp_reward == 20


def test_what_somebody_else_changed_besides_the_numbers_is_messages_of(
    admin_client, activity
):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, name="Stroll")

    response = admin_client.post(PAGE, fields | {REWARD: "15", "_save": "1"})

    assert errors(response) == [HEADLINE.format("Stroll")]


def test_concurrently_added_activities_are_shown_without_fields(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    ActivityFactory(key="swim", name="Swim")

    response = admin_client.post(PAGE, fields | {REWARD: "15", "_simulate": "1"})

    assert shown_rows(response)["Swim"] == ("0 XP", ["10", "–", "–"])
    assert "activity-swim-xp_reward" not in filled_in(response, FORM)


def test_what_was_deleted_meanwhile_is_messages_of(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    activity.delete()

    response = admin_client.post(PAGE, fields | {REWARD: "15", "_save": "1"})

    assert errors(response) == ["“walk” no longer exists."]


# --- Permissions


VIEW = ("view_activity", "view_achievement")


def test_viewers_see_no_form(somebody, activity, medal):
    response = somebody(*VIEW).get(PAGE)

    html = response.content.decode()
    assert "Walk" in html
    assert "Medal" in html
    assert FORM not in html
    assert not re.search(r'<input[^>]+name="activity', html)


@pytest.mark.parametrize("button", ["_simulate", "_save"])
def test_viewers_can_send_nothing(somebody, activity, button):
    response = somebody(*VIEW).post(PAGE, {REWARD: "15", button: "1"})

    assert response.status_code == 403


def test_fields_are_shown_only_for_editable_models(somebody, activity, medal):
    client = somebody("change_activity", "view_achievement")

    fields = filled_in(client.get(PAGE), FORM)

    assert REWARD in fields
    assert MEDAL not in fields


def test_numbers_without_the_change_permission_are_not_saved(somebody, activity, medal):
    client = somebody("change_activity", "view_achievement")

    save(client, **{REWARD: "15", MEDAL: "70"})

    assert Activity.objects.get(key="walk").xp_reward == 15
    assert Achievement.objects.get().xp_reward == 50


def test_models_that_the_user_may_not_view_are_not_named(
    somebody, user, activity, medal
):
    record_activity(user, "walk")

    response = somebody("view_achievement").get(PAGE)

    assert "Walk" not in response.content.decode()
    assert chart(response, "gam-xp").series == {"Activities": [*[0] * 29, 10]}


def test_users_without_view_permissions_are_refused(somebody):
    assert somebody("view_ledgerentry").get(PAGE).status_code == 403


def test_anonymous_users_are_sent_to_the_login_page(client, activity):
    response = client.get(PAGE)

    assert response.url.startswith(reverse("admin:login"))


# --- Links


@pytest.mark.parametrize("model", ["activity", "achievement"])
def test_the_lists_link_to_it(admin_client, model):
    page = admin_client.get(reverse(f"admin:gamification_{model}_changelist"))

    assert f'href="{PAGE}"' in page.content.decode()


def test_the_app_index_links_to_it(admin_client):
    page = admin_client.get(reverse("admin:app_list", args=["gamification"]))

    assert f'href="{PAGE}"' in page.content.decode()


def test_the_app_index_hides_the_link_without_permission(somebody):
    client = somebody("view_ledgerentry")

    page = client.get(reverse("admin:app_list", args=["gamification"]))

    assert PAGE not in page.content.decode()


def test_changed_numbers_are_marked_with_those_of_today(admin_client, activity):
    html = simulate(admin_client, **{REWARD: "15", LIMIT: "3"}).content.decode()

    assert html.count('<td class="gam-changed">') == 2
    assert "<small>today: 10</small>" in html
    assert "<small>today: –</small>" in html


def test_an_unchanged_page_marks_nothing(admin_client, activity):
    assert "gam-changed" not in admin_client.get(PAGE).content.decode()


def test_the_result_takes_the_focus(admin_client, activity):
    html = simulate(admin_client, **{REWARD: "15"}).content.decode()

    assert '<section autofocus tabindex="-1" class="module gam-result"' in html


def test_what_follows_has_rows_of_its_own(admin_client, user, activity):
    record_activity(user, "walk", quantity=4)
    AchievementFactory(key="rich", name="Rich", criterion="level", threshold=2)

    response = simulate(admin_client, **{REWARD: "15"})

    assert sources(response)[1:] == [
        ("Further achievements", "0", "0", "50", "+50"),
        ("All XP", "40", "40", "110", "+70"),
    ]
    [row] = response.context["unlocks"]
    assert (row.name, row.was, row.today, row.proposed, row.difference) == (
        *("Rich", "–", "0", "1", "+1"),
    )


# --- Very many definitions


@pytest.fixture
def many(db):
    """As many definitions as some sites have."""
    Activity.objects.all().delete()
    Activity.objects.bulk_create(
        Activity(key=f"walk-{n}", name=f"Walk {n:04}") for n in range(1_500)
    )
    Achievement.objects.bulk_create(
        Achievement(key=f"medal-{n}", name=f"Medal {n:04}", criterion="manual")
        for n in range(1_500)
    )


@pytest.mark.parametrize("number", [1, 12])
def test_a_page_of_very_many_definitions_can_be_sent(admin_client, many, number):
    address = f"{PAGE}?days=30&p={number}"
    fields = filled_in(admin_client.get(address), FORM)
    name = next(name for name in fields if name.endswith("-xp_reward"))

    response = admin_client.post(address, fields | {"_save": "1", name: "77"})

    assert len(fields) < 1_000
    assert response.status_code == 302
    kind, key = name.removesuffix("-xp_reward").split("-", 1)
    model = {"activity": Activity, "achievement": Achievement}[kind]
    assert model.objects.get(xp_reward=77).key == key


def test_the_pages_have_every_number_once(admin_client, monkeypatch, activity, medal):
    monkeypatch.setattr(tuning, "PAGE_SIZE", 2)
    count = Activity.objects.count() + 1

    forms = [
        filled_in(admin_client.get(f"{PAGE}?p={page}"), FORM)
        for page in range(1, count // 2 + count % 2 + 1)
    ]

    names = [name for form in forms for name in form if "-" in name]
    assert len(names) == len({*names}) == 3 * (count - 1) + 1


def test_what_others_moved_to_another_page_is_saved(admin_client, monkeypatch):
    monkeypatch.setattr(tuning, "PAGE_SIZE", 1)
    Activity.objects.all().delete()
    ActivityFactory(key="walk", name="Walk")
    fields = filled_in(admin_client.get(PAGE), FORM)
    ActivityFactory(key="bike", name="Bike")

    response = admin_client.post(PAGE, fields | {"_simulate": "1", REWARD: 20})

    assert [*shown_rows(response)] == ["Bike", "Walk"]
    assert response.context["form"].cleaned_data[REWARD] == 20
