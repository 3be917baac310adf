from __future__ import annotations

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import JobKind, UserGamification
from gamification.services import adjust_xp
from gamification.staff import Act, abandon_job, begin_list, edit_boost
from tests.admin.browsing import filled_in
from tests.factories import AchievementFactory, BoostFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

INDEX = reverse("admin:app_list", args=["gamification"])


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", name="Medal")


def begin(medal, **fields):
    act = Act(kind=JobKind.AWARD, achievement=medal.key, note="Spoke.", **fields)
    return begin_list(act, [UserFactory().pk], actor=None)


def test_the_index_leads_with_what_staff_do(admin_client):
    text = admin_client.get(INDEX).text

    tables = text.index('id="gamification-act')
    assert text.index(">Levels<") < text.index("Award to a list") < tables


def test_the_index_has_the_jobs_that_wait(admin_client, medal):
    waits, over = begin(medal), begin(medal)
    abandon_job(over.pk, actor=None)

    text = admin_client.get(INDEX).text

    assert reverse("admin:gamification_job_progress", args=[waits.pk]) in text
    assert reverse("admin:gamification_job_progress", args=[over.pk]) not in text


def test_the_index_has_the_latest_changes(admin_client, admin_user, medal):
    form = reverse("admin:gamification_achievement_change", args=[medal.pk])
    sent = filled_in(admin_client.get(form), "achievement_form") | {"xp_reward": "70"}
    admin_client.post(form, sent)

    text = admin_client.get(INDEX).text

    assert "XP reward: 50 → 70" in text
    assert f'<a href="{form}"><bdi>Medal</bdi></a>' in text


def test_the_index_has_the_latest_changes_of_boosts(admin_client, admin_user):
    with time_machine.travel("2026-05-01", tick=False):
        boost = BoostFactory()
        edit_boost(boost.key, actor=admin_user, expected=None, name="Launch")

    text = admin_client.get(INDEX).text

    page = reverse("admin:gamification_boost_change", args=[boost.pk])
    assert f'<a href="{page}"><bdi>Launch</bdi></a>' in text


def test_the_index_shows_only_what_staff_may_view(client, staff, admin_client, medal):
    begin(medal)
    form = reverse("admin:gamification_achievement_change", args=[medal.pk])
    sent = filled_in(admin_client.get(form), "achievement_form") | {"xp_reward": "70"}
    admin_client.post(form, sent)
    staff.user_permissions.add(Permission.objects.get(codename="view_activity"))
    client.force_login(staff)

    text = client.get(INDEX).text

    assert "XP and levels" in text
    for hidden in ("XP reward: 50 → 70", "Unfinished jobs", "Award to a list"):
        assert hidden not in text


def test_the_index_does_not_show_notes_about_users(admin_client, user):
    adjust_xp(user, amount=1, note="A present.")
    form = reverse("admin:gamification_usergamification_action", args=[user.pk, "hold"])
    sent = {"until": "2999-01-01", "internal_note": "Looks odd."}
    admin_client.post(form, sent)

    text = admin_client.get(INDEX).text

    assert UserGamification.objects.get().held_until
    assert "Looks odd." not in text
