from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models.deletion import Collector
from django.db.models.signals import pre_delete
from django.test.utils import isolate_apps

from gamification.models import LedgerEntry
from gamification.services import record_activity
from gamification.services.user_deletion import guard_deletions
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("activity")]


def record_late(instance, **_):
    """Record something once Django has collected the rows of a user."""
    if isinstance(instance, get_user_model()):
        record_activity(instance.pk, "walk")


@pytest.fixture
def _late_records():
    """Let a record for each user arrive within the deletion."""
    pre_delete.connect(record_late)
    yield
    pre_delete.disconnect(record_late)


def by_collector(users):
    collector = Collector("default")
    collector.collect(users)
    collector.delete()


@pytest.mark.usefixtures("_late_records")
@pytest.mark.parametrize(
    "delete",
    [lambda users: users.delete(), lambda users: users[0].delete(), by_collector],
    ids=["queryset", "instance", "collector"],
)
def test_a_record_that_arrives_within_a_deletion_goes_with_the_user(user, delete):
    delete(get_user_model().objects.filter(pk=user.pk))

    assert not LedgerEntry.objects.exists()
    assert not get_user_model().objects.exists()


@pytest.mark.usefixtures("_late_records")
@isolate_apps("tests")
def test_a_user_may_be_deleted_as_an_instance_of_a_proxy(user):
    class Customer(get_user_model()):
        class Meta:
            app_label = "tests"
            proxy = True

    guard_deletions(Customer._meta.apps)

    Customer.objects.get(pk=user.pk).delete()

    assert not LedgerEntry.objects.exists()


def test_users_can_be_deleted_by_one_queryset_again_and_again():
    users = get_user_model().objects.filter(username__startswith="x")
    for _ in range(2):
        UserFactory(username="x1")

        users.delete()

    assert not users.exists()


def test_every_model_of_users_is_guarded():
    users = get_user_model()
    for model in apps.get_models():
        if issubclass(model, users):
            assert pre_delete.has_listeners(model)
