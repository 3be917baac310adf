from __future__ import annotations

import pytest

from gamification.domain.criteria import Criterion
from gamification.exceptions import InvalidTextError
from gamification.models import LedgerEntry, UserAchievement
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    reverse_source,
    reverse_source_for_everyone,
    revoke_achievement,
)
from gamification.staff import (
    RecalculationScope,
    backfill_achievement,
    begin_backfill,
    begin_recalculation,
    recalculate_xp,
    run_next_step,
)
from tests.factories import AchievementFactory
from tests.inspection import ledger_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

NOTES = {"note": "Sorry!", "internal_note": "Fraud."}


@pytest.fixture
def record(user, activity):
    return record_activity(user, "walk", source="park:1").entry


@pytest.fixture
def medal(no_achievements, record, activity):
    """An achievement that the user met before it existed."""
    criterion = Criterion.ACTIVITY_COUNT
    return AchievementFactory(key="medal", criterion=criterion, activity=activity)


@pytest.fixture
def changed(record, activity):
    """The past of an activity that is worth more today."""
    activity.xp_reward = 25
    activity.save()
    return RecalculationScope(["walk"], record.local_date, record.local_date)


def notes_of(entry):
    return {"note": entry.note, "internal_note": entry.internal_note}


@pytest.mark.parametrize(
    "change",
    [
        lambda user, entry: adjust_xp(user, amount=5, **NOTES),
        lambda user, entry: award_achievement(user, "medal", **NOTES),
        lambda user, entry: reverse_entry(user, entry_id=entry.id, **NOTES),
        lambda user, entry: reverse_source(user, source="park:1", **NOTES),
        lambda user, entry: reverse_source_for_everyone(source="park:1", **NOTES),
        lambda user, entry: backfill_achievement("medal", **NOTES),
    ],
    ids=["adjust", "award", "reverse", "source", "everyone", "backfill"],
)
@pytest.mark.usefixtures("medal")
def test_a_change_keeps_both_notes(user, record, change):
    change(user, record)

    assert notes_of(ledger_of(user)[1]) == NOTES


def test_a_recalculation_keeps_both_notes(user, changed):
    recalculate_xp(changed, **NOTES)

    assert notes_of(LedgerEntry.objects.latest("id")) == NOTES


def test_jobs_keep_both_notes(user, medal, changed):
    for job in (
        begin_backfill("medal", actor=None, **NOTES),
        begin_recalculation(changed, actor=None, **NOTES),
    ):
        run_next_step(job.pk, actor=None)

    assert [notes_of(entry) for entry in ledger_of(user)[1:]] == [NOTES, NOTES]


def test_a_revocation_keeps_both_notes_in_the_unlock_too(user, medal):
    award_achievement(user, "medal")

    revoke_achievement(user, "medal", reason="Sorry!", internal_note="Fraud.")

    unlock = UserAchievement.objects.get()
    assert notes_of(LedgerEntry.objects.latest("id")) == NOTES
    assert (unlock.revoke_reason, unlock.internal_note) == ("Sorry!", "Fraud.")


def test_an_adjustment_needs_one_of_the_notes(user):
    adjust_xp(user, amount=5, internal_note="A present.")

    with pytest.raises(InvalidTextError, match="The note is empty"):
        adjust_xp(user, amount=5)


def test_an_internal_note_has_a_limit(user):
    with pytest.raises(InvalidTextError, match="internal_note is longer than 2,000"):
        adjust_xp(user, amount=5, note="Sorry!", internal_note="x" * 2_001)
