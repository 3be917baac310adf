from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from example_project.visions import actions
from example_project.visions.models import KPI, Vision
from gamification.services import (
    get_progress,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def kpi(user):
    """A KPI that was completed."""
    actions.add_vision(user, "Sail")
    kpi = actions.add_kpi(user, Vision.objects.get().pk, "Knots")
    actions.complete_kpi(user, kpi.pk)
    return kpi


def test_a_kpi_that_staff_delete_earned_nothing(admin_client, user, kpi):
    address = reverse("admin:visions_kpi_delete", args=[kpi.pk])

    admin_client.post(address, {"post": "yes"})

    assert get_progress(user).level.total_xp == 25


def test_visions_that_staff_delete_earned_nothing(admin_client, user, kpi):
    action = {
        "action": "delete_selected",
        "_selected_action": [kpi.vision_id],
        "post": "yes",
    }

    admin_client.post(reverse("admin:visions_vision_changelist"), action)

    assert not Vision.objects.exists()
    assert get_progress(user).level.total_xp == 0


@pytest.mark.parametrize("model", [KPI, Vision])
def test_staff_write_nothing_in_the_name_of_users(admin_client, kpi, model):
    name = f"admin:visions_{model._meta.model_name}"
    row = model.objects.get()

    added = admin_client.post(reverse(f"{name}_add"))
    changed = admin_client.post(reverse(f"{name}_change", args=[row.pk]))

    assert (added.status_code, changed.status_code) == (403, 403)


@pytest.mark.skipif(bool(User._meta.swapped), reason="the site's users are others")
def test_the_page_of_an_account_leads_to_the_game(admin_client, user):
    game = reverse("admin:gamification_usergamification_for", args=[user.pk])

    page = admin_client.get(reverse("admin:auth_user_change", args=[user.pk]))

    assert f'href="{game}"' in page.content.decode()
