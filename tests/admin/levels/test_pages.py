from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Job, Level
from gamification.services import record_activity
from gamification.staff import get_levels, make_table, run_next_step, save_levels
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, profile_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

PAGE = reverse("admin:gamification_level_changelist")
FORM = "gam-levels-form"


@pytest.fixture
def walkers(activity):
    """Users with 40 and 160 XP, on levels 1 and 3."""
    users = UserFactory.create_batch(2)
    record_activity(users[0], "walk", quantity=4)
    record_activity(users[1], "walk", quantity=16)
    return users


def send(client, button, page=None, **changes):
    """Send the form of ``page`` by a button, with other values in some fields."""
    fields = filled_in(page or client.get(PAGE), FORM) | changes
    return client.post(PAGE, fields | {button: "1"})


def save(client, table):
    return send(client, "_save", send(client, "_preview", table=table))


def allow(client, user, *names):
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)


def errors(response):
    form = response.context["form"]
    return [*form.non_field_errors(), *form.errors.get("table", [])]


def test_the_page_shows_the_levels_and_who_is_on_them(admin_client, walkers):
    rows = admin_client.get(PAGE).context["rows"]

    assert len(rows) == 30
    assert (rows[2].level.threshold, rows[2].takes, rows[2].users_now) == (150, 150, 1)
    assert (rows[29].takes, rows[29].users_now) == (None, 0)


def test_the_generator_fills_the_table_and_saves_nothing(admin_client):
    save_levels(make_table([0, 5], get_levels()), actor=None, expected=None)
    Level.objects.filter(number=2).update(name="Explorer", icon="🧭")
    before = everything()

    response = send(admin_client, "_generate", count=3, first=20, curve="percent")

    table = filled_in(response, FORM)["table"]
    assert table.split("\n") == ["0", "20 | Explorer | 🧭", "50"]
    assert everything() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"count": 501}, "count"), ({"curve": "percent", "growth": 101}, "growth")],
)
def test_the_generator_has_limits(admin_client, changes, field):
    response = send(admin_client, "_generate", **changes)

    assert field in response.context["generator"].errors


def test_a_preview_shows_who_moves_and_saves_nothing(admin_client, walkers):
    AchievementFactory(key="second", name="Second", criterion="level", threshold=2)
    before = everything()

    response = send(admin_client, "_preview", table="0\n30\n1000")

    effects = response.context["preview"].effects
    assert (effects.raised.value, effects.lowered.value) == (1, 1)
    assert response.context["moves"] == [(1, 2, 1), (3, 2, 1)]
    assert "Second" in response.content.decode()
    assert everything() == before


def test_the_picture_compares_the_days_that_users_needed(admin_client, walkers):
    curve, days = send(admin_client, "_preview", table="0\n30").context["charts"]

    assert curve.series == {"As it is": [0, 50], "With this table": [0, 30]}
    assert [*days.series] == ["As it is", "With this table"]


def test_a_table_is_saved_after_a_preview_and_begins_a_job(admin_client, walkers):
    response = save(admin_client, "0\n30 | Explorer | 🧭 | de: Entdecker")

    job = Job.objects.get()
    page = reverse("admin:gamification_job_progress", args=[job.pk])
    assert response["Location"] == page
    assert (job.kind, job.total) == ("levels", 2)
    assert [str(level) for level in Level.objects.all()] == [
        "Level 1",
        "Level 2 · Explorer",
    ]
    run_next_step(job.pk, actor=None)
    assert [profile_of(user).level for user in walkers] == [2, 2]


def test_an_edit_is_logged_with_old_and_new_values(admin_client):
    save(admin_client, "0\n30 | Explorer | 🧭 | de: Entdecker")

    [entry] = LogEntry.objects.all()
    assert entry.get_change_message() == (
        "Level 2: begins at 50 XP → 30 XP; name – → \u2068Explorer\u2069; "
        "icon – → \u2068🧭\u2069; translations – → \u2068de: Entdecker\u2069. "
        "Levels 3 to 30: removed"
    )


def test_a_new_level_and_one_that_goes_are_logged(admin_client):
    save(admin_client, "0\n30\n60")
    save(admin_client, "0\n30")
    save(admin_client, "0\n30\n70")

    texts = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert texts[1:] == [
        "Level 3: removed",
        "Level 3: begins at – → 70 XP",
    ]


def test_the_same_table_changes_nothing(admin_client):
    table = filled_in(admin_client.get(PAGE), FORM)["table"]

    response = save(admin_client, table)

    assert response["Location"] == PAGE
    assert not LogEntry.objects.exists()


def test_what_was_not_previewed_is_not_saved(admin_client):
    response = send(admin_client, "_save", table="0\n30")

    assert errors(response) == ["The table has changed. Check the new preview."]
    assert not Level.objects.exists()


def test_a_conflict_says_what_changed_and_can_be_overridden(admin_client):
    preview = send(admin_client, "_preview", table="0\n30")
    save_levels(make_table([0, 40], ()), actor=None, expected=None)

    refused = send(admin_client, "_save", preview)

    assert errors(refused)[1:] == [
        "Level 2: begins at 50 XP → 40 XP",
        "Levels 3 to 30: removed",
    ]
    assert "Somebody else changed the levels" in errors(refused)[0]
    send(admin_client, "_save", refused)
    assert [level.threshold for level in get_levels()] == [0, 30]


def test_a_table_that_is_sent_twice_is_no_conflict(admin_client):
    preview = send(admin_client, "_preview", table="0\n30 | Explorer")

    statuses = [send(admin_client, "_save", preview).status_code for _ in range(2)]

    assert statuses == [302, 302]
    assert [level.threshold for level in get_levels()] == [0, 30]


def test_a_form_that_was_tampered_with_is_a_conflict(admin_client):
    preview = send(admin_client, "_preview", table="0\n30", shown="nonsense")

    refused = send(admin_client, "_save", preview)

    assert "Somebody else changed the levels" in errors(refused)[0]


def test_mistakes_are_reported_by_line(admin_client):
    response = send(admin_client, "_preview", table="0\n\n50\n50")

    assert errors(response) == ["Line 4: Level 3 must begin above 50 XP."]


def test_pinned_levels_are_shown_and_cannot_be_edited(admin_client, settings):
    fields = filled_in(admin_client.get(PAGE), FORM)
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 30)}

    page = admin_client.get(PAGE)
    refused = admin_client.post(PAGE, fields | {"_save": "1"})

    assert "LEVEL_THRESHOLDS pins them" in page.content.decode()
    assert FORM not in page.content.decode()
    assert "LEVEL_THRESHOLDS pins them" in refused.content.decode()
    assert not Level.objects.exists()


def test_a_pin_between_preview_and_save_is_named(admin_client, settings, monkeypatch):
    preview = send(admin_client, "_preview", table="0\n30")
    monkeypatch.setattr(
        "gamification.services.levels.editing.conf",
        type("Pinned", (), {"pins_levels": True}),
    )

    refused = send(admin_client, "_save", preview)

    assert "The site's settings define the levels" in errors(refused)[0]


def test_users_on_another_level_get_theirs_by_a_click(admin_client, walkers):
    Level.objects.bulk_create(
        Level(number=number, threshold=xp) for number, xp in [(1, 0), (2, 30)]
    )

    page = admin_client.get(PAGE)
    sent = filled_in(page, "gam-releveling") | {"_relevel": "1"}
    first, second = (admin_client.post(PAGE, sent) for _click in range(2))

    assert "Users at the wrong level" in page.content.decode()
    assert (first.url, LogEntry.objects.count()) == (second.url, 1)
    run_next_step(Job.objects.get().pk, actor=None)
    assert [profile_of(user).level for user in walkers] == [2, 2]


def test_a_click_that_names_no_showing_of_the_button_begins_nothing(
    admin_client, walkers
):
    response = admin_client.post(PAGE, {"_relevel": "1", "key": "\0"})

    assert (response.status_code, Job.objects.count()) == (200, 0)


def test_a_job_that_is_not_finished_is_linked(admin_client, walkers):
    save(admin_client, "0\n30")
    job = Job.objects.get()

    page = admin_client.get(PAGE).content.decode()
    jobs = admin_client.get(reverse("admin:gamification_job_changelist"))

    address = reverse("admin:gamification_job_progress", args=[job.pk])
    assert f'<a href="{address}">' in page
    assert 'name="_relevel"' not in page
    assert "2 levels" in jobs.content.decode()
    assert "XP at which levels begin" in admin_client.get(address).content.decode()
    run_next_step(job.pk, actor=None)


def test_a_job_is_linked_only_for_staff_who_may_view_it(
    admin_client, client, staff, walkers
):
    save(admin_client, "0\n30")
    allow(client, staff, "view_level")

    page = client.get(PAGE).text

    assert "These jobs for them are not finished: " in page
    assert "/gamification/job/" not in page
    run_next_step(Job.objects.get().pk, actor=None)


def test_a_link_proposes_levels(admin_client):
    response = admin_client.get(f"{PAGE}?thresholds=0,10,20")

    assert filled_in(response, FORM)["table"].split("\n") == ["0", "10", "20"]


@pytest.mark.parametrize("junk", ["", "0,", "0,x", "-1,5", "9" * 17])
def test_a_link_with_junk_proposes_nothing(admin_client, junk):
    response = admin_client.get(f"{PAGE}?thresholds={junk}")

    assert filled_in(response, FORM)["table"].startswith("0\n50\n")


def test_who_may_view_levels_cannot_edit_them(client, user):
    allow(client, user, "view_level")

    page = client.get(PAGE)

    assert FORM not in page.content.decode()
    assert client.post(PAGE, {"_save": "1"}).status_code == 403


@pytest.mark.parametrize("name", ["change_level", "run_job"])
def test_an_edit_takes_both_permissions(client, user, name):
    allow(client, user, "view_level", name)

    assert client.post(PAGE, {"_relevel": "1"}).status_code == 403


def test_who_may_not_view_levels_sees_nothing(client, user):
    allow(client, user, "view_activity")

    assert client.get(PAGE).status_code == 403


def test_levels_are_neither_added_nor_deleted_one_by_one(admin_client):
    row = Level.objects.create(number=1, threshold=0)
    names = ("add", "delete")

    addresses = [reverse("admin:gamification_level_add"), f"{PAGE}{row.pk}/delete/"]

    assert {admin_client.get(each).status_code for each in addresses} == {403}, names
    assert admin_client.get(f"{PAGE}{row.pk}/change/")["Location"] == PAGE


def test_the_page_works_under_a_strict_content_security_policy(admin_client, walkers):
    assert refused_inline(send(admin_client, "_preview", table="0\n30")) == []
