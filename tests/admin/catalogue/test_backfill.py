from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Achievement, Job, LedgerEntry, UserAchievement
from gamification.services import (
    record_activity,
)
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

HOW = {"note": "Earned before it counted."}


@pytest.fixture
def walkers(activity):
    """Five users of whom two walked twice."""
    users = UserFactory.create_batch(5)
    for user in [*users, *users[:2]]:
        record_activity(user, "walk")
    return users


@pytest.fixture
def medal(walkers):
    """What the two earned before it could be earned."""
    return AchievementFactory(
        key="medal", criterion="total_xp", threshold=20, xp_reward=100
    )


@pytest.fixture
def page(medal):
    return reverse("admin:gamification_achievement_change", args=[medal.pk])


@pytest.fixture
def award(medal):
    return reverse("admin:gamification_achievement_award", args=[medal.pk])


@pytest.fixture
def allow(client, staff):
    """Sign somebody in who may do what is named, and nothing else."""

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
    """Open a form, change what is named, and press “Preview”."""
    fields = filled_in(client.get(page), "achievement_form")
    return client.post(page, fields | {"_preview": "Preview"} | changes)


def nothing_was_done():
    return not UserAchievement.objects.exists() and not LogEntry.objects.exists()


def test_what_is_not_saved_yet_is_previewed(admin_client, walkers):
    response = previewed(admin_client, ADD, **NEW)

    assert preview_in(response) == (5, 500, 5)
    assert "It is a draft: nobody gets it before it is active." in response.text
    assert "Nothing of what you changed is saved yet." in response.text
    assert not Achievement.objects.exists()
    assert nothing_was_done()


def test_what_is_edited_is_previewed_with_its_changes(admin_client, medal, page):
    response = previewed(admin_client, page, threshold="10", xp_reward="7")

    assert preview_in(response) == (5, 35, 0)
    assert filled_in(response, "achievement_form")["threshold"] == "10"
    medal.refresh_from_db()
    assert (medal.threshold, medal.xp_reward) == (20, 100)
    assert nothing_was_done()


def test_what_is_stored_is_previewed_with_a_way_to_award_it(
    admin_client, page, award, walkers
):
    response = previewed(admin_client, page)

    assert preview_in(response) == (2, 200, 2)
    assert f'href="{award}">Backfill it' in response.text
    for user in walkers[:2]:
        assert f"<bdi>{user}</bdi>" in response.text


def test_what_is_previewed_may_be_saved(admin_client, medal, page):
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
def test_what_cannot_be_saved_is_told_and_not_previewed(
    admin_client, page, changes, wrong
):
    response = previewed(admin_client, page, **changes)

    assert wrong in response.context["adminform"].form.errors
    assert "preview" not in response.context
    assert nothing_was_done()


def test_what_somebody_else_changed_is_told_by_the_preview(admin_client, medal, page):
    fields = filled_in(admin_client.get(page), "achievement_form")
    Achievement.objects.update(threshold=10)

    response = admin_client.post(page, fields | {"_preview": "1", "xp_reward": "7"})

    assert "Threshold: <bdi>10</bdi> now, which is taken over." in response.text


def test_who_may_not_see_users_is_shown_how_many_they_are(allow, page, walkers):
    client = allow("view_achievement", "change_achievement")

    response = previewed(client, page)

    assert preview_in(response) == (2, 200, 2)
    assert str(walkers[0]) not in response.text


def test_who_may_not_edit_does_not_preview_a_form(allow, page):
    client = allow("view_achievement")

    assert client.post(page, NEW | {"_preview": "1"}).status_code == 403


def chosen(rows):
    keys = [row.pk for row in rows]
    return {"action": "preview_backfill_of", "_selected_action": keys}


def test_several_achievements_are_previewed_at_once(admin_client, medal, walkers):
    draft = AchievementFactory(criterion="total_xp", threshold=10, status="draft")

    response = admin_client.post(LIST, chosen([medal, draft]))

    found = [
        (row, preview.users, preview.xp)
        for row, preview in response.context["previews"]
    ]
    assert found == [(draft, 5, 250), (medal, 2, 200)]
    assert nothing_was_done()


def test_one_achievement_is_previewed_where_it_is_awarded(admin_client, medal, award):
    response = admin_client.post(LIST, chosen([medal]))

    assert response.headers["Location"] == award


def test_no_more_are_previewed_than_a_page_can_bear(admin_client):
    rows = AchievementFactory.create_batch(6)

    response = admin_client.post(LIST, chosen(rows), follow=True)

    [message] = response.context["messages"]
    assert str(message) == "Choose no more than 5 achievements."


def test_before_an_award_it_is_shown_what_it_does(admin_client, award, walkers):
    response = admin_client.get(award)

    assert preview_in(response) == (2, 200, 2)
    assert "Award it to 2 users" in response.text
    assert nothing_was_done()


@pytest.mark.parametrize(
    ("celebrate", "how"), [({}, "silently"), ({"celebrate": "on"}, "with celebrations")]
)
def test_an_award_is_begun_and_written_down(
    admin_client, admin_user, medal, award, celebrate, how
):
    response = admin_client.post(award, HOW | celebrate)

    job = Job.objects.get()
    assert response.headers["Location"] == reverse(
        "admin:gamification_job_progress", args=[job.pk]
    )
    assert job.parameters == {
        "achievement": "medal",
        "note": HOW["note"],
        "celebrate": bool(celebrate),
    }
    assert (job.total, job.actor, LedgerEntry.objects.count()) == (2, admin_user, 7)
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == medal
    assert entry.change_message == (
        f"Backfill begun, {how}: job {job.pk}. Earned before it counted."
    )


@pytest.mark.parametrize("note", ["", "  ", "n" * 2_001, "a\0b"])
def test_an_award_needs_a_note(admin_client, award, note):
    response = admin_client.post(award, {"note": note})

    assert list(response.context["form"].errors) == ["note"]
    assert not Job.objects.exists()


def test_what_the_service_refuses_is_told(admin_client, medal, award):
    Achievement.objects.update(status="retired")

    response = admin_client.post(award, HOW)

    assert response.context["form"].non_field_errors() == [
        "Only an active achievement can be awarded."
    ]
    assert not Job.objects.exists()
    assert not LogEntry.objects.exists()


def test_what_is_being_awarded_is_not_awarded_again(admin_client, award):
    first = admin_client.post(award, HOW).headers["Location"]

    assert f'href="{first}"' in admin_client.get(award).text
    assert admin_client.post(award, HOW).headers["Location"] == first
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": 1_000}, "There is nobody to award it to."),
        ({"status": "draft"}, "Only an active achievement can be awarded."),
    ],
)
def test_why_nothing_can_be_awarded_is_told(admin_client, award, changes, words):
    Achievement.objects.update(**changes)

    response = admin_client.get(award)

    assert words in response.text
    assert 'name="note"' not in response.text


def test_who_may_not_award_may_look(allow, award):
    client = allow("view_achievement", "change_achievement")

    assert "You are not allowed to award achievements." in client.get(award).text
    assert client.post(award, HOW).status_code == 403
    assert not Job.objects.exists()


def test_who_may_award_needs_no_more_than_to_see_the_achievement(allow, award):
    client = allow("view_achievement", "award_achievement")

    assert client.post(award, HOW).status_code == 302
    assert Job.objects.count() == 1


def test_who_may_not_see_the_achievement_is_told_nothing(allow, award):
    client = allow("award_achievement")

    assert client.get(award).status_code == 403
    assert client.post(award, HOW).status_code == 403


@pytest.mark.parametrize("key", ["0", "x", "9" * 40, "a%00b"])
def test_what_is_not_there_is_not_awarded(admin_client, db, key):
    assert admin_client.get(f"{LIST}{key}/award/").status_code == 404


def test_pages_run_under_a_strict_policy(admin_client, medal, page, award):
    other = AchievementFactory()
    pages = [
        previewed(admin_client, page),
        admin_client.get(award),
        admin_client.post(LIST, chosen([medal, other])),
    ]

    assert [refused_inline(each) for each in pages] == [[], [], []]
