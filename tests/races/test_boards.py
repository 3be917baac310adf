from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, transaction

from gamification.exceptions import StorageError
from gamification.leaderboards import (
    count_drifts,
    get_leaderboard,
    reading,
    rebuild_boards,
    tend_boards,
)
from gamification.leaderboards.kept import current
from gamification.leaderboards.upkeep import rows, tending
from gamification.maintenance import reconcile
from gamification.models import Board, BoardScore, PendingScore
from gamification.services import record_activity, reverse_entry, set_visibility
from tests.factories import UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, elsewhere

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

WRITERS = 16


def write(users: list[Any], seed: int) -> None:
    """Record, reverse, hide and show, in an order that is the writer's own."""
    for step in range(6):
        user = users[(seed * 7 + step) % len(users)]
        outcome = record_activity(user, "walk", quantity=1 + seed % 3)
        if step == 3:
            reverse_entry(user, entry_id=outcome.entry.id)
        if step == 4:
            set_visibility(user, is_public=bool(seed % 2))


def read_often() -> list[bool]:
    """Say for each of some pages whether it lists everybody once, in order."""
    answers = []
    for _ in range(8):
        entries = get_leaderboard("all").entries
        users = Counter(entry.user_id for entry in entries)
        scores = [entry.score for entry in entries]
        answers.append({*users.values()} <= {1} and scores == sorted(scores)[::-1])
    return answers


def told() -> list[Any]:
    return [(each.user_id, each.score) for each in get_leaderboard("all").entries]


@ONLY_POSTGRESQL
def test_boards_lose_nothing_while_many_write_read_and_tend(user):
    users = [user, *UserFactory.create_batch(5)]
    tend_boards()

    writers = [partial(write, users, seed) for seed in range(WRITERS)]
    at_once([*writers, tend_boards, tend_boards, read_often, rebuild_boards])
    pending = told()
    tend_boards()

    assert PendingScore.objects.count() == 0
    assert told() == pending
    assert [*reconcile()] == count_drifts() == []


@ONLY_POSTGRESQL
def test_every_page_lists_everybody_once_while_many_write(user):
    users = [user, *UserFactory.create_batch(5)]
    tend_boards()

    writers = [partial(write, users, seed) for seed in range(4)]
    answers = at_once([read_often, read_often, tend_boards, *writers])

    assert all([*answers[0], *answers[1]])


@ONLY_POSTGRESQL
@pytest.mark.usefixtures("isolation_level")
def test_who_waited_for_the_boards_sees_what_others_did_to_them(user, monkeypatch):
    tend_boards()
    record_activity(user, "walk")
    works, make = [tend_boards], rows.make_board

    def make_and_wait(subject):
        board = make(subject)
        if works:
            elsewhere(works.pop())
        return board

    monkeypatch.setattr(rows, "make_board", make_and_wait)
    tend_boards()

    assert told() == [(user.pk, 10)]
    assert count_drifts() == []


@pytest.fixture
def soon_late(monkeypatch):
    """Let a single pending row be enough for a reader to tend the boards."""
    monkeypatch.setattr(reading, "MOST_PENDING", 1)


def test_a_reader_opens_the_boards(user):
    record_activity(user, "walk")

    assert told() == [(user.pk, 10)]
    assert Board.objects.filter(is_built=True).count() == 4


def test_a_reader_opens_no_board_of_the_past(user):
    record_activity(user, "walk")

    board = get_leaderboard("week", period="2020-W01")

    assert board.count == 0
    assert not Board.objects.filter(starts_at__year__lt=2021).exists()


@pytest.mark.usefixtures("soon_late")
def test_a_reader_tends_the_boards_if_much_is_pending(user):
    tend_boards()
    record_activity(user, "walk")

    assert told() == [(user.pk, 10)]
    assert PendingScore.objects.count() == 0
    assert BoardScore.objects.count() == 4


@pytest.mark.usefixtures("soon_late")
def test_a_reader_in_a_transaction_only_reads(user):
    tend_boards()
    record_activity(user, "walk")

    with transaction.atomic():
        assert told() == [(user.pk, 10)]

    assert PendingScore.objects.count() == 1


@ONLY_POSTGRESQL
@pytest.mark.usefixtures("soon_late")
def test_a_reader_does_not_wait_for_whom_tends_the_boards(user):
    tend_boards()
    record_activity(user, "walk")

    with transaction.atomic():
        assert Board.objects.select_for_update().get(window="all")
        assert at_once([told]) == [[(user.pk, 10)]]


@pytest.mark.usefixtures("soon_late")
def test_a_reader_answers_where_nobody_can_write(user, monkeypatch):
    tend_boards()
    record_activity(user, "walk")

    def fail(*arguments: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(tending, "_tend", fail)

    assert told() == [(user.pk, 10)]


@pytest.mark.usefixtures("soon_late")
def test_the_ledger_answers_where_too_much_is_pending(user, monkeypatch):
    monkeypatch.setattr(reading, "MANY_PENDING", 1)
    tend_boards()

    with transaction.atomic():
        record_activity(user, "walk")
        assert told() == [(user.pk, 10)]


def test_an_upkeep_that_is_killed_has_done_nothing(user, monkeypatch):
    tend_boards()
    record_activity(user, "walk")
    count, counted = tending.count_users, []

    def die_after_two(*arguments: Any, **options: Any) -> None:
        counted.append(arguments)
        if len(counted) > 2:
            raise DatabaseError
        count(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(tending, "count_users", die_after_two)
        with pytest.raises(StorageError):
            tend_boards()
    assert (BoardScore.objects.count(), PendingScore.objects.count()) == (0, 1)

    tend_boards()

    assert (BoardScore.objects.count(), PendingScore.objects.count()) == (4, 0)


def test_the_scores_of_a_deleted_user_go_with_the_next_upkeep(user):
    record_activity(user, "walk")
    record_activity(other := UserFactory(), "walk")
    tend_boards()

    user.delete()

    assert told() == [(other.pk, 10)]
    tend_boards()
    assert {*BoardScore.objects.values_list("user_id", flat=True)} == {other.pk}


def test_somebody_who_was_banned_behind_its_back_is_not_listed(user):
    record_activity(user, "walk")
    record_activity(other := UserFactory(), "walk")
    tend_boards()

    type(user).objects.filter(pk=user.pk).update(is_active=False)

    board = get_leaderboard("all")
    assert [(each.user_id, each.rank) for each in board.entries] == [(other.pk, 1)]
    assert board.count == 1
    # The suite proves boards after each test, except where somebody is pending.
    PendingScore.objects.create(user=user)


def test_a_reader_starts_again_until_nobody_tends_meanwhile(user, monkeypatch):
    record_activity(user, "walk")
    tend_boards()
    monkeypatch.setattr(current, "read_slices", lambda header, wishes: None)

    assert told() == [(user.pk, 10)]
