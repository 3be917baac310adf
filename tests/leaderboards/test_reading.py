from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from types import SimpleNamespace

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from gamification import leaderboards
from gamification.conf import Settings
from gamification.leaderboards import (
    Ranking,
    Window,
    aget_leaderboard,
    counting,
    tend_boards,
)
from gamification.models import Activity
from gamification.services import (
    adjust_xp,
    record_activity,
    reverse_entry,
    set_visibility,
)
from gamification.staff import RecalculationScope, recalculate_xp
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import hide

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: The server's clock in these tests: a Wednesday.
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def server_clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


#: Who answers: the ledger, boards that have not counted anything yet, boards that
#: have, and boards that somebody has tended in the middle of it.
SOURCES = ["ledger", "pending", "kept"]


@pytest.fixture(autouse=True, params=SOURCES)
def source(request, monkeypatch, server_clock):
    """Let each test ask each of those who can answer."""
    if request.param == "ledger":
        monkeypatch.setattr(Settings, "KEEP_LEADERBOARDS", False)
    return request.param


@pytest.fixture(autouse=True)
def boards(source, db):
    """Open boards of the present, before anything is recorded."""
    if source != "ledger":
        tend_boards()


@pytest.fixture(autouse=True)
def asked(source, monkeypatch):
    """Tend the boards before each question if the kept ones are to answer."""

    def ask(window, **options):
        if source == "kept":
            tend_boards()
        return leaderboards.get_leaderboard(window, **options)

    monkeypatch.setitem(globals(), "get_leaderboard", ask)


def get_leaderboard(window, **options):
    raise NotImplementedError


def earns(user, amount, at=NOW):
    """Let ``user`` earn XP, ten for each walk; return the ledger entry."""
    assert amount % 10 == 0
    return record_activity(
        user, "walk", quantity=amount // 10, occurred_at=at, historical=True
    ).entry


def scorers(*amounts, **fields):
    """Return users who earned these amounts, one after the other."""
    users = [UserFactory(**fields) for _ in amounts]
    for second, (user, amount) in enumerate(zip(users, amounts, strict=True)):
        earns(user, amount, NOW + timedelta(seconds=second))
    return users


def listed(window="all", **options):
    """Return rank and score of each entry, by user."""
    page = get_leaderboard(window, **options)
    return {entry.user: (entry.rank, entry.score) for entry in page.entries}


def order(window="all", **options):
    return [entry.user for entry in get_leaderboard(window, **options).entries]


def ranks(window="all", **options):
    return [entry.rank for entry in get_leaderboard(window, **options).entries]


def test_the_user_with_more_xp_comes_first():
    ada, bob, eve = scorers(20, 30, 10)

    assert listed() == {bob: (1, 30), ada: (2, 20), eve: (3, 10)}
    assert order() == [bob, ada, eve]


def test_an_entry_has_its_user_and_its_time(user):
    earns(user, 10, NOW - timedelta(hours=1))
    earns(user, 20, NOW - timedelta(hours=3))

    [entry] = get_leaderboard("day").entries
    assert (entry.user_id, entry.user) == (user.pk, user)
    assert entry.user.get_username() == user.username
    assert entry.reached_at == NOW - timedelta(hours=1)


def test_scores_are_whole_numbers_on_every_database():
    scorers(20, 30)

    entries = get_leaderboard("all").entries
    assert [repr(entry.score) for entry in entries] == ["30", "20"]
    assert [repr(entry.gap_to_next) for entry in entries] == ["None", "10"]


def test_a_gap_is_what_the_entry_right_above_has_more():
    scorers(20, 50, 20, 40)

    entries = get_leaderboard("all").entries
    assert [entry.gap_to_next for entry in entries] == [None, 10, 20, 0]


def test_a_gap_reaches_over_the_edge_of_the_page():
    scorers(50, 40, 20)

    [entry] = get_leaderboard("all", page=3, page_size=1).entries
    assert (entry.rank, entry.gap_to_next) == (3, 20)


# Order and ranks


def test_the_first_of_equals_to_reach_the_score_comes_first():
    late, early = UserFactory.create_batch(2)
    earns(late, 20, NOW)
    earns(early, 10, NOW - timedelta(hours=9))
    earns(early, 10, NOW - timedelta(hours=1))

    assert order() == [early, late]


def test_a_loss_does_not_move_the_time_of_a_score(server_clock):
    early, late = UserFactory.create_batch(2)
    earns(early, 30, NOW - timedelta(hours=2))
    earns(late, 20, NOW - timedelta(hours=1))
    adjust_xp(early, amount=-10, note="Spent.")

    assert order() == [early, late]


def test_a_gain_that_was_reversed_does_not_move_the_time_of_a_score():
    early, late = UserFactory.create_batch(2)
    earns(early, 10, NOW - timedelta(hours=4))
    earns(late, 10, NOW - timedelta(hours=3))
    entry = earns(early, 10, NOW - timedelta(hours=2))

    reverse_entry(early, entry_id=entry.id)

    assert order() == [early, late]


def test_a_gain_that_a_correction_took_does_not_move_the_time_of_a_score():
    early, late = UserFactory.create_batch(2)
    earns(early, 10, NOW - timedelta(hours=4))
    earns(late, 10, NOW - timedelta(hours=3))
    ActivityFactory(key="swim", xp_reward=7)
    record_activity(early, "swim", occurred_at=NOW - timedelta(hours=2))
    Activity.objects.filter(key="swim").update(xp_reward=0)

    recalculate_xp(RecalculationScope(["swim"], NOW.date(), NOW.date()))

    assert order() == [early, late]


def test_a_board_may_be_awaited(user):
    earns(user, 10)

    assert async_to_sync(aget_leaderboard)("all") == get_leaderboard("all")


def test_of_equals_at_the_same_instant_the_lower_id_comes_first():
    users = UserFactory.create_batch(4)
    for user in reversed(users):
        earns(user, 10)

    assert order() == sorted(users, key=lambda user: user.pk)


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (Ranking.COMPETITION, [1, 2, 2, 4]),
        (Ranking.DENSE, [1, 2, 2, 3]),
        (Ranking.ORDINAL, [1, 2, 3, 4]),
    ],
)
def test_equals_are_numbered_as_asked(ranking, expected):
    scorers(10, 20, 20, 30)

    assert ranks(ranking=ranking) == expected
    assert ranks(ranking=ranking.value) == expected
    assert get_leaderboard("all", ranking=ranking).ranking is ranking


def test_equals_share_a_rank_unless_asked_otherwise():
    scorers(10, 20, 20, 30)

    assert ranks() == [1, 2, 2, 4]


def test_equals_on_two_pages_share_a_rank():
    scorers(20, 20, 20)

    assert ranks(page=2, page_size=2) == [1]


def test_a_user_without_xp_is_not_listed(user):
    [debtor, poor, rich] = scorers(10, 10, 10)
    adjust_xp(poor, amount=-10, note="Spent.")
    entry = earns(debtor, 10)
    adjust_xp(debtor, amount=-20, note="Spent.")
    reverse_entry(debtor, entry_id=entry.id)

    page = get_leaderboard("all")

    assert [entry.user for entry in page.entries] == [rich]
    assert page.count == 1


def test_nobody_is_on_the_board_of_an_empty_period():
    scorers(10)

    page = get_leaderboard("day", now=NOW + timedelta(days=1))

    assert (page.count, page.entries, page.me) == (0, (), None)


# Windows


def test_a_window_counts_what_was_earned_in_it(user):
    for days, amount in [(0, 10), (2, 20), (9, 40), (40, 80)]:
        earns(user, amount, NOW - timedelta(days=days))

    scores = {window: listed(window)[user] for window in Window}

    # The 8th is a Monday.
    assert scores == {
        "day": (1, 10),
        "week": (1, 30),
        "month": (1, 70),
        "all": (1, 150),
    }


@pytest.mark.parametrize(
    ("at", "is_counted"),
    [
        (datetime(2026, 6, 9, 23, 59, 59, 999_999, tzinfo=UTC), False),
        (datetime(2026, 6, 10, tzinfo=UTC), True),
        (datetime(2026, 6, 10, 23, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2026, 6, 11, tzinfo=UTC), False),
    ],
    ids=str,
)
def test_a_period_has_its_first_instant_and_not_its_last(
    user, server_clock, at, is_counted
):
    server_clock.shift(timedelta(days=1))
    earns(user, 10, at)

    assert (user in listed("day", now=NOW)) is is_counted


def test_the_same_instant_belongs_to_different_days_in_two_zones(user, settings):
    # In Tokyo, it is 2026-06-11 00:30 when it is 2026-06-10 15:30 in London.
    server_now = datetime(2026, 6, 10, 20, tzinfo=UTC)
    with time_machine.travel(server_now, tick=False):
        earns(user, 10, datetime(2026, 6, 10, 14, 30, tzinfo=UTC))
        earns(user, 20, datetime(2026, 6, 10, 15, 30, tzinfo=UTC))

        settings.GAMIFICATION = {"LEADERBOARD_ZONE": "Asia/Tokyo"}
        assert listed("day") == {user: (1, 20)}
        settings.GAMIFICATION = {"LEADERBOARD_ZONE": "Europe/London"}
        assert listed("day") == {user: (1, 30)}


def test_the_zone_is_that_of_the_site_unless_stated(settings):
    settings.GAMIFICATION = {"DEFAULT_TIME_ZONE": "Asia/Kolkata"}

    period = get_leaderboard("day").period

    assert period.zone == "Asia/Kolkata"
    assert period.starts_at == datetime(2026, 6, 9, 18, 30, tzinfo=UTC)


def test_a_day_begins_at_the_hour_that_the_site_chose(settings):
    settings.GAMIFICATION = {"DAY_START_HOUR": 4, "LEADERBOARD_ZONE": "Asia/Kolkata"}

    period = get_leaderboard("day").period

    assert period.starts_at == datetime(2026, 6, 9, 22, 30, tzinfo=UTC)


def test_a_board_says_its_period(settings):
    settings.GAMIFICATION = {"LEADERBOARD_ZONE": "Asia/Tokyo"}

    period = get_leaderboard(Window.MONTH).period

    assert (period.window, period.zone) == (Window.MONTH, "Asia/Tokyo")
    assert period.starts_at == datetime(2026, 5, 31, 15, tzinfo=UTC)
    assert period.ends_at == datetime(2026, 6, 30, 15, tzinfo=UTC)


def test_a_reversal_corrects_the_window_of_the_original():
    ada, bob = UserFactory.create_batch(2)
    last_week = NOW - timedelta(days=7)
    entry = earns(ada, 30, last_week)
    earns(ada, 10, last_week)
    earns(bob, 20, last_week)
    earns(ada, 10)

    reverse_entry(ada, entry_id=entry.id)

    assert listed("week", now=last_week) == {bob: (1, 20), ada: (2, 10)}
    assert listed("week") == {ada: (1, 10)}


# Who is ranked


def test_a_user_who_opted_out_leaves_no_gap():
    first, hidden, last = scorers(30, 20, 10)
    set_visibility(hidden, is_public=False)

    page = get_leaderboard("all", around=hidden)

    assert listed() == {first: (1, 30), last: (2, 10)}
    assert page.entries[1].gap_to_next == 20
    assert (page.count, page.me) == (2, None)


@pytest.mark.parametrize("flag", [{"is_active": False}, {"is_staff": True}], ids=str)
def test_inactive_users_and_staff_leave_no_gap(flag):
    scorers(30, **flag)
    [user] = scorers(20)

    assert listed() == {user: (1, 20)}


def test_staff_are_ranked_where_the_site_says_so(settings):
    settings.GAMIFICATION = {"RANKS_STAFF": True}
    [boss] = scorers(30, is_staff=True)
    scorers(20, is_active=False)

    assert listed() == {boss: (1, 30)}


# Pages


def test_a_page_has_fifty_entries_unless_asked():
    page = get_leaderboard("all")

    assert (page.page_size, page.offset) == (50, 0)


def test_pages_follow_each_other():
    users = scorers(50, 40, 30, 20, 10)

    pages = [get_leaderboard("all", page=page, page_size=2) for page in (1, 2, 3)]

    assert [entry.user for page in pages for entry in page.entries] == users
    assert [(page.offset, page.count) for page in pages] == [(0, 5), (2, 5), (4, 5)]


def test_a_page_beyond_the_end_is_empty_and_knows_the_count():
    [user] = scorers(10)

    page = get_leaderboard("all", page=1_000, page_size=100, viewer=user)

    assert (page.entries, page.count) == ((), 1)
    assert (page.me.user, page.me.rank) == (user, 1)


def test_the_viewers_entry_comes_with_every_page():
    ada, *_, eve = scorers(50, 40, 30, 20, 10)

    page = get_leaderboard("all", page=2, page_size=2, viewer=eve)

    assert page.me not in page.entries
    assert (page.me.user, page.me.rank, page.me.score) == (eve, 5, 10)
    assert page.me.gap_to_next == 10
    assert get_leaderboard("all", viewer=ada).me == get_leaderboard("all").entries[0]


def test_a_viewer_without_xp_has_no_entry(user):
    scorers(10)

    assert get_leaderboard("all", viewer=user).me is None


def test_a_viewer_who_is_not_signed_in_has_no_entry():
    scorers(10, 20)

    page = get_leaderboard("all", viewer=AnonymousUser(), around=AnonymousUser())

    assert (len(page.entries), page.me) == (2, None)


#: The place of a user, the size of a page, and the places on the page around them.
AROUND = [
    (0, 3, [0, 1, 2]),
    (1, 3, [0, 1, 2]),
    (2, 3, [1, 2, 3]),
    (3, 3, [2, 3, 4]),
    (5, 3, [4, 5, 6]),
    (6, 3, [4, 5, 6]),
    (3, 4, [1, 2, 3, 4]),
    (0, 4, [0, 1, 2, 3]),
    (6, 4, [3, 4, 5, 6]),
    (5, 1, [5]),
    (5, 7, [0, 1, 2, 3, 4, 5, 6]),
    (5, 100, [0, 1, 2, 3, 4, 5, 6]),
]


def test_a_page_around_a_user_stays_full():
    users = scorers(70, 60, 50, 40, 30, 20, 10)

    for place, page_size, expected in AROUND:
        page = get_leaderboard("all", around=users[place], page_size=page_size)

        places = [users.index(entry.user) for entry in page.entries]
        assert (place, page_size, places) == (place, page_size, expected)
        assert [entry.rank for entry in page.entries] == [each + 1 for each in expected]
        assert (page.offset, page.count) == (expected[0], 7)
        assert page.me.user == users[place]


def test_a_page_around_the_last_one_of_many_is_full():
    users = scorers(*range(120, 0, -10))

    page = get_leaderboard("all", around=users[-1], page_size=10)

    assert [entry.rank for entry in page.entries] == [*range(3, 13)]
    assert (page.offset, page.me.rank, page.me.gap_to_next) == (2, 12, 10)


def test_around_a_user_who_is_not_ranked_is_the_first_page(user):
    first, second, _ = scorers(30, 20, 10)

    page = get_leaderboard("all", around=user, page=2, page_size=2)

    assert [entry.user for entry in page.entries] == [first, second]
    assert (page.offset, page.me) == (0, None)


def test_the_number_of_a_page_is_ignored_around_a_user_and_after_a_cursor():
    _, second, _ = scorers(30, 20, 10)
    cursor = get_leaderboard("all", page_size=1).cursor

    for place in ({"around": second}, {"after": cursor}):
        page = get_leaderboard("all", **place, page=100_001, page_size=1)

        assert [entry.user for entry in page.entries] == [second]


def test_the_page_around_somebody_else_has_the_viewers_entry():
    ada, *_, eve = scorers(50, 40, 30, 20, 10)

    page = get_leaderboard("all", around=eve, viewer=ada, page_size=2)

    assert [entry.rank for entry in page.entries] == [4, 5]
    assert (page.me.user, page.me.rank) == (ada, 1)


def test_around_a_user_among_equals_is_where_the_user_is():
    users = scorers(*[10] * 9)

    page = get_leaderboard("all", around=users[4], page_size=3)

    assert [entry.user for entry in page.entries] == users[3:6]
    assert [entry.rank for entry in page.entries] == [1, 1, 1]


def test_a_board_takes_few_queries(django_assert_max_num_queries, source):
    users = scorers(*range(10, 310, 10))
    most = {"ledger": 2}.get(source, 9)

    for window, asked in product(Window, [{"page": 2}, {"around": users[3]}]):
        get_leaderboard(window)
        # The last one fetches the users.
        with django_assert_max_num_queries(most, info=f"{window} {asked}"):
            page = leaderboards.get_leaderboard(
                window, page_size=10, viewer=users[0], **asked
            )
            assert [entry.user.username for entry in (*page.entries, page.me)]


def test_a_user_who_is_deleted_meanwhile_is_left_out():
    gone, user = scorers(20, 10)
    leaving = [gone]

    def delete_before_users_are_fetched(execute, sql, *arguments):
        of_users = f'SELECT "{get_user_model()._meta.db_table}"'
        if (sql.startswith(of_users) or "slice0" in sql) and leaving:
            leaving.pop().delete()
        return execute(sql, *arguments)

    with connection.execute_wrapper(delete_before_users_are_fetched):
        page = get_leaderboard("all", around=gone)

    assert gone.pk is None
    assert [entry.user for entry in page.entries] == [user]
    assert page.me is None


def test_nobody_comes_twice_while_scores_rise():
    users = scorers(70, 60, 50, 40, 30)
    first = get_leaderboard("all", page_size=2)
    earns(users[4], 100)
    earns(users[1], 100)

    rest = get_leaderboard("all", page_size=2, after=first.cursor)

    assert [entry.user for entry in rest.entries] == users[2:4]
    assert (rest.offset, [entry.rank for entry in rest.entries]) == (3, [4, 5])
    assert rest.cursor is None


@pytest.mark.parametrize("place", range(4))
def test_a_cursor_stands_behind_its_entry_also_among_equals(place):
    users = scorers(10, 10, 10, 10, 10)

    first = get_leaderboard("all", page_size=place + 1)
    rest = get_leaderboard("all", after=first.cursor)

    assert [entry.user for entry in rest.entries] == users[place + 1 :]
    assert rest.entries[0].gap_to_next == 0


def test_users_whom_the_site_hides_are_not_ranked(monkeypatch):
    first, second = scorers(30, 20)

    hide(monkeypatch, first)

    [entry] = get_leaderboard("all").entries
    assert (entry.user_id, entry.rank, entry.gap_to_next) == (second.pk, 1, None)


@pytest.mark.parametrize(
    ("ranking", "rank"), [("competition", 4), ("dense", 3), ("ordinal", 5)]
)
def test_the_place_of_a_viewer_on_another_page_has_any_rank(ranking, rank):
    users = scorers(30, 20, 20, 10, 10)

    me = get_leaderboard("all", page_size=1, viewer=users[4], ranking=ranking).me

    assert (me.user, me.rank, me.gap_to_next) == (users[4], rank, 0)


def test_marks_of_users_may_be_in_another_table(monkeypatch):
    first, second = scorers(30, 20)
    type(first).objects.filter(pk=first.pk).update(is_active=False)
    model = SimpleNamespace(_meta=SimpleNamespace(local_concrete_fields=[]))
    column = SimpleNamespace(model=model)
    monkeypatch.setattr(counting, "target_field", lambda: column)

    assert order(viewer=second) == [second]
