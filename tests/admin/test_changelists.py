from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from gamification.admin import changelists
from gamification.admin.history import LedgerEntryAdmin
from gamification.services import (
    adjust_xp,
    record_activity,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LEDGER = reverse("admin:gamification_ledgerentry_changelist")


@pytest.fixture
def history(user, activity, no_achievements):
    """One entry in each of three months of two years."""
    for at in ((2025, 12, 31), (2026, 1, 5), (2026, 3, 2)):
        with time_machine.travel(datetime(*at, 12, tzinfo=UTC), tick=False):
            record_activity(user, "walk", source=f"walks:{at[1]}")


def shown(client, **query):
    return list(client.get(LEDGER, query).context["cl"].result_list)


def links(client, **query):
    html = client.get(LEDGER, query).content.decode()
    nav = html.partition('class="toplinks"')[2].partition("</nav>")[0]
    return [part.partition(">")[2] for part in nav.replace("</a>", "<a").split("<a")][
        1::2
    ]


def test_the_count_of_rows_is_limited(admin_client, user, monkeypatch):
    monkeypatch.setattr(changelists, "MAX_ROWS", 3)
    for n in range(5):
        adjust_xp(user, amount=n + 1, note="A present.")

    assert admin_client.get(LEDGER).context["cl"].result_count == 3


def test_a_list_that_is_not_counted_to_its_end_says_so(admin_client, user, monkeypatch):
    monkeypatch.setattr(changelists, "MAX_ROWS", 3)
    monkeypatch.setattr(LedgerEntryAdmin, "list_per_page", 2)
    for n in range(4):
        adjust_xp(user, amount=n + 1, note="A present.")

    text = admin_client.get(LEDGER, {"q": user.get_username()}).text

    assert "More than 3 ledger entries" in " ".join(text.split())
    assert ">Select all (more than 3) ledger entries<" in text
    assert ">All selected: more than 3<" in text
    assert "3 results" not in text


def test_a_list_that_is_counted_to_its_end_gives_its_number(
    admin_client, user, monkeypatch
):
    monkeypatch.setattr(changelists, "MAX_ROWS", 3)
    for n in range(3):
        adjust_xp(user, amount=n + 1, note="A present.")

    text = " ".join(admin_client.get(LEDGER).text.split())

    assert "3 ledger entries" in text
    assert "ore than" not in text


def test_the_list_cannot_be_sorted(admin_client, history):
    months = [entry.recorded_at.month for entry in shown(admin_client, o="4")]

    assert months == [3, 1, 12]


def test_an_empty_list_has_no_date_hierarchy(admin_client):
    assert links(admin_client) == []


def test_the_date_hierarchy_starts_with_years(admin_client, history):
    assert links(admin_client) == ["2025", "2026"]


def test_a_year_lists_its_months(admin_client, history):
    months = links(admin_client, local_date__year=2026)

    assert months[0] == "&lsaquo; All dates"
    assert (months[1], months[-1]) == ("January 2026", "December 2026")


def test_a_month_lists_its_days(admin_client, history):
    query = {"local_date__year": 2026, "local_date__month": 2}

    days = links(admin_client, **query)

    assert (days[0], days[1], days[-1]) == (
        "&lsaquo; 2026",
        "February 1",
        "February 28",
    )


def test_a_day_links_back_to_its_month(admin_client, history):
    query = {"local_date__year": 2026, "local_date__month": 1, "local_date__day": 5}

    assert links(admin_client, **query) == ["&lsaquo; January 2026"]
    assert len(shown(admin_client, **query)) == 1


@pytest.mark.parametrize("year", ["0", "9999", "x", "-1", "9" * 5_000])
def test_an_impossible_year_shows_the_whole_list(admin_client, history, year):
    response = admin_client.get(LEDGER, {"local_date__year": year}, follow=True)

    assert response.redirect_chain == [(f"{LEDGER}?e=1", 302)]


@pytest.mark.parametrize(
    "query",
    [
        "local_date__year=",
        "local_date__year=2026&local_date__month=0",
        "local_date__month=2&local_date__day=31",
        "local_date__iso_year=0",
        f"user={'9' * 25}",
        f"id__in=1,{'9' * 25}",
    ],
)
def test_impossible_filter_values_cause_no_server_error(admin_client, history, query):
    response = admin_client.get(f"{LEDGER}?{query}", follow=True)

    assert response.status_code == 200


def test_entries_are_found_by_user(admin_client, history, user):
    record_activity(UserFactory(), "walk")

    assert len(shown(admin_client, q=user.get_username())) == 3


def test_entries_are_found_by_source(admin_client, history):
    [entry] = shown(admin_client, q="walks:1")

    assert entry.recorded_at.month == 1


def test_the_number_of_queries_of_the_ledger_list(
    admin_client, history, django_assert_max_num_queries
):
    # Session, staff member, count, rows, dates, and two filters.
    with django_assert_max_num_queries(7):
        admin_client.get(LEDGER)
