"""Boards are kept up to date, whatever they are asked meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from unittest.mock import Mock

import pytest
import time_machine
from django.db import OperationalError, connection
from django.db.models import F, QuerySet

from gamification.conf import Settings
from gamification.leaderboards import (
    Window,
    count_drifts,
    get_leaderboard,
    rebuild_boards,
    tend_boards,
)
from gamification.leaderboards.kept.headers import find_board
from gamification.leaderboards.kept.slices import AfterOffset, read_slices
from gamification.leaderboards.upkeep import building, segments, tending
from gamification.leaderboards.upkeep.rows import subject_of
from gamification.leaderboards.values import Key
from gamification.maintenance import rebuild, reconcile
from gamification.models import (
    Board,
    BoardScore,
    BoardSegment,
    PendingScore,
    write_alias,
)
from gamification.models.users import prepare_key
from gamification.services import record_activity
from gamification.services.user_changes import notice_saved_user
from gamification.staff import exclude_user, hold_user, lift_restriction
from tests.factories import UserFactory
from tests.inspection import hide

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def earns(user, amount, at=NOW):
    record_activity(user, "walk", quantity=amount // 10, occurred_at=at)


def board_of(window):
    return Board.objects.get(window=window)


def test_a_step_takes_some_of_the_pending_scores(monkeypatch):
    monkeypatch.setattr(tending, "STEP", 2)
    tend_boards()
    for user in UserFactory.create_batch(5):
        earns(user, 10)

    assert tend_boards() == 5
    assert board_of("all").count == 5


def test_a_board_of_many_entries_is_built_by_the_tick(user, monkeypatch):
    monkeypatch.setattr(building, "FEW_ENTRIES", 0)
    earns(user, 10)
    earns(UserFactory(), 10, NOW - timedelta(days=1))

    tend_boards()

    counts = dict(Board.objects.values_list("window", "count"))
    assert counts == {"day": 1, "week": 2, "month": 2, "all": 2}


def test_a_missed_board_of_many_entries_is_built_by_the_tick(user, monkeypatch, clock):
    tend_boards()
    earns(user, 10)
    clock.shift(timedelta(days=1))
    earns(user, 10, NOW + timedelta(days=1))
    monkeypatch.setattr(building, "FEW_ENTRIES", 0)
    clock.shift(timedelta(days=1))

    tend_boards()

    days = Board.objects.filter(window="day").order_by("starts_at")
    assert [*days.values_list("count", flat=True)] == [1, 1, 0]


@pytest.mark.parametrize("batch_size", [1, 10])
def test_of_two_who_build_a_board_the_second_one_does(user, batch_size):
    tend_boards()
    for walker in (user, UserFactory()):
        earns(walker, 10)
    rebuilt = []

    def build_again(users):
        if not rebuilt:
            rebuilt.append(users)
            rebuild_boards()

    rebuild_boards(batch_size=batch_size, progress=build_again)
    tend_boards()

    assert {*Board.objects.values_list("is_built", "count")} == {(True, 2)}


def test_a_tick_leaves_a_board_to_who_is_building_it(user, monkeypatch):
    monkeypatch.setattr(building, "FEW_ENTRIES", 0)
    for walker in (user, UserFactory()):
        earns(walker, 10)
    pages = []

    def tick(users):
        pages.append(users)
        tend_boards()

    rebuild_boards(window=Window.ALL, batch_size=1, progress=tick)

    assert (pages, board_of("all").count) == ([1, 1], 2)


def test_a_tick_builds_a_board_whose_builder_was_killed(user, monkeypatch, clock):
    monkeypatch.setattr(building, "FEW_ENTRIES", 0)
    earns(user, 10)
    with pytest.raises(InterruptedError):
        rebuild_boards(window=Window.ALL, progress=Mock(side_effect=InterruptedError))
    states = []

    for seconds in (59, 1):
        clock.shift(timedelta(seconds=seconds))
        tend_boards()
        states.append(board_of("all").is_built)

    assert states == [False, True]


def test_two_ticks_build_no_board_twice_that_one_of_them_has_built(user, monkeypatch):
    monkeypatch.setattr(building, "FEW_ENTRIES", 0)
    earns(user, 10)
    built = []

    def build(subject, now):
        built.append(subject.period.window)
        if len(built) == 1:
            tend_boards()
        building.build(subject, now)

    monkeypatch.setattr(tending, "build", build)
    tend_boards()

    assert built == ["day", "day", "week", "month", "all"]


def test_segments_are_divided_as_they_grow(monkeypatch):
    monkeypatch.setattr(segments, "SIZE", 2)
    monkeypatch.setattr(segments, "SPAN", 2)
    tend_boards()
    for second, user in enumerate(UserFactory.create_batch(24)):
        earns(user, 10 + 10 * (second % 3), NOW - timedelta(seconds=7 * second % 24))
        tend_boards()

    rows = BoardSegment.objects.filter(board__window="all").order_by("pk")
    narrow, wide = (
        [*rows.filter(is_wide=is_wide).values_list("count", flat=True)]
        for is_wide in (False, True)
    )
    assert max(narrow) <= 4
    assert len(wide) == -(-len(narrow) // 2)
    assert (sum(narrow), sum(wide)) == (24, 24)
    assert count_drifts() == []


def test_a_wrong_number_of_scores_before_a_wide_segment_is_named(user):
    earns(user, 10)
    tend_boards()
    wide = BoardSegment.objects.filter(board__window="all", is_wide=True)
    wide.update(before=3)

    [drift] = count_drifts()

    wide.update(before=0)
    assert drift.startswith("all time counts 3 scores before ")
    assert drift.endswith(", but has 0.")


@pytest.mark.parametrize("is_wide", [False, True])
def test_a_first_segment_that_is_missing_is_named(user, is_wide):
    earns(user, 10)
    tend_boards()
    BoardSegment.objects.filter(board__window="all", is_wide=is_wide).delete()

    drifts = count_drifts()

    rebuild_boards()
    name = "wide" if is_wide else "narrow"
    assert drifts == [f"all time has no {name} segment from {segments.BEGINNING}."]


@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize("spoil", [QuerySet.delete, partial(QuerySet.update, debit=5)])
def test_the_next_change_mends_a_board_without_its_first_segment(user, spoil, is_wide):
    earns(user, 10)
    tend_boards()
    spoil(BoardSegment.objects.filter(board__window="all", is_wide=is_wide))
    earns(UserFactory(), 10)

    tend_boards()

    assert count_drifts() == []
    assert get_leaderboard("all").count == 2


@pytest.mark.parametrize("is_wide", [False, True])
def test_a_first_segment_that_begins_too_late_is_named(user, is_wide):
    earns(user, 10)
    tend_boards()
    rows = BoardSegment.objects.filter(board__window="all", is_wide=is_wide)
    rows.update(debit=F("debit") + 1)

    drifts = count_drifts()

    rebuild_boards()
    name = "wide" if is_wide else "narrow"
    assert f"all time has no {name} segment from {segments.BEGINNING}." in drifts


def test_a_narrow_segment_that_is_missing_where_a_wide_one_begins_is_named(user):
    earns(user, 10)
    tend_boards()
    all_time = BoardSegment.objects.filter(board__window="all")
    all_time.create(
        board=board_of("all"), debit=-5, user=user, count=0, before=1, is_wide=True
    )

    drifts = count_drifts()

    rebuild_boards()
    begin = Key(-5, 0, prepare_key(user.pk, write_alias()))
    assert drifts == [f"all time has no narrow segment from {begin}."]


def test_pages_deep_in_a_board_follow_each_other(monkeypatch):
    monkeypatch.setattr(segments, "SIZE", 1)
    monkeypatch.setattr(segments, "SPAN", 3)
    for second, user in enumerate(UserFactory.create_batch(11)):
        earns(user, 10 + 10 * (second % 3), NOW - timedelta(seconds=second))
    tend_boards()

    pages = [get_leaderboard("all", page=page, page_size=3) for page in range(1, 6)]

    entries = [entry for page in pages for entry in page.entries]
    assert [len(page.entries) for page in pages] == [3, 3, 3, 2, 0]
    assert [entry.rank for entry in entries] == [1] * 3 + [4] * 4 + [8] * 4
    assert all(
        (-before.score, before.reached_at) < (-after.score, after.reached_at)
        for before, after in pairwise(entries)
    )


def test_a_score_that_differs_from_the_ledger_is_drift(user):
    earns(user, 10)
    tend_boards()
    BoardScore.objects.filter(board__window="week").update(debit=-70)

    [drift] = reconcile(fix=True)

    assert (drift.what, drift.stored, drift.derived) == (
        "score on week · 2026-06-08",
        "70 XP since 2026-06-10 12:00:00+00:00",
        "10 XP since 2026-06-10 12:00:00+00:00",
    )
    tend_boards()
    assert get_leaderboard("week").entries[0].score == 10


def test_a_score_that_is_pending_is_no_drift(user):
    tend_boards()
    earns(user, 10)

    assert PendingScore.objects.filter(user=user).exists()
    assert [*reconcile()] == []


def test_a_score_that_is_missing_is_drift(user):
    earns(user, 10)
    tend_boards()
    BoardScore.objects.filter(board__window="all").delete()

    [drift] = reconcile()

    assert (drift.what, drift.stored) == ("score on all time", "none")
    rebuild(user)
    BoardSegment.objects.filter(board__window="all").update(count=0)
    Board.objects.filter(window="all").update(count=0)
    tend_boards()
    assert board_of("all").count == 1


def test_a_change_of_who_is_ranked_builds_the_boards_again(staff, settings):
    earns(staff, 10)
    tend_boards()
    settings.GAMIFICATION = {"RANKS_STAFF": True}

    assert get_leaderboard("all").count == 1
    tend_boards()
    assert get_leaderboard("all").count == board_of("all").count == 1


def test_a_viewer_in_the_middle_of_the_page_is_read_once(user):
    earns(user, 10)
    tend_boards()

    board = get_leaderboard("all", around=user, viewer=user)

    assert (board.me.user, [each.user for each in board.entries]) == (user, [user])


def test_boards_that_are_not_kept_cost_nothing(user, monkeypatch):
    monkeypatch.setattr(Settings, "KEEP_LEADERBOARDS", False)
    earns(user, 10)
    user.save()

    assert PendingScore.objects.count() == 0
    assert get_leaderboard("all").entries[0].user == user


def test_boards_are_built_again_after_a_time_without_any(user, clock, settings):
    tend_boards()
    settings.GAMIFICATION = {"KEEP_LEADERBOARDS": False}
    earns(user, 10)
    meanwhile = [*reconcile(), *count_drifts()]
    tend_boards()
    settings.GAMIFICATION = {}
    clock.shift(timedelta(days=7))

    tend_boards()

    assert meanwhile == [*reconcile()] == []
    assert get_leaderboard("week", period="2026-W24", viewer=user).me.score == 10


def test_a_rebuild_concerns_past_boards_that_are_not_final(user, clock, settings):
    tend_boards()
    settings.GAMIFICATION = {"KEEP_LEADERBOARDS": False}
    earns(user, 10)
    settings.GAMIFICATION = {}
    clock.shift(timedelta(days=7))

    rebuild_boards()
    tend_boards()

    assert get_leaderboard("week", period="2026-W24", viewer=user).me.score == 10


@pytest.mark.parametrize(
    ("fields", "pending"), [(["last_login"], 0), (["is_staff"], 1), (None, 1)]
)
def test_a_saved_user_is_counted_again_if_it_can_matter(user, fields, pending):
    user.save(update_fields=fields)

    assert PendingScore.objects.filter(user=user).count() == pending


def test_a_user_who_is_saved_elsewhere_is_no_user_of_the_game(user):
    notice_saved_user(user, created=False, raw=False, using="archive")

    assert PendingScore.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("no such table: x", ["A table is missing: run `manage.py migrate`."]),
        ("database is locked", []),
    ],
)
def test_a_user_who_cannot_be_saved_hears_what_to_repair(user, text, notes):
    def fail(execute, sql, *rest):
        if "pendingscore" in sql:
            raise OperationalError(text)
        return execute(sql, *rest)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError) as caught:
        user.save()

    assert getattr(caught.value, "__notes__", []) == notes


def test_an_entry_without_xp_is_not_pending(user, activity):
    type(activity).objects.update(xp_reward=0)
    earns(user, 10)

    assert PendingScore.objects.count() == 0


@pytest.mark.parametrize("page_size", [1, 2])
def test_the_viewer_of_a_final_board_may_be_anywhere(clock, page_size):
    users = UserFactory.create_batch(3)
    for second, user in enumerate(users):
        earns(user, 10, NOW - timedelta(seconds=second))
    tend_boards()
    clock.shift(timedelta(days=4))
    tend_boards()

    board = get_leaderboard(
        "day", period="2026-06-10", viewer=users[0], page_size=page_size
    )

    assert (board.me.user, board.me.rank, board.me.score) == (users[0], 1, 10)


def held(user, until):
    hold_user(user, until=until, reason="Let us see.", actor=None)


def test_who_is_held_comes_back_when_the_hold_ends(user, clock):
    other, until = UserFactory(), NOW + timedelta(hours=2)
    for walker in (user, other):
        earns(walker, 10)
    tend_boards()

    held(user, until)
    during = [get_leaderboard("all").count]
    tend_boards()
    during += [get_leaderboard("all").count]
    clock.move_to(until)
    after = [get_leaderboard("all").count]
    tend_boards()
    after += [get_leaderboard("all").count]

    assert (during, after) == ([1, 1], [2, 2])
    assert PendingScore.objects.count() == 0


def test_who_is_excluded_is_not_ranked_until_staff_lift_it(user):
    earns(user, 10)
    tend_boards()

    exclude_user(user, reason="A cheat.", actor=None)
    excluded = get_leaderboard("all").count
    tend_boards()
    lift_restriction(user, "exclusion", actor=None)

    assert (excluded, get_leaderboard("all").count) == (0, 1)


def test_boards_are_built_again_for_another_audience(user, settings):
    earns(UserFactory(is_staff=True), 20)
    earns(user, 10)
    tend_boards()

    settings.GAMIFICATION = {"RANKS_STAFF": True}
    by_ledger = get_leaderboard("all").count
    tend_boards()

    assert (by_ledger, get_leaderboard("all").count) == (2, 2)
    assert {*Board.objects.values_list("audience", "count")} == {("staff", 2)}


def test_boards_of_users_whom_the_site_hides_are_kept_as_well(user, monkeypatch):
    other = UserFactory()
    for walker in (user, other):
        earns(walker, 10)

    hide(monkeypatch, other)
    tend_boards()

    assert [entry.user for entry in get_leaderboard("all").entries] == [user]
    assert Board.objects.get(window="all").count == 1


def test_a_day_of_25_hours_is_one_day(user, clock, settings):
    settings.GAMIFICATION = {"LEADERBOARD_ZONE": "Europe/London"}
    clock.move_to(datetime(2026, 10, 25, 23, 30, tzinfo=UTC))
    tend_boards()
    for hour in (-1, 0, 24):
        midnight = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
        earns(user, 10, midnight + timedelta(hours=hour))

    before = get_leaderboard("day").me, get_leaderboard("day", viewer=user).me.score
    tend_boards()

    assert before == (None, 20)
    assert get_leaderboard("day", viewer=user).me.score == 20


def test_a_site_may_show_nobody_for_now(user, monkeypatch):
    earns(user, 10)
    manager = type(user)._default_manager
    nobody = type(user)._base_manager.none()
    monkeypatch.setattr(type(manager), "get_queryset", lambda self: nobody.all())

    by_ledger = get_leaderboard("all").count
    tend_boards()

    assert (by_ledger, get_leaderboard("all").count) == (0, 0)


def test_the_board_says_where_a_user_is_who_has_not_moved(user):
    earns(user, 10)
    tend_boards()

    stored = prepare_key(user.pk, "default")
    header = find_board(subject_of(board_of("all")), [stored], limit=1)

    assert (header.old, header.new, header.moved) == ([], [], set())
    assert header.counted == {stored: Key.of(stored, 10, NOW)}


def test_keys_are_not_read_from_a_board_that_has_changed(user):
    earns(user, 10)
    tend_boards()
    header = find_board(subject_of(board_of("all")), (), limit=1)

    Board.objects.update(version=F("version") + 1)

    assert read_slices(header, [AfterOffset(0, 1)]) is None


LONDON = {"LEADERBOARD_ZONE": "Europe/London"}
#: In London, 00:30 on 1 April.
APRIL_IN_LONDON = datetime(2027, 3, 31, 23, 30, tzinfo=UTC)


def test_after_a_change_of_the_zone_two_months_may_begin_together(clock, settings):
    clock.move_to(datetime(2027, 3, 10, 12, tzinfo=UTC))
    tend_boards()
    settings.GAMIFICATION = LONDON

    tend_boards()

    months = Board.objects.filter(window="month").order_by("ends_at")
    assert [*months.values_list("starts_at", "ends_at", "is_built")] == [
        (datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 31, 23, tzinfo=UTC), True),
        (datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC), True),
    ]


def test_the_board_of_another_zone_is_not_read(user, clock, settings):
    clock.move_to(datetime(2027, 3, 10, 12, tzinfo=UTC))
    earns(user, 10, datetime(2027, 3, 10, 11, tzinfo=UTC))
    tend_boards()
    clock.move_to(APRIL_IN_LONDON)
    settings.GAMIFICATION = LONDON

    earns(user, 50, APRIL_IN_LONDON)
    tend_boards()

    months = [
        get_leaderboard("month", period=name).entries for name in ("2027-03", "2027-04")
    ]
    assert [[each.score for each in month] for month in months] == [[10], [50]]
