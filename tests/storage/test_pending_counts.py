"""What conditions count waits in the user's row, on PostgreSQL."""

from __future__ import annotations

import pytest

from gamification.maintenance import reconcile
from gamification.models import Achievement, CountFilter, FilterTally, UserGamification
from gamification.services import record_activity
from gamification.services.catalogue.filters.syncing import sync_filters
from gamification.staff import preview_backfill, run_next_step
from gamification.storage.postgresql import changed
from tests.conditions.worlds import build_filters, make_catalogue
from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory
from tests.inspection import filter_counts

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not IS_POSTGRESQL, reason="Others count at once."),
]

FANTASY = {"genre": "fantasy"}
READ = {"criterion": "activity_count", "activity": "read", "threshold": 3}
FAN = READ | {"where": [["genre", "is", "fantasy"]]}
LINGUIST = READ | {"distinct": "genre"}


@pytest.fixture
def filter_id():
    make_catalogue([{"key": "fan", "xp": 10, "own": FAN, "tree": None}])
    build_filters()
    return CountFilter.objects.get().pk


def pending_of(user):
    return UserGamification.objects.get(user=user).pending_counts


def read_fantasy(user, times=1):
    return [record_activity(user, "read", attributes=FANTASY) for _ in range(times)]


def test_what_a_record_counts_is_pending(user, filter_id):
    read_fantasy(user, 2)

    assert pending_of(user) == f"[[{filter_id},1],[{filter_id},1]]"
    assert not FilterTally.objects.exists()


def test_pending_counts_count(user, filter_id):
    outcomes = read_fantasy(user, 3)

    assert [len(outcome.unlocks) for outcome in outcomes] == [0, 0, 1]


def test_pending_counts_and_tallies_count_together(user, filter_id, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(changed, "MAX_PENDING", 0)
        read_fantasy(user)
    read_fantasy(user)

    [outcome] = read_fantasy(user)

    assert [unlock.achievement for unlock in outcome.unlocks] == ["fan"]


def test_many_pending_counts_of_a_filter_become_one(user, filter_id, monkeypatch):
    item = len(f"[{filter_id},1]")
    monkeypatch.setattr(changed, "MAX_PENDING", 3 * item)

    read_fantasy(user, 3)

    assert pending_of(user) == f"[[{filter_id},3]]"


def test_too_many_pending_counts_go_to_the_tallies(user, filter_id, monkeypatch):
    monkeypatch.setattr(changed, "MAX_PENDING", len(f"[[{filter_id},1]]"))

    read_fantasy(user, 3)

    assert pending_of(user) == f"[[{filter_id},1]]"
    assert FilterTally.objects.get().count == 2


def test_pending_counts_that_nobody_needs_are_dropped(user, filter_id, monkeypatch):
    monkeypatch.setattr(changed, "MAX_PENDING", 0)
    UserGamification.objects.create(user=user, pending_counts="[[0,1]]")

    read_fantasy(user)

    assert pending_of(user) == ""
    assert FilterTally.objects.get().filter_id == filter_id


def test_a_build_leaves_out_what_is_pending(user, filter_id):
    read_fantasy(user, 2)
    CountFilter.objects.update(is_built=False)
    job = sync_filters()

    while not run_next_step(job.pk, actor=None).finished_at:
        pass

    assert filter_counts(user) == {"": 2}
    assert [*reconcile()] == []


@pytest.mark.parametrize(("own", "genres"), [(FAN, ["fantasy"] * 3), (LINGUIST, "abc")])
def test_a_preview_counts_what_is_pending(own, genres):
    rule = {"key": "some", "xp": 10, "own": own | {"threshold": 9}, "tree": None}
    make_catalogue([rule])
    build_filters()
    for times in (2, 3):
        user = UserFactory()
        for genre in genres[:times]:
            record_activity(user, "read", attributes={"genre": genre})
    draft = Achievement.objects.get()
    draft.pk, draft.key, draft.threshold = None, "easier", 3

    assert [*preview_backfill(draft).sample] == [user]
