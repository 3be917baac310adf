from __future__ import annotations

import asyncio
from inspect import isfunction

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from django.db import connections

from gamification import services
from gamification.exceptions import UnknownActivityError
from gamification.services import (
    ActivityRecord,
    record_activity,
)
from tests.factories import AchievementFactory
from tests.inspection import COMMITTED, held_by, profile_of

VERBS = sorted(name for name in services.__all__ if isfunction(getattr(services, name)))
TWINS = [name for name in services.__all__ if name[1:] in services.__all__]


def test_every_verb_has_a_twin():
    assert [f"a{verb}" for verb in VERBS] == TWINS


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_runs_its_verb_in_a_thread(name):
    twin = getattr(services, name)

    assert isinstance(twin, SyncToAsync)


def test_the_public_names_are_sorted_and_exist():
    assert services.__all__ == sorted(services.__all__)
    assert [name for name in services.__all__ if not hasattr(services, name)] == []


@pytest.mark.django_db
def test_a_record_may_be_awaited(user, activity):
    outcome = async_to_sync(services.arecord_activity)(user, "walk", quantity=3)

    assert (outcome.total_xp, profile_of(user).total_xp) == (30, 30)


@pytest.mark.django_db
def test_an_error_reaches_the_caller_that_awaits(user):
    with pytest.raises(UnknownActivityError):
        async_to_sync(services.arecord_activity)(user, "fly")


@pytest.mark.django_db
def test_verbs_may_be_awaited_one_after_another(user, activity, no_achievements):
    AchievementFactory(key="medal")

    async def story():
        await services.arecord_activities(
            [ActivityRecord(user, "walk", source="kpi:1")] * 2
        )
        await services.aaward_achievement(user, "medal")
        await services.arevoke_achievement(user, "medal")
        await services.aadjust_xp(user, amount=30, note="A gift.")
        await services.areverse_source(user, source="kpi:1")
        await services.aset_time_zone(user, "Asia/Tokyo")
        await services.aadjust_xp(user, amount=30, note="Another.")
        [show] = await services.apending_celebrations(user)
        return await services.aacknowledge_celebrations(user, ids=[show.pk])

    acknowledged = async_to_sync(story)()

    # The medal was taken away before it was shown; level 2 was reached again.
    assert (profile_of(user).total_xp, held_by(user), acknowledged) == (60, set(), 1)


@pytest.mark.django_db
def test_a_reversal_may_be_awaited(user, activity):
    entry = record_activity(user, "walk").entry

    outcome = async_to_sync(services.areverse_entry)(user, entry_id=entry.id)

    assert outcome.total_xp == 0


@pytest.mark.django_db
def test_an_explanation_may_be_awaited(user):
    explanation = async_to_sync(services.aexplain_achievement)(user, "kpi_10")

    assert explanation.missing == 10


@COMMITTED
def test_twenty_awaited_at_once_are_twenty_records(user, activity):
    async def all_at_once():
        records = (services.arecord_activity(user, "walk") for _ in range(20))
        try:
            return await asyncio.gather(*records)
        finally:
            await sync_to_async(connections.close_all)()

    outcomes = asyncio.run(all_at_once())

    assert len({outcome.entry.id for outcome in outcomes}) == 20
    assert profile_of(user).total_xp == 200
