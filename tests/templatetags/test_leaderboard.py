from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from gamification.exceptions import InvalidRequestError
from gamification.leaderboards import tend_boards
from gamification.leaderboards.upkeep import closing
from gamification.services import record_activity, set_visibility
from gamification.staff import exclude_user, hold_user
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements", "activity"),
]

TAG = "{% gamification_leaderboard 'week' %}"
AROUND = "{% gamification_leaderboard 'week' around=user page_size=3 %}"

#: A Thursday.
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def earn(*scores: int) -> list:
    """Return users who earned so many times 10 XP."""
    users = [UserFactory(username=f"user-{score}") for score in scores]
    for user, score in zip(users, scores, strict=True):
        record_activity(user, "walk", quantity=score)
    return users


def rows(html: str) -> list[tuple[str, str, str, str]]:
    """Return place, name, score and gap of each row."""
    return re.findall(
        r'data-rank="(\d+)">.*?gamification-name"[^>]*>(.*?)</.*?number">(.*?)</td>'
        r'.*?gap">(.*?)</td>',
        html,
    )


def test_users_are_listed_with_what_the_next_has_more(render):
    earn(50, 30, 200)

    assert rows(render(TAG)) == [
        ("1", "user-200", "2,000", ""),
        ("2", "user-50", "500", "1,500"),
        ("3", "user-30", "300", "200"),
    ]


def test_it_is_a_table_with_a_caption(render):
    earn(1)

    html = render(TAG)

    assert "<caption>Week of March 2, 2026, UTC</caption>" in html
    assert (
        '<th scope="row"><a class="gamification-name" href="/game/users/user-1/"'
        in (html)
    )


@pytest.mark.parametrize(
    ("window", "title", "caption"),
    [
        ("day", "Leaderboard of the day", "March 5, 2026, UTC"),
        ("week", "Leaderboard of the week", "Week of March 2, 2026, UTC"),
        ("month", "Leaderboard of the month", "March 2026, UTC"),
        ("all", "Leaderboard of all time", "All XP ever earned"),
    ],
)
def test_each_window_says_what_it_is(render, window, title, caption):
    earn(1)

    html = render("{% gamification_leaderboard window %}", window=window)

    assert f">{title}</h2>" in html
    assert f"<caption>{caption}</caption>" in html


@pytest.mark.parametrize(
    ("window", "words"),
    [("day", "today"), ("week", "this week"), ("month", "this month"), ("all", "yet")],
)
def test_an_empty_board_says_so(render, window, words):
    html = render("{% gamification_leaderboard window %}", window=window)

    assert f"Nobody has earned XP {words}. Be the first!" in html
    assert "<table" not in html


def test_the_own_row_is_marked(render):
    _, grace = earn(2, 1)

    html = render(TAG, visitor=grace)

    assert html.count('aria-current="true"') == 1
    assert re.search(r'<tr aria-current="true">.*?user-1</a>', html)
    assert "You are in place" not in html


def test_the_own_place_is_said_where_it_is_on_another_page(render):
    *_, last = earn(5, 4, 3, 2, 1)

    html = render("{% gamification_leaderboard 'week' page_size=2 %}", visitor=last)

    assert "You are in place 5 of 5, with 10 XP." in html


def test_it_is_shown_around_a_user(render):
    users = earn(*range(9, 0, -1))

    html = render(AROUND, user=users[4])

    assert [row[1] for row in rows(html)] == ["user-6", "user-5", "user-4"]


def test_who_hides_is_told_so(render):
    earn(3)
    [hidden] = earn(2)
    set_visibility(hidden, is_public=False)

    html = render(TAG, visitor=hidden)

    assert "Your place is hidden: others do not see you here." in html
    assert '<a href="/game/settings/">' in html
    assert "user-2" not in html


def test_who_earned_nothing_is_told_how_to_get_a_place(render, user):
    earn(3)

    assert "earn some XP to get one" in render(TAG, visitor=user)


@pytest.mark.parametrize("is_held", [True, False])
def test_who_is_restricted_is_told_no_reason(render, is_held):
    earn(3)
    [user] = earn(2)
    if is_held:
        until = timezone.now() + timedelta(1)
        hold_user(user, until=until, reason="Cheats.", actor=None)
    else:
        exclude_user(user, reason="Cheats.", actor=None)

    html = render(TAG, visitor=user)

    assert "You are not listed on this board." in html
    assert "earn some XP to get one" not in html


def test_staff_are_told_that_they_have_no_place(render, staff):
    earn(3)

    assert "Staff have no place here." in render(TAG, visitor=staff)


def test_staff_have_a_place_where_the_site_says_so(render, staff, settings):
    settings.GAMIFICATION = {"RANKS_STAFF": True}
    earn(3)

    assert "earn some XP to get one" in render(TAG, visitor=staff)


def test_pages_lead_to_each_other(render):
    earn(3, 2, 1)
    tag = "{% gamification_leaderboard 'week' page=page page_size=1 %}"

    first, second, last = (render(tag, page=page) for page in (1, 2, 3))

    assert re.findall(r'href="\?page=(\d)"', first) == ["2"]
    assert re.findall(r'href="\?page=(\d)"', second) == ["1", "3"]
    assert re.findall(r'href="\?page=(\d)"', last) == ["2"]


def test_what_is_shown_by_itself_leads_to_no_pages(render):
    earn(3, 2, 1)

    assert "?page=" not in render("{% gamification_leaderboard 'week' page_size=1 %}")


def test_what_is_around_somebody_has_no_pages(render):
    [user, *_] = earn(3, 2, 1)
    tag = "{% gamification_leaderboard 'week' around=user page=1 page_size=1 %}"

    assert "?page=" not in render(tag, user=user)


def test_names_are_text(render):
    record_activity(UserFactory(username="<b>x"), "walk")

    assert "&lt;b&gt;x" in render(TAG)


@pytest.mark.parametrize("name", ["a/b", ".", ".."])
def test_a_name_that_fits_no_address_is_no_link(render, name):
    record_activity(UserFactory(username=name), "walk")

    assert f'<span class="gamification-name">{name}</span>' in render(TAG)


def test_the_last_week_is_provisional_while_late_records_may_arrive(render, clock):
    earn(3)
    clock.move_to(datetime(2026, 3, 9, 12, tzinfo=UTC))
    past = "{% gamification_leaderboard 'week' period='2026-W10' %}"

    html = render(past)

    assert rows(html) == [("1", "user-3", "30", "")]
    assert "Provisional: late records may still arrive." in html
    assert "Provisional" not in render(TAG)


@pytest.mark.parametrize("has_board", [True, False])
def test_a_period_is_not_provisional_for_ever_without_a_tick(render, clock, has_board):
    if has_board:
        tend_boards()
    earn(3)
    clock.move_to(datetime(2026, 5, 4, 12, tzinfo=UTC))

    html = render("{% gamification_leaderboard 'week' period='2026-W10' %}")

    assert rows(html) == [("1", "user-3", "30", "")]
    assert "Provisional" not in html
    assert "Final" not in html


def test_a_window_that_is_none_is_an_error(render):
    with pytest.raises(InvalidRequestError):
        render("{% gamification_leaderboard 'year' %}")


@pytest.fixture(params=["ledger", "pending", "kept"])
def source(request):
    """Let the ledger answer, or a board, without or with the latest records."""
    if request.param != "ledger":
        tend_boards()
    return request.param


def test_it_takes_three_queries(render, source, django_assert_max_num_queries):
    *_, last = earn(3, 2, 1)
    if source == "kept":
        tend_boards()

    with django_assert_max_num_queries(3):
        render(AROUND, user=last, visitor=last)


@pytest.mark.parametrize("is_public", [True, False])
def test_it_takes_one_more_for_who_has_no_place(
    render, user, is_public, django_assert_num_queries
):
    earn(3, 2, 1)
    set_visibility(user, is_public=is_public)
    tend_boards()

    with django_assert_num_queries(3 if is_public else 2):
        html = render(AROUND, user=user, visitor=user)

    assert ("Your place is hidden" in html) is not is_public


def test_a_final_board_says_so(render, clock):
    earn(3, 2)
    tend_boards()
    clock.move_to(datetime(2026, 3, 12, 12, tzinfo=UTC))
    tend_boards()

    html = render("{% gamification_leaderboard 'week' period='2026-W10' %}")

    assert [name for _, name, *_ in rows(html)] == ["user-3", "user-2"]
    assert "Final: new records no longer change it." in html


@pytest.fixture
def final(clock, monkeypatch):
    """Return five users of a final week that keeps the first two places."""
    monkeypatch.setattr(closing, "KEPT", 2)
    users = earn(5, 4, 3, 2, 1)
    tend_boards()
    clock.move_to(datetime(2026, 3, 12, 12, tzinfo=UTC))
    tend_boards()
    return users


PAST = "{% gamification_leaderboard 'week' period='2026-W10' page=page page_size=2 %}"
PAST_AROUND = PAST.replace("page=page", "around=user")


def test_a_final_board_says_which_places_it_keeps(render, final):
    html = render(PAST_AROUND, user=final[4], visitor=final[4])

    assert rows(html) == []
    assert "Only the first 2 places of a final leaderboard are kept." in html
    assert "You are in place 5 of 5, with 10 XP." in html


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_final_board_has_pages_of_the_places_that_it_keeps(render, final, page):
    html = render(PAST, page=page)

    assert [name for _, name, *_ in rows(html)] == ["user-5", "user-4"]
    assert 'rel="next"' not in html
    assert 'rel="prev"' not in html


def test_a_final_board_may_show_nobody_any_more(render, clock):
    [user] = earn(1)
    tend_boards()
    clock.move_to(datetime(2026, 3, 12, 12, tzinfo=UTC))
    tend_boards()
    set_visibility(user, is_public=False)

    assert "Nobody is shown here." in render(PAST, page=1)


def test_nobody_may_have_earned_anything_then(render, user):
    past = "{% gamification_leaderboard 'week' period='2026-W09' %}"

    assert "Nobody earned XP in this period." in render(past, visitor=user)
    earn(1)
    assert "You have no place yet" in render(TAG, visitor=user)


def test_who_had_no_place_is_told_so(render, user, clock):
    earn(3)
    clock.move_to(datetime(2026, 3, 9, 12, tzinfo=UTC))

    html = render(
        "{% gamification_leaderboard 'week' period='2026-W10' %}", visitor=user
    )

    assert "You had no place." in html


def test_pages_of_a_past_period_lead_to_others_of_it(render, clock):
    earn(3, 2, 1)
    clock.move_to(datetime(2026, 3, 9, 12, tzinfo=UTC))
    past = "{% gamification_leaderboard 'week' period='2026-W10' page=2 page_size=1 %}"

    html = render(past)

    assert '<a href="?page=1&amp;period=2026-W10" rel="prev">' in html
    assert '<a href="?page=3&amp;period=2026-W10" rel="next">' in html


@pytest.mark.parametrize("page", [4, 99])
def test_behind_the_last_page_it_shows_the_last_one(render, page):
    earn(3, 2, 1)
    tag = f"{{% gamification_leaderboard 'all' page={page} page_size=1 %}}"

    html = render(tag)

    assert '<a href="?page=2" rel="prev">' in html
    assert 'rel="next"' not in html


def test_it_may_show_a_scope(render, settings):
    first, second, _ = earn(3, 2, 1)
    friends = {"friends": lambda viewer: [first]}
    settings.GAMIFICATION = {"LEADERBOARD_SCOPES": friends}

    html = render(
        "{% gamification_leaderboard 'week' scope='friends' %}", visitor=second
    )

    assert [name for _, name, *_ in rows(html)] == ["user-3", "user-2"]
