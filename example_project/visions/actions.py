"""The actions of users, and the XP that these earn.

Each action changes the site's own row and calls ``gamification.services`` in one
transaction: both happen, or neither. Each locks its row before it looks at it, so that
of two simultaneous clicks only the first does something.
"""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone

from example_project.visions.models import KPI, Vision
from gamification.exceptions import UnknownActivityError
from gamification.services import (
    Outcome,
    record_activity,
    reverse_source,
)

User = AbstractBaseUser


@transaction.atomic
def add_vision(owner: User, title: str) -> Outcome | None:
    """Create a vision; return what that earned."""
    vision = Vision.objects.create(owner_id=owner.pk, title=title)
    return _earn(owner, "vision_created", vision.creation_key, vision.source)


@transaction.atomic
def delete_vision(owner: User, vision_id: int) -> None:
    """Delete a vision with its KPIs, and take back what they earned."""
    vision = _locked_vision(owner, vision_id)
    for kpi in vision.kpis.select_for_update():
        reverse_source(owner, source=kpi.source, note="The KPI was deleted.")
    reverse_source(owner, source=vision.source, note="The vision was deleted.")
    vision.delete()


@transaction.atomic
def add_kpi(owner: User, vision_id: int, title: str) -> KPI:
    """Add an open KPI to a vision."""
    return KPI.objects.create(vision=_locked_vision(owner, vision_id), title=title)


@transaction.atomic
def complete_kpi(owner: User, kpi_id: int) -> Outcome | None:
    """Complete a KPI and return what that earned; None if it was complete already."""
    kpi = _locked_kpi(owner, kpi_id)
    if kpi.completed_at:
        return None
    kpi.completed_at = timezone.now()
    kpi.completions += 1
    kpi.save(update_fields=["completed_at", "completions"])
    return _earn(owner, "kpi_completed", kpi.completion_key, kpi.source)


@transaction.atomic
def reopen_kpi(owner: User, kpi_id: int) -> None:
    """Open a KPI again, and take back what its completion earned."""
    kpi = _locked_kpi(owner, kpi_id)
    kpi.completed_at = None
    kpi.save(update_fields=["completed_at"])
    reverse_source(owner, source=kpi.source, note="The KPI was reopened.")


@transaction.atomic
def delete_kpi(owner: User, kpi_id: int) -> None:
    """Delete a KPI, and take back what its completion earned."""
    kpi = _locked_kpi(owner, kpi_id)
    reverse_source(owner, source=kpi.source, note="The KPI was deleted.")
    kpi.delete()


def _locked_vision(owner: User, vision_id: int) -> Vision:
    visions = Vision.objects.select_for_update().filter(owner=owner.pk)
    return get_object_or_404(visions, pk=vision_id)


def _locked_kpi(owner: User, kpi_id: int) -> KPI:
    kpis = KPI.objects.select_for_update(of=("self",)).filter(vision__owner=owner.pk)
    return get_object_or_404(kpis, pk=kpi_id)


def _earn(user: User, activity: str, key: str, source: str) -> Outcome | None:
    try:
        return record_activity(user, activity, key=key, source=source)
    except UnknownActivityError:
        # Staff switched the activity off: the user's action stands, and earns nothing.
        return None
