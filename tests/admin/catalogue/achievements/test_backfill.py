from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Achievement, Job, LedgerEntry, UserAchievement
from gamification.services import record_activity, set_visibility
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import AchievementFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")
ADD = reverse("admin:gamification_achievement_add")

NEW = {
    "key": "walk_10",
    "name": "Ten walks",
    "category": "milestones",
    "criterion": "total_xp",
    "threshold": 10,
    "xp_reward": 100,
    "status": "draft",
    "position": 0,
}

FIELDS = {"note": "Earned before it counted."}


@pytest.fixture
def walkers(activity):
    """Five users, of whom the first two walked twice."""
    users = UserFactory.create_batch(5)
    for user in [*users, *users[:2]]:
        record_activity(user, "walk")
    return users


@pytest.fixture
def medal(walkers):
    """An achievement whose criterion the two already meet."""
    return AchievementFactory(
        key="medal", criterion="total_xp", threshold=20, xp_reward=100
    )


@pytest.fixture
def page(medal):
    return reverse("admin:gamification_achievement_change", args=[medal.pk])


@pytest.fixture
def backfill(medal):
    return reverse("admin:gamification_achievement_backfill", args=[medal.pk])


@pytest.fixture
def allow(client, staff):
    """Return a function that signs in staff with some permissions."""

    def allow(*codenames):
        permissions = Permission.objects.filter(codename__in=codenames)
        staff.user_permissions.set(permissions)
        client.force_login(staff)
        return client

    return allow


def preview_in(response):
    preview = response.context["preview"]
    return preview.users, preview.xp, preview.level_changes


def previewed(client, page, **changes):
    """Open a form, change some fields, and press “Preview”."""
    fields = filled_in(client.get(page), "achievement_form")
    return client.post(page, fields | {"_preview": "Preview"} | changes)


def nothing_happened():
    return not UserAchievement.objects.exists() and not LogEntry.objects.exists()


def test_a_new_achievement_is_previewed_before_it_is_saved(admin_client, walkers):
    response = previewed(admin_client, ADD, **NEW)

    assert preview_in(response) == (5, 500, 5)
    assert (
        "This is a draft: users cannot unlock it until it is active." in response.text
    )
    assert "Your changes are not saved yet." in response.text
    assert not Achievement.objects.exists()
    assert nothing_happened()


def test_unsaved_changes_are_previewed(admin_client, medal, page):
    response = previewed(admin_client, page, threshold="10", xp_reward="7")

    assert preview_in(response) == (5, 35, 0)
    assert filled_in(response, "achievement_form")["threshold"] == "10"
    medal.refresh_from_db()
    assert (medal.threshold, medal.xp_reward) == (20, 100)
    assert nothing_happened()


def test_the_preview_of_a_saved_achievement_links_to_its_backfill(
    admin_client, page, backfill, walkers
):
    response = previewed(admin_client, page)

    assert preview_in(response) == (2, 200, 2)
    assert f'href="{backfill}">Start a backfill' in response.text
    for user in walkers[:2]:
        assert f"<bdi>{user}</bdi>" in response.text


def test_a_previewed_form_can_be_saved(admin_client, medal, page):
    response = previewed(admin_client, page, threshold="10")
    fields = filled_in(response, "achievement_form")

    admin_client.post(page, fields | {"_save": "Save"})

    medal.refresh_from_db()
    assert medal.threshold == 10


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"threshold": "0"}, "threshold"),
        ({"threshold": "many"}, "threshold"),
        ({"criterion": "gold"}, "criterion"),
        ({"criterion": "activity_count"}, "__all__"),
        ({"name": ""}, "name"),
        ({"xp_reward": "9" * 5_000}, "xp_reward"),
    ],
    ids=str,
)
def test_an_invalid_form_is_not_previewed(admin_client, page, changes, wrong):
    response = previewed(admin_client, page, **changes)

    assert wrong in response.context["adminform"].form.errors
    assert "preview" not in response.context
    assert nothing_happened()


def test_the_preview_reports_conflicts(admin_client, medal, page):
    fields = filled_in(admin_client.get(page), "achievement_form")
    Achievement.objects.update(threshold=10)

    response = admin_client.post(page, fields | {"_preview": "1", "xp_reward": "7"})

    assert "Threshold: now \u206810\u2069; your form has been updated." in response.text


def test_a_preview_names_private_users_only_to_staff_who_see_everybody(
    allow, page, walkers
):
    set_visibility(walkers[0], is_public=False)
    client = allow("view_achievement", "change_achievement")

    response = previewed(client, page)

    assert preview_in(response) == (2, 200, 2)
    assert f"<bdi>{walkers[0]}</bdi>" not in response.text
    assert f"<bdi>{walkers[1]}</bdi>" in response.text


def test_a_form_preview_needs_the_change_permission(allow, page):
    client = allow("view_achievement")

    assert client.post(page, NEW | {"_preview": "1"}).status_code == 403


def chosen(rows):
    keys = [row.pk for row in rows]
    return {"action": "preview_backfills", "_selected_action": keys}


def test_several_achievements_are_previewed_at_once(admin_client, medal, walkers):
    draft = AchievementFactory(criterion="total_xp", threshold=10, status="draft")

    response = admin_client.post(LIST, chosen([medal, draft]))

    found = [
        (row, preview.users, preview.xp)
        for row, preview in response.context["previews"]
    ]
    # The 50 XP of the draft let all five meet the medal, for another 100.
    assert found == [(draft, 5, 750), (medal, 2, 200)]
    assert response.text.count(f"<bdi>{medal}</bdi> × 5") == 1
    assert nothing_happened()


def test_one_selected_achievement_opens_its_backfill_page(
    admin_client, medal, backfill
):
    response = admin_client.post(LIST, chosen([medal]))

    assert response.headers["Location"] == backfill


def test_the_number_of_previews_is_limited(admin_client):
    rows = AchievementFactory.create_batch(6)

    response = admin_client.post(LIST, chosen(rows), follow=True)

    [message] = response.context["messages"]
    assert str(message) == "Choose at most 5 achievements."


def test_the_backfill_page_shows_a_preview(admin_client, backfill, walkers):
    response = admin_client.get(backfill)

    assert preview_in(response) == (2, 200, 2)
    assert "Award to 2 users" in response.text
    assert nothing_happened()


@pytest.mark.parametrize(
    ("celebrate", "how"),
    [({}, "without celebrations"), ({"celebrate": "on"}, "with celebrations")],
)
def test_a_backfill_begins_and_is_logged(
    admin_client, admin_user, medal, backfill, celebrate, how
):
    response = admin_client.post(backfill, FIELDS | celebrate)

    job = Job.objects.get()
    assert response.headers["Location"] == reverse(
        "admin:gamification_job_progress", args=[job.pk]
    )
    assert job.parameters == {
        "achievement": "medal",
        "note": FIELDS["note"],
        "internal_note": "",
        "celebrate": bool(celebrate),
    }
    assert (job.total, job.actor, LedgerEntry.objects.count()) == (2, admin_user, 7)
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == medal
    assert entry.change_message == (
        f"Backfill started, {how}: job {job.pk}. Earned before it counted."
    )


@pytest.mark.parametrize("note", ["", "  ", "n" * 2_001, "a\0b"])
def test_a_backfill_needs_a_note(admin_client, backfill, note):
    response = admin_client.post(backfill, {"note": note})

    assert list(response.context["form"].errors) == ["note"]
    assert not Job.objects.exists()


def test_a_refusal_of_the_service_is_reported(admin_client, medal, backfill):
    Achievement.objects.update(status="retired")

    response = admin_client.post(backfill, FIELDS)

    errors = response.context["form"].non_field_errors()
    said = "'medal' is retired: only an active achievement can be awarded."
    assert errors == [said]
    assert not Job.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_running_backfill_is_not_started_again(admin_client, backfill):
    first = admin_client.post(backfill, FIELDS).headers["Location"]

    assert f'href="{first}"' in admin_client.get(backfill).text
    assert admin_client.post(backfill, FIELDS).headers["Location"] == first
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"threshold": 1_000}, "No user qualifies for this achievement."),
        ({"status": "draft"}, "Only an active achievement can be awarded."),
    ],
)
def test_the_page_explains_why_nothing_can_be_awarded(
    admin_client, backfill, changes, text
):
    Achievement.objects.update(**changes)

    response = admin_client.get(backfill)

    assert text in response.text
    assert 'name="note"' not in response.text


def test_staff_who_may_not_award_can_see_the_preview(allow, backfill):
    client = allow("view_achievement", "change_achievement")

    assert (
        "You do not have permission to award achievements." in client.get(backfill).text
    )
    assert client.post(backfill, FIELDS).status_code == 403
    assert not Job.objects.exists()


def test_a_backfill_needs_only_the_view_and_award_permissions(allow, backfill):
    client = allow("view_achievement", "award_achievement", "run_job")

    assert client.post(backfill, FIELDS).status_code == 302
    assert Job.objects.count() == 1


def test_a_backfill_needs_the_permission_to_view_achievements(allow, backfill):
    client = allow("award_achievement")

    assert client.get(backfill).status_code == 403
    assert client.post(backfill, FIELDS).status_code == 403


@pytest.mark.parametrize("key", ["0", "x", "9" * 40, "a%00b"])
def test_unknown_achievements_are_not_found(admin_client, db, key):
    assert admin_client.get(f"{LIST}{key}/backfill/").status_code == 404


def test_pages_work_under_a_strict_content_security_policy(
    admin_client, medal, page, backfill
):
    other = AchievementFactory()
    pages = [
        previewed(admin_client, page),
        admin_client.get(backfill),
        admin_client.post(LIST, chosen([medal, other])),
    ]

    assert [refused_inline(each) for each in pages] == [[], [], []]


def test_a_preview_shows_the_achievement_as_users_see_it(admin_client, walkers):
    response = previewed(admin_client, ADD, **NEW, icon="🚶")

    html = response.text.partition('class="module gam-preview gam-look"')[2]
    assert html.count('achievement__name">Ten walks</h3>') == 2
    assert ">5 of 10</label>" in html
    assert "You unlocked “Ten walks” and earned 100 XP." in html
    assert html.count("🚶</span>") == 3
    assert "secret achievement" not in html


def test_a_preview_shows_the_secret_too(admin_client, walkers):
    response = previewed(admin_client, ADD, **NEW, is_secret="on")

    html = response.text.partition('class="module gam-preview gam-look"')[2]
    assert 'achievement__name">1 secret achievement</h3>' in html
    assert refused_inline(response) == []
