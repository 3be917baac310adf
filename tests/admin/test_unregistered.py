"""Sites that take pages of the app out of their admin."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from gamification.models import Achievement, Board, Job, UserGamification
from gamification.services import award_achievement, record_activity
from gamification.staff import begin_backfill
from tests.factories import AchievementFactory

pytestmark = pytest.mark.django_db

MODELS = sorted(
    (m for m in admin.site._registry if m._meta.app_label == "gamification"),
    key=lambda model: model.__name__,
)


@pytest.fixture
def pages(user, staff, activity):
    """Pages of single rows: of a user, of a job, and others that link to these."""
    record_activity(user, "walk")
    medal = AchievementFactory(criterion="total_xp", threshold=5)
    award_achievement(user, AchievementFactory().key)
    job = begin_backfill(medal.key, actor=staff)
    return {
        UserGamification: ("usergamification_for", [user.pk]),
        Job: ("job_progress", [job.pk]),
        Achievement: ("achievement_backfill", [medal.pk]),
        Board: ("board_of", ["week"]),
    }


def addresses(pages):
    """Yield the addresses of the pages that are left."""
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=["gamification"])
    for model in filter(admin.site.is_registered, MODELS):
        name, arguments = pages.get(model, ("", []))
        if name:
            yield reverse(f"admin:gamification_{name}", args=arguments)
        for each in admin.site.get_model_admin(model).urls:
            if each.name and not each.pattern.converters:
                yield reverse(f"admin:{each.name}")


@pytest.mark.parametrize("model", MODELS)
def test_a_page_does_without_all_others(model, pages, unregister, admin_client):
    unregister(*(each for each in MODELS if each is not model))

    statuses = {each: admin_client.get(each).status_code for each in addresses(pages)}

    # Nobody adds to history; some addresses take forms alone.
    assert {*statuses.values()} <= {200, 403, 405}


def test_staff_begin_a_job_without_a_page_for_it(activity, unregister, admin_client):
    medal = AchievementFactory(criterion="total_xp", threshold=5)
    unregister(Job)
    page = reverse("admin:gamification_achievement_backfill", args=[medal.pk])

    answer = admin_client.post(page, {"note": "A present."})

    assert answer.url == reverse("admin:index")
    assert Job.objects.count() == 1
