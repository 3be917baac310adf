from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.leaderboards import tend_boards
from gamification.leaderboards.upkeep import closing
from gamification.services import (
    record_activity,
    set_visibility,
)
from tests.api.assertions import assert_problem, errors_in
from tests.api.conftest import NOON
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

#: A Monday.
LEADERBOARDS = "/api/gamification/v1/leaderboards/"


def earns(user, amount, at=NOON):
    quantity = amount // 10
    record_activity(user, "walk", quantity=quantity, occurred_at=at, historical=True)


def qualifying_users(*amounts):
    """Make users who earned these amounts; return their names."""
    users = [UserFactory() for _ in amounts]
    for user, amount in zip(users, amounts, strict=True):
        earns(user, amount)
    return [user.username for user in users]


def read(api, window="all", **query):
    return api.get(f"{LEADERBOARDS}{window}/", query).json()


def names(board):
    return [place["user"] for place in board["results"]]


def test_a_leaderboard_has_places_and_ones_own(api, user):
    ada, bob = qualifying_users(90, 60)
    earns(user, 50)

    assert read(api, "week") == {
        "window": "week",
        "period": "2026-W10",
        "state": "open",
        "is_provisional": False,
        "starts_at": "2026-03-02T00:00:00Z",
        "ends_at": "2026-03-09T00:00:00Z",
        "zone": "UTC",
        "ranking": "competition",
        "count": 3,
        "next": None,
        "previous": None,
        "cursor": None,
        "results": [
            {"rank": 1, "user": ada, "score": 90, "gap_to_next": None},
            {"rank": 2, "user": bob, "score": 60, "gap_to_next": 30},
            {"rank": 3, "user": user.username, "score": 50, "gap_to_next": 10},
        ],
        "me": {"rank": 3, "score": 50, "gap_to_next": 10},
    }


def test_where_nobody_earned_anything_nobody_is_ranked(api):
    assert read(api) == {
        "window": "all",
        "period": "all",
        "state": "open",
        "is_provisional": False,
        "starts_at": None,
        "ends_at": None,
        "zone": "UTC",
        "ranking": "competition",
        "count": 0,
        "next": None,
        "previous": None,
        "cursor": None,
        "results": [],
        "me": None,
    }


@pytest.mark.parametrize(
    ("window", "starts_at", "ends_at", "score"),
    [
        ("day", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", 10),
        ("week", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z", 10),
        ("month", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", 30),
        ("all", None, None, 70),
    ],
)
def test_a_period_is_that_of_the_calendar(api, user, window, starts_at, ends_at, score):
    earns(user, 10)
    earns(user, 20, NOON - timedelta(days=1))
    earns(user, 40, NOON - timedelta(days=2))

    board = read(api, window)

    assert (board["starts_at"], board["ends_at"]) == (starts_at, ends_at)
    assert (board["window"], board["me"]["score"]) == (window, score)


@pytest.mark.parametrize(
    "window", ["year", "DAY", "all%20", "all%0A", "%00", "1", "day,week", "-"]
)
def test_other_periods_are_not_there(api, window):
    assert_problem(api.get(f"{LEADERBOARDS}{window}/"), 404, "not_found")


def test_a_period_follows_the_zone_of_leaderboards(api, user, settings):
    settings.GAMIFICATION = {"LEADERBOARD_ZONE": "Pacific/Kiritimati"}
    # It is the third of March there.
    earns(user, 10, NOON - timedelta(hours=3))
    earns(user, 20, NOON)

    board = read(api, "day")

    assert (board["zone"], board["me"]["score"]) == ("Pacific/Kiritimati", 20)
    assert board["starts_at"] == "2026-03-02T10:00:00Z"
    assert board["ends_at"] == "2026-03-03T10:00:00Z"


@pytest.mark.parametrize(
    ("ranking", "ranks"),
    [
        ("competition", [1, 2, 2, 4]),
        ("dense", [1, 2, 2, 3]),
        ("ordinal", [1, 2, 3, 4]),
    ],
)
def test_equals_are_ranked_in_one_of_three_ways(api, ranking, ranks):
    qualifying_users(30, 20, 20, 10)

    board = read(api, ranking=ranking)

    assert board["ranking"] == ranking
    assert [place["rank"] for place in board["results"]] == ranks


def test_a_leaderboard_comes_in_pages(api, user):
    first, second, third = qualifying_users(30, 20, 10)
    earns(user, 40)

    top = read(api, page_size=2)
    rest = api.get(top["next"]).json()

    assert (names(top), names(rest)) == ([user.username, first], [second, third])
    assert (top["previous"], rest["next"]) == (None, None)
    assert api.get(rest["previous"]).json() == top
    assert rest["count"] == top["count"] == 4
    assert rest["me"] == top["me"] == {"rank": 1, "score": 40, "gap_to_next": None}


def test_after_the_last_page_there_is_nothing(api):
    qualifying_users(10)

    assert_problem(api.get(f"{LEADERBOARDS}all/", {"page": 2}), 404, "not_found")


def test_users_ask_for_those_around_them(api, user):
    others = qualifying_users(50, 40, 20, 10)
    earns(user, 30)

    board = read(api, around="me", page_size=3)

    assert names(board) == [others[1], user.username, others[2]]
    assert (board["previous"], board["count"]) == (None, 5)
    assert board["me"] == {"rank": 3, "score": 30, "gap_to_next": 10}
    rest = api.get(board["next"]).json()
    assert (names(rest), rest["next"]) == ([others[3]], None)


def test_around_a_user_who_is_not_ranked_is_the_top(api):
    others = qualifying_users(30, 20, 10)

    board = read(api, around="me", page_size=2)

    assert (names(board), board["me"]) == (others[:2], None)


def test_a_private_user_is_not_ranked(api, user):
    qualifying_users(30, 10)
    earns(user, 20)
    set_visibility(user, is_public=False)

    board = read(api)

    assert user.username not in names(board)
    assert board["me"] is None


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"ranking": "dense"},
        {"ranking": "ordinal"},
        {"around": "me", "page_size": 2},
        {"page_size": 1},
        {"page_size": 1, "page": 2},
    ],
    ids=str,
)
def test_a_private_user_leaves_no_gap(api, user, query):
    qualifying_users(50, 30, 30)
    earns(user, 10)
    before = read(api, **query)

    hidden = UserFactory()
    earns(hidden, 40)
    set_visibility(hidden, is_public=False)

    assert read(api, **query) == before


def test_users_are_called_by_their_public_names(api, settings):
    user = UserFactory(email="ada@example.org")
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": "id"}
    earns(user, 10)

    assert names(read(api)) == [str(user.pk)]


@pytest.mark.parametrize("query", [{}, {"around": "me"}, {"page_size": 2, "page": 2}])
def test_a_leaderboard_takes_few_queries(
    api, user, query, django_assert_max_num_queries
):
    tend_boards()
    qualifying_users(50, 40, 20, 10)
    earns(user, 30)
    tend_boards()

    # The last one fetches the users on the page, for their names.
    with django_assert_max_num_queries(8):
        assert read(api, **query)["count"] == 5


def test_polling_says_that_nothing_has_changed(api, user):
    earns(user, 10)
    first = api.get(f"{LEADERBOARDS}all/")
    second = api.get(f"{LEADERBOARDS}all/", headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.content) == (304, b"")


def test_polling_returns_changes(api, user):
    earns(user, 10)
    first = api.get(f"{LEADERBOARDS}all/")
    qualifying_users(10)
    second = api.get(f"{LEADERBOARDS}all/", headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.json()["count"]) == (200, 2)
    assert second["ETag"] != first["ETag"]


def test_an_ETag_of_one_user_does_not_match_for_another(api, user):
    earns(user, 10)
    first = api.get(f"{LEADERBOARDS}all/")
    api.force_authenticate(UserFactory())
    second = api.get(f"{LEADERBOARDS}all/", headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.json()["me"]) == (200, None)
    assert second["ETag"] != first["ETag"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("page", "0", "min_value"),
        ("page", "-1", "min_value"),
        ("page", "last", "invalid"),
        ("page", str(10**23), "invalid"),
        ("page_size", "0", "min_value"),
        ("page_size", "101", "max_value"),
        ("page_size", str(10**9), "max_value"),
        ("ranking", "best", "invalid_choice"),
        ("ranking", "", "invalid_choice"),
        ("around", "ada", "invalid_choice"),
        ("around", "\0", "invalid_choice"),
        ("zone", "UTC", "unknown"),
        ("period", "", "blank"),
        ("period", "\0", "unstorable"),
        ("period", "2" * 10_000, "max_length"),
        ("user", "1", "unknown"),
        ("ordering", "password", "unknown"),
    ],
    ids=ascii,
)
def test_parameters_have_bounds(api, name, value, code):
    errors = errors_in(api.get(f"{LEADERBOARDS}day/", {name: value}))

    assert errors == {f"/{name}": code}


@pytest.mark.parametrize(
    "name", ["2026-11-23", "2026-W54", "2026-11", "all", "../2026", "２026-W10", "£"]
)
def test_a_week_has_the_name_of_a_week(api, name):
    answer = api.get(f"{LEADERBOARDS}week/", {"period": name})

    assert_problem(answer, 422, "invalid_period")


def test_a_past_period_can_be_read(api, user):
    earns(user, 10)
    earns(user, 30, NOON - timedelta(days=7))

    board = read(api, "week", period="2026-W09")

    assert (board["period"], board["me"]["score"]) == ("2026-W09", 30)


def test_a_page_continues_behind_a_cursor(api):
    others = qualifying_users(50, 40, 40, 30, 20)
    first = read(api, page_size=2)

    second = read(api, page_size=2, after=first["cursor"])
    third = api.get(second["next"]).json()

    assert [*names(first), *names(second), *names(third)] == others
    assert [place["rank"] for place in second["results"]] == [2, 4]
    assert (third["next"], third["cursor"]) == (None, None)


@pytest.mark.parametrize(
    "cursor", ["x", "1.2", "1.2.\u0661x", "1..3", "1.-99999999999999999.1"]
)
def test_a_cursor_is_one_of_a_page(api, cursor):
    answer = api.get(f"{LEADERBOARDS}all/", {"after": cursor})

    assert_problem(answer, 422, "invalid_cursor")


def test_a_scope_follows_from_the_viewer(api, user, settings):
    friend, _ = qualifying_users(30, 90)
    earns(user, 10)
    friends = {
        "friends": lambda viewer: [*type(viewer).objects.filter(username=friend)]
    }
    settings.GAMIFICATION = {"LEADERBOARD_SCOPES": friends}

    board = read(api, scope="friends")

    assert names(board) == [friend, user.username]
    assert_problem(
        api.get(f"{LEADERBOARDS}all/", {"scope": "team"}), 404, "unknown_scope"
    )


def test_a_past_period_has_winners(api, user, server_clock):
    _, bob, *_ = qualifying_users(90, 60, 60, 20)
    server_clock.move_to(NOON + timedelta(days=7))

    winners = api.get(f"{LEADERBOARDS}week/winners/").json()
    then = api.get(f"{LEADERBOARDS}week/winners/", {"period": "2026-W10"}).json()

    assert [each["rank"] for each in winners["results"]] == [1, 2, 2]
    period = [winners[name] for name in ("window", "period", "state")]
    assert period == ["week", "2026-W10", "settling"]
    board = read(api, "week", period="2026-W10")
    assert (board["state"], board["is_provisional"]) == ("settling", True)
    assert winners["results"][1] == {
        "rank": 2,
        "user": bob,
        "score": 60,
        "gap_to_next": 30,
    }
    assert then == winners


def test_the_number_of_a_page_is_ignored_around_me_and_after_a_cursor(api):
    qualifying_users(90, 60)
    cursor = read(api, page_size=1)["cursor"]

    for place in ({"around": "me"}, {"after": cursor}):
        board = read(api, **place, page_size=1)
        # The address of the next page is the same, too.
        assert read(api, **place, page_size=1, page=100_001) == board


def test_a_cursor_leads_on_from_the_last_page_with_a_number(api, monkeypatch):
    for module in ("api.views.leaderboards", "leaderboards.reading"):
        monkeypatch.setattr(f"gamification.{module}.MAX_DEPTH", 2)
    qualifying_users(90, 60, 30)

    board = read(api, page_size=2)
    rest = api.get(board["next"]).json()

    assert rest == read(api, after=board["cursor"], page_size=2)
    assert (board["count"], rest["next"]) == (3, None)
    assert [each["rank"] for each in rest["results"]] == [3]
    beyond = api.get(f"{LEADERBOARDS}all/", {"page": 2, "page_size": 2})
    assert_problem(beyond, 404, "not_found")


def test_pages_of_a_final_board_end_with_the_places_that_it_keeps(
    api, server_clock, monkeypatch
):
    monkeypatch.setattr(closing, "KEPT", 2)
    first, second, _ = qualifying_users(90, 60, 30)
    tend_boards()
    server_clock.move_to(NOON + timedelta(days=14))
    tend_boards()

    board = read(api, "week", period="2026-W10", page_size=2)

    assert (names(board), board["count"]) == ([first, second], 3)
    assert (board["next"], board["cursor"]) == (None, None)
    beyond = {"period": "2026-W10", "page": 2, "page_size": 2}
    assert_problem(api.get(f"{LEADERBOARDS}week/", beyond), 404, "not_found")
