from __future__ import annotations

from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.http import Http404

from example_project.visions import actions
from example_project.visions.actions import complete_kpi, delete_vision, reopen_kpi
from example_project.visions.models import KPI, Vision
from gamification.models import Activity, LedgerEntry
from gamification.services import (
    get_progress,
)
from gamification.staff import (
    get_facts,
)
from tests.factories import UserFactory
from tests.races import COMMITTED, at_once

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements"),
]


def xp_of(user):
    return get_progress(user).level.total_xp


def test_a_vision_earns_when_it_is_added(user):
    outcome = actions.add_vision(user, "Sail")

    assert outcome.credited == xp_of(user) == 25
    assert Vision.objects.get().owner == user


def test_a_kpi_earns_when_it_is_completed(user, kpi):
    outcome = complete_kpi(user, kpi.pk)

    kpi.refresh_from_db()
    assert outcome.credited == xp_of(user) == 10
    assert kpi.completed_at
    assert (outcome.entry.key, outcome.entry.source) == (
        f"kpi:{kpi.pk}:completed:1",
        f"visions.kpi:{kpi.pk}",
    )


def test_a_kpi_is_completed_once(user, kpi):
    complete_kpi(user, kpi.pk)

    assert complete_kpi(user, kpi.pk) is None
    assert xp_of(user) == 10


def test_a_reopened_kpi_earned_nothing(user, kpi):
    complete_kpi(user, kpi.pk)

    reopen_kpi(user, kpi.pk)

    kpi.refresh_from_db()
    assert kpi.completed_at is None
    assert xp_of(user) == 0


def test_a_reopened_kpi_earns_again(user, kpi):
    complete_kpi(user, kpi.pk)
    reopen_kpi(user, kpi.pk)

    outcome = complete_kpi(user, kpi.pk)

    assert outcome.entry.key == f"kpi:{kpi.pk}:completed:2"
    assert xp_of(user) == 10


def test_an_open_kpi_is_reopened_without_effect(user, kpi):
    reopen_kpi(user, kpi.pk)

    assert not LedgerEntry.objects.exists()


def test_a_deleted_kpi_earned_nothing(user, kpi):
    complete_kpi(user, kpi.pk)

    actions.delete_kpi(user, kpi.pk)

    assert not KPI.objects.exists()
    assert xp_of(user) == 0


def test_a_deleted_vision_earned_nothing_and_neither_did_its_kpis(user):
    actions.add_vision(user, "Sail")
    kpi = actions.add_kpi(user, Vision.objects.get().pk, "Tie ten knots")
    complete_kpi(user, kpi.pk)

    delete_vision(user, kpi.vision_id)

    assert not Vision.objects.exists()
    assert (xp_of(user), sum(get_facts(user).counts.values())) == (0, 0)


def test_what_others_completed_stays_when_a_vision_is_deleted(user, kpi):
    other = UserFactory()
    actions.add_vision(other, "Sail")

    delete_vision(user, kpi.vision_id)

    assert xp_of(other) == 25


def test_an_activity_that_staff_switched_off_earns_nothing(user, kpi):
    Activity.objects.update(is_active=False)

    outcome = complete_kpi(user, kpi.pk)

    kpi.refresh_from_db()
    assert outcome is None
    assert kpi.completed_at


def test_the_row_is_not_changed_when_the_record_fails(user, kpi, monkeypatch):
    def fail(*args, **kwargs):
        raise InterruptedError

    monkeypatch.setattr(actions, "record_activity", fail)

    with pytest.raises(InterruptedError):
        complete_kpi(user, kpi.pk)

    kpi.refresh_from_db()
    assert kpi.completed_at is None


@pytest.mark.parametrize("act", [complete_kpi, reopen_kpi, actions.delete_kpi])
def test_a_kpi_of_somebody_else_does_not_exist(kpi, act):
    with pytest.raises(Http404):
        act(UserFactory(), kpi.pk)


def test_a_completed_kpi_was_completed_at_least_once(kpi):
    kpi.completed_at = kpi.vision.created_at

    with pytest.raises(IntegrityError), transaction.atomic():
        kpi.save()


@COMMITTED
def test_a_double_click_earns_once(user, kpi):
    outcomes = at_once([partial(complete_kpi, user, kpi.pk)] * 4)

    assert outcomes.count(None) == 3
    assert xp_of(user) == 10


@COMMITTED
def test_a_kpi_that_is_completed_while_its_vision_goes_earns_nothing(user, kpi):
    def complete():
        try:
            complete_kpi(user, kpi.pk)
        except Http404:
            """The deletion came first."""

    at_once([complete, partial(delete_vision, user, kpi.vision_id)])

    assert not KPI.objects.exists()
    assert xp_of(user) == 0
