"""What staff take back, and what they preview, where achievements have conditions."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.maintenance import rebuild, reconcile
from gamification.models import (
    Achievement,
    CountFilter,
    FilterTally,
    UserAchievement,
    UserGamification,
)
from gamification.services import record_activity, reverse_entry, reverse_source
from gamification.services.catalogue.filters.syncing import sync_filters
from gamification.services.many.preview import play_act
from gamification.staff import (
    Act,
    begin_list,
    begin_undo,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import filter_counts
from tests.services.many.conftest import finish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

FANTASY = {"where": [["genre", "is", "fantasy"]]}
SAID = {"genre": "fantasy"}


@pytest.fixture(autouse=True)
def read() -> Any:
    return ActivityFactory(key="read", attributes={"genre": "string"})


@pytest.fixture
def fan(read) -> Achievement:
    return AchievementFactory(
        key="fan",
        criterion="activity_count",
        activity=read,
        threshold=2,
        counting=FANTASY,
        revocable=True,
    )


def held_by(user: Any) -> list[str]:
    rows = UserAchievement.objects.filter(user=user, revoked_at=None)
    return [*rows.order_by("pk").values_list("achievement__key", flat=True)]


def become_a_fan(user: Any) -> None:
    record_activity(user, "read", attributes=SAID, source="one")
    record_activity(user, "read", attributes=SAID, source="two")
    assert held_by(user) == ["fan"]


@pytest.mark.parametrize("is_built", [True, False])
def test_a_revocable_achievement_goes_with_what_it_counted(user, fan, is_built):
    if is_built:
        sync_filters()
    become_a_fan(user)
    record_activity(user, "read", attributes={"genre": "horror"}, quantity=5)

    [outcome] = reverse_source(user, source="two")

    assert [unlock.achievement for unlock in outcome.lost] == ["fan"]
    assert held_by(user) == []


@pytest.mark.parametrize("is_built", [True, False])
def test_it_stays_where_other_records_count(user, fan, is_built):
    if is_built:
        sync_filters()
    become_a_fan(user)
    other = record_activity(user, "read", attributes={"genre": "horror"}, quantity=5)

    reverse_entry(user, entry_id=other.entry.id)

    assert held_by(user) == ["fan"]


def test_taking_a_job_back_keeps_what_only_the_ledger_tells(user, fan, staff):
    become_a_fan(user)
    act = Act(kind="adjustment", amount=5, note="A gift.")
    job = finish(begin_list(act, [user.pk], actor=staff))

    finish(begin_undo(job.pk, actor=staff))

    assert held_by(user) == ["fan"]


def test_the_preview_of_a_gift_knows_what_it_unlocks(user, fan, staff):
    AchievementFactory(
        key="rich",
        criterion="total_xp",
        threshold=100,
        conditions={"criterion": "activity_count", "activity": "read", "threshold": 2}
        | FANTASY,
    )
    become_a_fan(user)
    act = Act(kind="adjustment", amount=100, note="A gift.")

    preview = play_act(act, [user.pk])
    finish(begin_list(act, [user.pk], actor=staff))

    assert preview.unlocks == {"rich": 1}
    assert {*held_by(user)} == {"fan", "rich"}


def set_count(user: Any, count: int) -> None:
    """Let the database say that the user has so much of the only filter."""
    UserGamification.objects.update(pending_counts="")
    place = {"user": user, "filter": CountFilter.objects.get(), "bucket": ""}
    FilterTally.objects.update_or_create(**place, defaults={"count": count})


def test_what_differs_from_the_ledger_is_reported_and_rebuilt(user, fan):
    sync_filters()
    record_activity(user, "read", attributes=SAID)
    set_count(user, 7)
    pk = CountFilter.objects.get().pk

    assert [str(drift) for drift in reconcile()] == [
        f"user {user.pk}: filter {pk} is 7, the ledger says 1"
    ]
    rebuild(user)

    assert filter_counts(user) == {"": 1}


def test_a_missing_tally_is_rebuilt(user, fan):
    sync_filters()
    record_activity(user, "read", attributes=SAID)
    set_count(user, 0)

    assert [drift.derived for drift in reconcile(fix=True)] == [1]
    assert filter_counts(user) == {"": 1}


def test_pending_counts_of_a_filter_that_is_being_built_are_not_compared(user, fan):
    bored = {"where": [["genre", "is", "horror"]]}
    AchievementFactory(
        criterion="activity_count", activity=fan.activity, threshold=2, counting=bored
    )
    sync_filters()
    record_activity(user, "read", attributes=SAID)
    record_activity(user, "read", attributes={"genre": "horror"})
    first, _ = CountFilter.objects.order_by("pk")

    CountFilter.objects.filter(pk=first.pk).update(is_built=False)

    assert list(reconcile()) == []


def test_tallies_go_with_their_user(user, fan):
    sync_filters()
    record_activity(user, "read", attributes=SAID)

    user.delete()

    assert not FilterTally.objects.exists()
