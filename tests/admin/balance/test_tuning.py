from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.admin.balance.charts import economy_charts
from gamification.models import Achievement, Activity
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
)
from gamification.services.balance.report import XPSource
from gamification.staff import (
    BalanceReport,
    edit_activity,
)
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

PAGE = reverse("admin:gamification_tuning")
FORM = "gam-tuning-form"

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
    """Return how to let staff in who may do some things."""

    def let_in(*codenames):
        staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(staff)
        return client

    return let_in


def send(client, button, *, address=PAGE, **changes):
    """Open the page, change what is named, and press a button."""
    fields = filled_in(client.get(address), FORM)
    return client.post(address, fields | {button: "1"} | changes)


def try_out(client, **changes):
    return send(client, "_try", **changes)


def save(client, **changes):
    return send(client, "_save", **changes)


def errors(response):
    return [str(error) for error in response.context["form"].non_field_errors()]


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def lines(response):
    return [
        (line.name, line.before, line.after, line.difference)
        for line in response.context["lines"]
    ]


def chart(response, name):
    charts = [*response.context["charts"], response.context.get("levels")]
    return next(each for each in charts if each and each.id == name)


def shown_rows(response):
    return {
        str(row.item): (row.gave, [cell.text for cell in row.cells])
        for _, rows in response.context["sections"]
        for row in rows
    }


# What is shown


def test_every_activity_and_achievement_is_there_with_what_it_gave(
    admin_client, user, activity, medal
):
    record_activity(user, "walk", quantity=2)
    award_achievement(user, "medal")

    rows = shown_rows(admin_client.get(PAGE))

    assert rows["Walk"] == ("20 XP", ["10", "–", "–"])
    assert rows["Medal"] == ("1 unlocks", ["50"])
    assert {"KPI completed", "Vision created"} < {*rows}


def test_xp_is_drawn_by_day_and_source(admin_client, user, activity):
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


def test_a_year_is_drawn_by_weeks_that_end_today(admin_client, user, activity):
    for days in (0, 6, 7, 364):
        at = NOON - timedelta(days=days)
        record_activity(user, "walk", occurred_at=at, historical=True)

    drawn = chart(admin_client.get(PAGE, {"days": "365"}), "gam-xp")

    assert (drawn.title, len(drawn.labels)) == ("XP per week", 53)
    # The first week has but one day.
    assert drawn.labels[:2] == ["3 Mar", "4 Mar"]
    assert drawn.series == {"Walk": [10, *[0] * 50, 10, 20]}


def test_the_smallest_of_many_sources_are_drawn_as_one():
    day = NOON.date()
    xp = {XPSource("activity", pk): pk for pk in range(1, 12)}
    names = {pk: f"Activity {pk}" for pk in range(1, 12)}
    report = BalanceReport(day, day, {day: xp}, {}, {}, {}, 0, NOON)

    drawn = next(economy_charts(report, names))

    assert next(iter(drawn.series)) == "Activity 11"
    assert (len(drawn.series), drawn.series["Others"]) == (8, [1 + 2 + 3 + 4])


def test_users_are_drawn_by_level_with_the_time_that_it_took(admin_client, activity):
    for days in (1, 3):
        user, at = UserFactory(), NOON - timedelta(days=days)
        record_activity(user, "walk", occurred_at=at, historical=True)
        record_activity(user, "walk", quantity=5)

    response = admin_client.get(PAGE)

    assert chart(response, "gam-levels").series == {"Users": [2]}
    assert chart(response, "gam-days-to-level").series == {"Days": [2.0]}


def test_unlocks_are_drawn_with_the_most_held_first(admin_client, medal):
    AchievementFactory(key="gold", name="Gold")
    for _ in range(2):
        award_achievement(UserFactory(), "medal")
    award_achievement(UserFactory(), "gold")

    drawn = admin_client.get(PAGE).context["unlocks"]

    shown = [(str(e.achievement), e.holders, e.recent, e.length) for e in drawn]
    assert shown == [("Medal", "2", "2", 100), ("Gold", "1", "1", 50)]


@pytest.mark.parametrize("days", ["", "%00", "0", "31", "9" * 5_000])
def test_a_period_that_is_not_offered_is_the_usual_one(admin_client, days):
    response = admin_client.get(PAGE, {"days": days})

    assert response.context["days"] == 30


def test_it_takes_as_many_queries_for_more_of_everything(
    admin_client, django_assert_num_queries
):
    for _ in range(9):
        activity = ActivityFactory()
        record_activity(UserFactory(), activity.key)
        award_achievement(UserFactory(), AchievementFactory().key)
    page = admin_client.get(PAGE)
    fields = filled_in(page, FORM) | {f"activity-{activity.key}-xp_reward": "11"}

    # Session and user; both lists; five that the report reads.
    with django_assert_num_queries(9):
        admin_client.get(PAGE)
    # Four that the what-if reads.
    with django_assert_num_queries(13):
        admin_client.post(PAGE, fields | {"_try": "1"})


def test_a_strict_policy_refuses_nothing(admin_client, user, activity, medal):
    record_activity(user, "walk")

    assert refused_inline(try_out(admin_client, **{REWARD: "15"})) == []


def test_names_are_only_ever_text(admin_client, user):
    name = '<script>alert(1)</script>{{7*7}}" autofocus x="'
    ActivityFactory(key="walk", name=name)
    AchievementFactory(key="medal", name=name, icon="<b>")
    record_activity(user, "walk")

    response = try_out(admin_client, **{REWARD: "15", MEDAL: "15"})

    html = response.content.decode()
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "{{7*7}}" in html
    assert '" autofocus' not in html


# What if?


def test_other_numbers_are_tried_and_nothing_is_saved(
    admin_client, user, activity, medal
):
    record_activity(user, "walk", quantity=4)
    award_achievement(user, "medal")
    before = everything()

    response = try_out(admin_client, **{REWARD: "15", LIMIT: "3", MEDAL: "5"})

    assert lines(response) == [
        ("Walk", "40", "45", "+5"),
        ("Medal", "50", "5", "−45"),
        ("All XP", "90", "50", "−40"),
    ]
    assert chart(response, "gam-forecast").series == {"Before": [1], "After": [1]}
    assert everything() == before


def test_users_who_would_rise_or_fall_are_counted(admin_client, activity):
    record_activity(UserFactory(), "walk", quantity=4)
    record_activity(UserFactory(), "walk", quantity=4)

    result = try_out(admin_client, **{REWARD: "15"}).context["result"]

    assert (result.raised, result.lowered) == (2, 0)


def test_what_was_tried_stays_in_its_fields(admin_client, activity):
    response = try_out(admin_client, **{REWARD: "15", LIMIT: "3"})

    fields = filled_in(response, FORM)
    assert (fields[REWARD], fields[LIMIT]) == ("15", "3")


def test_a_limit_can_be_tried_away(admin_client, user):
    ActivityFactory(key="walk", name="Walk", daily_limit=2)
    record_activity(user, "walk", quantity=5)

    response = try_out(admin_client, **{LIMIT: ""})

    assert lines(response)[0] == ("Walk", "20", "50", "+30")


def test_a_reward_of_nothing_can_be_tried(admin_client, user, activity):
    record_activity(user, "walk")

    response = try_out(admin_client, **{REWARD: "0"})

    assert lines(response)[0] == ("Walk", "10", "0", "−10")


def test_another_cooldown_can_be_tried(admin_client, user, activity):
    for _ in range(3):
        record_activity(user, "walk")

    response = try_out(admin_client, **{COOLDOWN: "60"})

    assert lines(response)[0] == ("Walk", "30", "10", "−20")


def test_other_levels_are_tried_with_the_line_for_the_settings(
    admin_client, user, activity
):
    record_activity(user, "walk", quantity=3)

    response = try_out(admin_client, thresholds="0, 10,20\n30")

    assert response.context["result"].raised == 1
    assert '"LEVEL_THRESHOLDS": (0, 10, 20, 30),' in response.content.decode()


def test_the_levels_of_the_settings_need_no_line(admin_client, activity):
    response = try_out(admin_client, **{REWARD: "15"})

    assert "LEVEL_THRESHOLDS" not in response.content.decode()


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
        ("thresholds", "0, x", "These are not whole numbers with commas."),
        ("thresholds", "0, -5", "These are not whole numbers with commas."),
        ("thresholds", "0, " + "9" * 16, "These are not whole numbers with commas."),
        ("thresholds", "5, 10", "They do not start at 0 and rise."),
        ("thresholds", "0, 10, 10", "They do not start at 0 and rise."),
        ("thresholds", "0 " + "1 " * 500, "There are more than 500 levels."),
        ("shown", "", "This field is required."),
    ],
)
@pytest.mark.parametrize("button", ["_try", "_save"])
def test_what_cannot_be_is_told_at_its_field(
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
def test_a_page_that_was_tampered_with_saves_nothing(admin_client, activity, shown):
    before = everything()

    response = save(admin_client, shown=shown, **{REWARD: "15"})

    assert response.status_code in {200, 302}
    assert everything() == before


# Saving


def test_several_numbers_are_saved_at_once(admin_client, activity, medal):
    response = save(
        admin_client, **{REWARD: "15", LIMIT: "3", COOLDOWN: "60", MEDAL: "70"}
    )

    walk = Activity.objects.get(key="walk")
    assert (walk.xp_reward, walk.daily_limit, walk.cooldown) == (15, 3, 60)
    assert Achievement.objects.get().xp_reward == 70
    assert response.url == f"{PAGE}?days=30"


def test_the_period_is_kept(admin_client, activity):
    response = save(admin_client, address=f"{PAGE}?days=90", **{REWARD: "15"})

    assert response.url == f"{PAGE}?days=90"


def test_who_saved_what_is_written_down(admin_client, admin_user, activity, medal):
    save(admin_client, **{REWARD: "15", LIMIT: "3", MEDAL: "70"})

    assert [
        (entry.user, entry.object_repr, entry.get_change_message())
        for entry in LogEntry.objects.order_by("pk")
    ] == [
        (admin_user, "Walk", "XP reward: 10 → 15; Daily limit: – → 3"),
        (admin_user, "Medal", "XP reward: 50 → 70"),
    ]


def test_nothing_to_save_is_told(admin_client, activity):
    response = save(admin_client)

    assert told(response) == ["Nothing was changed."]
    assert not LogEntry.objects.exists()


def test_levels_are_not_saved_and_that_is_told(admin_client, activity):
    response = save(admin_client, thresholds="0, 10", **{REWARD: "15"})

    assert told(response) == [
        "Saved, from now on: \u2068Walk\u2069.",
        "Level thresholds are the settings' own, and are not saved.",
    ]


def test_an_edit_of_somebody_else_is_told_with_both_values(
    admin_client, activity, medal
):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, xp_reward=20, daily_limit=5)
    before = everything()
    mine = fields | {REWARD: "15", MEDAL: "70", "_save": "1"}

    response = admin_client.post(PAGE, mine)

    assert errors(response) == [
        "Somebody else changed “\u2068Walk\u2069” meanwhile. Nothing is saved.",
        "XP reward: 20 now; yours is 15.",
        "Daily limit: 5 now, which is taken over.",
    ]
    assert everything() == before


def test_another_attempt_saves_over_it(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, xp_reward=20, daily_limit=5)
    refused = admin_client.post(PAGE, fields | {REWARD: "15", "_save": "1"})

    admin_client.post(PAGE, filled_in(refused, FORM) | {"_save": "1"})

    walk = Activity.objects.get(key="walk")
    assert (walk.xp_reward, walk.daily_limit) == (15, 5)


def test_what_somebody_else_changed_alone_is_left_as_it_is(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, xp_reward=20)
    mine = fields | {"activity-kpi_completed-xp_reward": "11", "_save": "1"}

    response = admin_client.post(PAGE, mine)

    assert response.status_code == 302
    assert Activity.objects.get(key="walk").xp_reward == 20


def test_what_somebody_else_changed_besides_the_numbers_is_told(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    edit_activity("walk", actor=None, expected=None, name="Stroll")

    response = admin_client.post(PAGE, fields | {REWARD: "15", "_save": "1"})

    assert errors(response) == [
        "Somebody else changed “\u2068Stroll\u2069” meanwhile. Nothing is saved.",
        "XP reward: 10 now; yours is 15.",
    ]


def test_what_was_added_meanwhile_can_be_read(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    ActivityFactory(key="swim", name="Swim")

    response = admin_client.post(PAGE, fields | {REWARD: "15", "_try": "1"})

    assert shown_rows(response)["Swim"] == ("0 XP", ["10", "–", "–"])
    assert "activity-swim-xp_reward" not in filled_in(response, FORM)


def test_what_was_deleted_meanwhile_is_told(admin_client, activity):
    fields = filled_in(admin_client.get(PAGE), FORM)
    activity.delete()

    response = admin_client.post(PAGE, fields | {REWARD: "15", "_save": "1"})

    assert errors(response) == ["“walk” is no longer there."]


# Who may


VIEW = ("view_activity", "view_achievement")


def test_who_may_only_look_sees_no_form(somebody, activity, medal):
    response = somebody(*VIEW).get(PAGE)

    html = response.content.decode()
    assert "Walk" in html
    assert "Medal" in html
    assert FORM not in html
    assert not re.search(r'<input[^>]+name="activity', html)


@pytest.mark.parametrize("button", ["_try", "_save"])
def test_who_may_only_look_can_send_nothing(somebody, activity, button):
    response = somebody(*VIEW).post(PAGE, {REWARD: "15", button: "1"})

    assert response.status_code == 403


def test_who_may_change_activities_only_reads_achievements(somebody, activity, medal):
    client = somebody("change_activity", "view_achievement")

    fields = filled_in(client.get(PAGE), FORM)

    assert REWARD in fields
    assert MEDAL not in fields


def test_numbers_of_what_one_may_not_change_are_not_saved(somebody, activity, medal):
    client = somebody("change_activity", "view_achievement")

    save(client, **{REWARD: "15", MEDAL: "70"})

    assert Activity.objects.get(key="walk").xp_reward == 15
    assert Achievement.objects.get().xp_reward == 50


def test_what_one_may_not_see_is_not_named(somebody, user, activity, medal):
    record_activity(user, "walk")

    response = somebody("view_achievement").get(PAGE)

    assert "Walk" not in response.content.decode()
    assert chart(response, "gam-xp").series == {"Activities": [*[0] * 29, 10]}


def test_who_may_see_nothing_of_it_is_refused(somebody):
    assert somebody("view_ledgerentry").get(PAGE).status_code == 403


def test_who_is_not_signed_in_is_asked_to(client, activity):
    response = client.get(PAGE)

    assert response.url.startswith(reverse("admin:login"))


# Ways to it


@pytest.mark.parametrize("model", ["activity", "achievement"])
def test_the_lists_lead_to_it(admin_client, model):
    page = admin_client.get(reverse(f"admin:gamification_{model}_changelist"))

    assert f'href="{PAGE}"' in page.content.decode()


def test_the_index_of_the_app_leads_to_it(admin_client):
    page = admin_client.get(reverse("admin:app_list", args=["gamification"]))

    assert f'href="{PAGE}"' in page.content.decode()


def test_the_index_leads_nobody_who_may_not_go_there(somebody):
    client = somebody("view_ledgerentry")

    page = client.get(reverse("admin:app_list", args=["gamification"]))

    assert PAGE not in page.content.decode()
