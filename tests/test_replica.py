"""Sites with a replica: what the app itself reads comes from where it writes."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, prefetch_related_objects
from django.urls import reverse

from gamification.models import Achievement, Activity, LedgerEntry, UserAchievement
from gamification.services import award_achievement, record_activity
from gamification.staff import edit_achievement
from tests.admin.browsing import filled_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory

pytestmark = pytest.mark.django_db

MODELS = [*apps.get_app_config("gamification").get_models()]
KEYS = [
    field
    for model in MODELS
    for field in model._meta.concrete_fields
    if isinstance(field, ForeignKey)
]


class ReplicaRouter:
    """Sends reads of the app, and of what its rows name, to a database that is down."""

    def db_for_read(self, model, instance=None, **hints):
        parts = {each._meta.app_label for each in (model, instance or model)}
        is_ours = model is Group or "gamification" in parts
        return "replica" if is_ours else None


@pytest.fixture(autouse=True)
def replica(settings):
    settings.DATABASE_ROUTERS = [ReplicaRouter()]


@pytest.fixture
def walker(activity):
    """An achievement that counts an activity."""
    return AchievementFactory(
        key="walker", criterion="activity_count", activity=activity, threshold=3
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_table_is_read_where_it_is_written(model):
    assert model._default_manager.all().db == "default"
    assert model._default_manager.using(None).db == "default"
    assert model._default_manager.using("replica").db == "replica"


@pytest.mark.parametrize("field", KEYS, ids=str)
def test_what_a_row_names_is_read_where_it_is_written(field):
    accessor = getattr(field.model, field.name)

    assert accessor.get_queryset(instance=field.model()).db == "default"


def test_the_user_of_a_row_is_read_where_it_is_written(user, activity):
    record_activity(user, "walk")

    one, many = LedgerEntry.objects.get(), [*LedgerEntry.objects.all()]
    prefetch_related_objects(many, "user")

    assert (one.user, one.activity, many[0].user) == (user, activity, user)
    assert one.user.gamification.total_xp == 10


def test_a_key_that_is_taken_is_refused(activity):
    with pytest.raises(ValidationError) as refusal:
        Activity(key="walk", name="Walk").full_clean()

    assert [*refusal.value.error_dict] == ["key"]


def test_an_activity_has_to_exist(walker):
    walker.full_clean()
    walker.activity_id += 1

    with pytest.raises(ValidationError) as refusal:
        walker.full_clean()

    assert [*refusal.value.error_dict] == ["activity"]


def test_staff_edit_an_achievement(walker, admin_client):
    page = reverse("admin:gamification_achievement_change", args=[walker.pk])
    form = filled_in(admin_client.get(page), "achievement_form")

    answer = admin_client.post(page, form | {"threshold": 5, "_save": "Save"})

    assert answer.status_code == 302
    assert Achievement.objects.get(key="walker").threshold == 5


def test_staff_read_an_achievement_over_http(walker, staff):
    edit_achievement("walker", actor=staff, expected=None, threshold=4)

    answer = client_of(staff, "view_achievement").get(f"{API}achievements/walker/")

    assert (answer.status_code, answer.json()["activity"]) == (200, "walk")


@pytest.mark.parametrize("name", ["ledgerentry_changelist", "boost_add"])
def test_pages_offer_what_to_choose_from(name, admin_client, walker):
    answer = admin_client.get(reverse(f"admin:gamification_{name}"))

    assert answer.status_code == 200


def test_a_row_has_its_natural_key(user, walker):
    award_achievement(user, "walker")

    key = UserAchievement.objects.get().natural_key()

    assert key == ("walker", 1, user.username)
