"""Which filters exist, and the job that builds their tallies."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from gamification.exceptions import JobStateError
from gamification.models import Achievement, CountFilter, FilterTally, Job
from gamification.services import record_activity, reverse_entry
from gamification.services.catalogue.filters import jobs as filter_jobs
from gamification.services.catalogue.filters.syncing import sync_filters
from gamification.staff import (
    abandon_job,
    apply_definitions,
    begin_undo,
    edit_achievement,
    export_definitions,
    pause_job,
    run_next_step,
    tend_filters,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import filter_counts

pytestmark = pytest.mark.django_db

FANTASY = {"where": [["genre", "is", "fantasy"]]}
MANY = {"criterion": "activity_count", "activity": "read", "threshold": 9}


@pytest.fixture
def read() -> Any:
    attributes = {"genre": "string", "pages": "integer"}
    return ActivityFactory(key="read", attributes=attributes)


def fan(read: Any, **fields: Any) -> Achievement:
    defaults = {"criterion": "activity_count", "activity": read, "threshold": 3}
    return AchievementFactory(**{**defaults, "counting": FANTASY, **fields})


def run(job: Job | None) -> Job:
    assert job
    while not (job := run_next_step(job.pk, actor=None)).finished_at:
        pass
    return job


def test_a_site_without_users_has_its_filters_at_once(read):
    fan(read)

    assert sync_filters() is None

    row = CountFilter.objects.get()
    assert row.is_built
    assert str(row) == row.digest
    assert row.definition == {
        "criterion": "activity_count",
        "activity": "read",
        "where": [["genre", "is", "fantasy"]],
    }


def test_equal_filters_are_one(read):
    fan(read, threshold=1)
    fan(read, threshold=9, conditions={"all": [MANY | FANTASY, MANY]})

    sync_filters()

    assert CountFilter.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft"},
        {"status": "retired"},
        {"counting": {}},
        {
            "counting": {},
            "conditions": {"any": [MANY | {"activity": "gone"} | FANTASY]},
        },
    ],
)
def test_what_nobody_can_earn_by_counting_needs_no_filter(read, fields):
    fan(read, **fields)

    assert sync_filters() is None
    assert not CountFilter.objects.exists()


def test_the_window_of_another_streak_has_no_tallies(read):
    leaf = {"criterion": "longest_streak", "threshold": 2, "streak": "gym"}
    fan(read, counting={}, conditions=leaf | {"window": {"since": "2026-06-01"}})

    assert sync_filters() is None
    assert not CountFilter.objects.exists()


def test_a_job_builds_the_tallies_of_all_users(read, monkeypatch):
    monkeypatch.setattr(filter_jobs, "USERS_AT_ONCE", 2)
    users = UserFactory.create_batch(3)
    for user in users:
        record_activity(user, "read", attributes={"genre": "fantasy"}, quantity=2)
        record_activity(user, "read", attributes={"genre": "horror"})
    fan(read)

    job = run(sync_filters())

    assert (job.total, job.done) == (3, 3)
    assert [filter_counts(user) for user in users] == [{"": 2}] * 3
    assert CountFilter.objects.get().is_built
    assert sync_filters() is None


def test_writers_count_while_a_filter_is_built(read, user, monkeypatch):
    monkeypatch.setattr(filter_jobs, "USERS_AT_ONCE", 1)
    other = UserFactory()
    for each in (user, other):
        record_activity(each, "read", attributes={"genre": "fantasy"})
    fan(read)
    job = sync_filters()

    run_next_step(job.pk, actor=None)
    for each in (user, other):
        record_activity(each, "read", attributes={"genre": "fantasy"})
    run(job)

    assert [filter_counts(each) for each in (user, other)] == [{"": 2}] * 2


def test_the_ledger_answers_until_a_filter_is_built(read, user):
    for _ in range(2):
        record_activity(user, "read", attributes={"genre": "fantasy"})
    fan(read, key="fan")
    sync_filters()

    outcome = record_activity(user, "read", attributes={"genre": "fantasy"})

    assert [unlock.achievement for unlock in outcome.unlocks] == ["fan"]


def test_a_reversal_is_deducted(read, user):
    fan(read)
    sync_filters()
    outcome = record_activity(user, "read", attributes={"genre": "fantasy"}, quantity=2)

    reverse_entry(user, entry_id=outcome.entry.id)

    assert filter_counts(user) == {"": 0}


def test_filters_that_nothing_needs_are_dropped(read, user):
    one = fan(read)
    sync_filters()
    record_activity(user, "read", attributes={"genre": "fantasy"})
    Achievement.objects.filter(pk=one.pk).update(counting={})

    run(sync_filters())

    assert not CountFilter.objects.exists()
    assert not FilterTally.objects.exists()


def test_filters_of_a_site_without_users_are_dropped_at_once(read):
    one = fan(read)
    sync_filters()
    Achievement.objects.filter(pk=one.pk).update(counting={})

    assert sync_filters() is None
    assert not CountFilter.objects.exists()


def test_a_filter_that_is_needed_again_is_built_again(read, user):
    one = fan(read)
    sync_filters()
    record_activity(user, "read", attributes={"genre": "fantasy"})
    Achievement.objects.filter(pk=one.pk).update(status="draft")
    drop = sync_filters()
    assert sync_filters() is None
    run_next_step(drop.pk, actor=None)
    Achievement.objects.filter(pk=one.pk).update(status="active")

    build = sync_filters()
    run(drop)
    run(build)

    assert CountFilter.objects.get().is_built
    assert filter_counts(user) == {"": 1}


def test_a_filter_that_is_needed_again_while_it_is_built_is_built_anew(
    read, monkeypatch
):
    monkeypatch.setattr(filter_jobs, "USERS_AT_ONCE", 1)
    users = UserFactory.create_batch(2)
    for each in users:
        record_activity(each, "read", attributes={"genre": "fantasy"})
    one = fan(read)
    first = sync_filters()
    run_next_step(first.pk, actor=None)
    Achievement.objects.filter(pk=one.pk).update(status="draft")
    drop = sync_filters()
    run_next_step(drop.pk, actor=None)
    Achievement.objects.filter(pk=one.pk).update(status="active")

    again = sync_filters()
    for job in (first, again, drop):
        run(job)

    assert CountFilter.objects.get().is_built
    assert [filter_counts(each) for each in users] == [{"": 1}] * 2


def test_an_abandoned_build_begins_anew(read, user):
    record_activity(user, "read", attributes={"genre": "fantasy"})
    fan(read)
    first = sync_filters()
    assert sync_filters() is None

    abandon_job(first.pk, actor=None)

    assert sync_filters().parameters == first.parameters


def test_there_is_nothing_to_take_back(read, user):
    record_activity(user, "read")
    fan(read)
    job = run(sync_filters())

    with pytest.raises(JobStateError, match="nothing to take back"):
        begin_undo(job.pk, actor=None)


def test_activating_an_achievement_begins_the_job(read, user, staff):
    record_activity(user, "read")
    fan(read, key="fan", status="draft")

    edit_achievement("fan", actor=staff, expected=None, status="active")

    job = Job.objects.get()
    assert (job.kind, job.actor) == ("filters", staff)
    assert job.parameters["achievements"] == ["fan"]
    assert str(job).startswith("count what conditions need")


def test_retiring_an_achievement_drops_its_filter(read):
    fan(read, key="fan")
    sync_filters()

    edit_achievement("fan", actor=None, expected=None, status="retired")

    assert not CountFilter.objects.exists()


def test_a_file_that_activates_an_achievement_adds_its_filter(read):
    fan(read, key="fan", status="draft")

    text = export_definitions().replace('"status": "draft"', '"status": "active"')
    apply_definitions(text)

    assert CountFilter.objects.exists()


def test_other_edits_leave_filters_alone(read):
    fan(read)
    AchievementFactory(key="plain")

    edit_achievement("plain", actor=None, expected=None, name="Other")

    assert not CountFilter.objects.exists()


def test_the_tick_builds_what_was_saved_directly(read, monkeypatch, capsys):
    monkeypatch.setattr(filter_jobs, "USERS_AT_ONCE", 2)
    for user in UserFactory.create_batch(3):
        record_activity(user, "read", attributes={"genre": "fantasy"})
    fan(read)

    call_command("gamification_tick")
    assert "users counted for conditions: 3" in capsys.readouterr().out
    call_command("gamification_tick")

    assert "conditions" not in capsys.readouterr().out
    assert CountFilter.objects.get().is_built


def test_a_paused_build_waits(read, user):
    record_activity(user, "read")
    fan(read)
    pause_job(sync_filters().pk, actor=None)

    assert tend_filters() == 0
    assert not CountFilter.objects.get().is_built
