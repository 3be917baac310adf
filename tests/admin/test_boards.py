from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.urls import reverse

from gamification.exceptions import StorageError
from gamification.leaderboards import tend_boards
from gamification.leaderboards.upkeep import closing
from gamification.models import Board, UserGamification
from gamification.services import record_activity
from tests.admin.test_jobs import allowed
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

WEEK = reverse("admin:gamification_board_of", args=["week"])
REOPEN = reverse("admin:gamification_board_reopen", args=["week"])
LIST = reverse("admin:gamification_board_changelist")

WEDNESDAY = datetime(2026, 6, 10, 12, tzinfo=UTC)
PAST = {"period": "2026-W24"}


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(WEDNESDAY, tick=False)
    return time_machine


@pytest.fixture
def walkers(activity):
    """Return users who earned 30, 20 and 10 XP in the week."""
    users = [UserFactory(username=f"walker-{n}") for n in (3, 2, 1)]
    for user, quantity in zip(users, (3, 2, 1), strict=True):
        record_activity(user, "walk", quantity=quantity)
    return users


@pytest.fixture
def final(walkers, clock):
    """Let the week of the walkers be over, and final."""
    tend_boards()
    clock.move_to(datetime(2026, 6, 20, 12, tzinfo=UTC), tick=False)
    tend_boards()
    return walkers


def rows(response):
    """Return place, name and XP of each row."""
    pattern = r'gam-number">(\d+)</td><th[^>]*>.*?<bdi>(.*?)</bdi>.*?gam-number">(\d+)<'
    return re.findall(pattern, response.text)


def test_staff_see_the_places_of_a_period(admin_client, walkers):
    response = admin_client.get(WEEK)

    assert rows(response) == [
        ("1", "walker-3", "30"),
        ("2", "walker-2", "20"),
        ("3", "walker-1", "10"),
    ]
    page = reverse("admin:gamification_usergamification_for", args=[walkers[0].pk])
    assert f'<a href="{page}">' in response.text


def test_a_site_may_have_no_pages_of_users(admin_client, walkers, unregister):
    unregister(UserGamification)

    assert len(rows(admin_client.get(WEEK))) == 3


def test_staff_who_may_not_view_users_get_no_links_to_them(client, walkers):
    response = allowed(client, "view_board").get(WEEK)

    assert len(rows(response)) == 3
    assert "/usergamification/for/" not in response.text


@pytest.mark.parametrize("window", ["day", "month", "all"])
def test_each_window_has_its_places(admin_client, walkers, window):
    address = reverse("admin:gamification_board_of", args=[window])

    response = admin_client.get(address)

    assert f'<a href="{address}" aria-current="page">' in response.text
    assert len(rows(response)) == 3


def test_past_periods_are_a_click_away(admin_client, walkers, clock):
    clock.move_to(datetime(2026, 6, 17, 12, tzinfo=UTC), tick=False)

    now, then = admin_client.get(WEEK), admin_client.get(WEEK, PAST)

    assert rows(now) == []
    assert "Nobody has a place here." in now.text
    assert '<a href="?period=2026-W24" rel="prev">' in now.text
    assert len(rows(then)) == 3
    assert '<a href="?period=2026-W25" rel="next">' in then.text


def test_a_long_board_goes_on_behind_a_cursor(admin_client, walkers, monkeypatch):
    monkeypatch.setattr("gamification.admin.boards.PAGE_SIZE", 2)
    first = admin_client.get(WEEK)

    [cursor] = re.findall(r'href="\?after=(.*?)" rel="next"', first.text)
    rest = admin_client.get(WEEK, {"after": cursor})

    assert rows(rest) == [("3", "walker-1", "10")]
    assert "First page" in rest.text


def test_staff_find_a_user(admin_client, walkers):
    response = admin_client.get(WEEK, {"user": "walker-2"})

    assert "Place 2 of 3, with 20 XP." in response.text
    assert response.text.count('<tr aria-current="true">') == 1


def test_staff_find_a_user_whose_name_could_be_a_list(admin_client, walkers):
    get_user_model().objects.filter(username="walker-2").update(username="key")

    response = admin_client.get(WEEK, {"user": "key"})

    assert "Place 2 of 3, with 20 XP." in response.text


def test_the_last_users_of_a_final_board_are_known_without_a_row(
    admin_client, request, monkeypatch
):
    monkeypatch.setattr(closing, "KEPT", 2)
    monkeypatch.setattr("gamification.admin.boards.PAGE_SIZE", 1)
    request.getfixturevalue("final")

    response = admin_client.get(WEEK, PAST | {"user": "walker-1"})

    assert "Place 3 of 3, with 10 XP." in response.text
    assert "Only the first 2 places of a final leaderboard are kept." in response.text


def test_a_user_may_have_no_place(admin_client, user):
    response = admin_client.get(WEEK, {"user": user.username})

    assert "This user has no place" in response.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"user": "nobody"}, "This does not identify exactly one user."),
        ({"period": "x"}, "is not a period of the window week"),
        ({"after": "x"}, "does not come from a leaderboard."),
    ],
)
def test_what_is_not_there_is_said(admin_client, query, said):
    response = admin_client.get(WEEK, query, follow=True)

    assert response.redirect_chain == [(WEEK, 302)]
    assert said in response.text


def test_a_database_that_fails_does_not_send_staff_in_a_circle(
    admin_client, monkeypatch
):
    def fail(*args, **options):
        raise StorageError

    monkeypatch.setattr("gamification.admin.boards.get_leaderboard", fail)

    with pytest.raises(StorageError):
        admin_client.get(WEEK)


def test_a_window_is_one_of_four(admin_client):
    assert admin_client.get(WEEK.replace("week", "year")).status_code == 404


def test_it_takes_a_permission(client):
    assert allowed(client, "view_board").get(WEEK).status_code == 200
    assert allowed(client, "view_ledgerentry").get(WEEK).status_code == 403


def test_kept_boards_are_listed_with_their_state(admin_client, final):
    Board.objects.filter(window="all").update(is_built=False)

    response = admin_client.get(LIST)

    states = re.findall(r'field-state">(.*?)<', response.text)
    assert {*states} == {"final", "kept", "not built"}
    assert f'<a href="{WEEK}">Places</a>' in response.text


@pytest.mark.parametrize(
    ("day", "state"), [(14, "open"), (15, "provisional"), (20, "not closed")]
)
def test_a_board_that_nothing_closes_is_shown_as_not_closed(
    admin_client, walkers, clock, day, state
):
    clock.move_to(datetime(2026, 6, day, 12, tzinfo=UTC), tick=False)

    response = admin_client.get(WEEK, PAST)

    assert f"2026-W24, UTC · {state}</caption>" in response.text


def test_a_final_board_is_opened_again(admin_client, final, admin_user):
    assert "Reopen" in admin_client.get(WEEK, PAST).text

    response = admin_client.post(REOPEN, PAST, follow=True)

    assert "The board is open again until it settles." in response.text
    board = Board.objects.get(window="week", starts_at__day=8)
    assert (board.closed_at, board.count) == (None, 3)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (admin_user, str(board.pk))


@pytest.mark.parametrize(
    ("period", "said"),
    [
        ("2026-W25", "The board of this period is not final."),
        ("x", "is not a period of the window week"),
    ],
)
def test_other_boards_are_not_opened_again(admin_client, final, period, said):
    response = admin_client.post(REOPEN, {"period": period}, follow=True)

    assert said in response.text
    assert not Board.objects.exclude(reopened_at=None).exists()


def test_the_final_board_of_another_zone_is_not_opened_again(admin_client, walkers):
    start, end = datetime(2026, 6, 8, tzinfo=UTC), datetime(2026, 6, 14, 23, tzinfo=UTC)
    Board.objects.create(window="week", starts_at=start, ends_at=end, closed_at=end)

    response = admin_client.post(REOPEN, PAST, follow=True)

    assert "The board of this period is not final." in response.text


def test_opening_again_takes_a_permission(client, final):
    viewer = allowed(client, "view_board")

    assert "Reopen" not in viewer.get(WEEK, PAST).text
    assert viewer.post(REOPEN, PAST).status_code == 403
