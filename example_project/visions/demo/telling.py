"""A story becomes rows of the site, and records of what they earned."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from example_project.visions.demo.attributes import declare_attributes
from example_project.visions.demo.stories import Story, Told
from example_project.visions.models import KPI, Vision
from gamification.services import (
    ActivityRecord,
    BatchReport,
    record_activities,
    set_time_zone,
)


@transaction.atomic
def tell(story: Story, password: str) -> BatchReport:
    """Create the person, their rows and their records, and report the records.

    ``password`` is hashed already. Records are made as the site's actions make them,
    with the same keys and sources, and silently.
    """
    declare_attributes()
    user = get_user_model().objects.create(
        username=story.username, password=password, date_joined=story.begins
    )
    if story.time_zone:
        set_time_zone(user, story.time_zone)
    visions = _make_visions(user, story)
    _make_open_kpis(story, visions)
    records: dict[Told, list[ActivityRecord]] = {told: [] for told in Told}
    records[Told.AT_ONCE] += [_created(user, vision) for vision in visions.values()]
    for step, kpi in zip(story.steps, _make_kpis(story, visions), strict=True):
        records[step.told].append(_completed(user, kpi))
    return sum((_record(records[told]) for told in Told), BatchReport())


def _record(records: list[ActivityRecord]) -> BatchReport:
    return record_activities(records, historical=True, celebrate=False)


def _make_visions(user: User, story: Story) -> dict[str, Vision]:
    visions = Vision.objects.bulk_create(
        Vision(owner=user, title=title, created_at=at)
        for title, at in story.visions.items()
    )
    return {vision.title: vision for vision in visions}


def _make_kpis(story: Story, visions: dict[str, Vision]) -> list[KPI]:
    return KPI.objects.bulk_create(
        KPI(
            vision=visions[step.vision],
            title=step.title,
            completed_at=step.at,
            completions=1,
        )
        for step in story.steps
    )


def _make_open_kpis(story: Story, visions: dict[str, Vision]) -> None:
    KPI.objects.bulk_create(
        KPI(vision=visions[vision], title=title) for vision, title in story.open_steps
    )


def _created(user: User, vision: Vision) -> ActivityRecord:
    return ActivityRecord(
        user,
        "vision_created",
        occurred_at=vision.created_at,
        key=vision.creation_key,
        source=vision.source,
    )


def _completed(user: User, kpi: KPI) -> ActivityRecord:
    return ActivityRecord(
        user,
        "kpi_completed",
        occurred_at=kpi.completed_at,
        key=kpi.completion_key,
        source=kpi.source,
        attributes={"vision": kpi.vision.title[:64], "times": kpi.completions},
    )
