from __future__ import annotations

import pytest
from django.urls import reverse

from gamification.admin.players import ledger
from gamification.admin.players.ledger import get_ledger_page, read_cursor
from gamification.models import LedgerEntry
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
)
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import ledger_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def pages_of_2(monkeypatch):
    monkeypatch.setattr(ledger, "PAGE", 2)


@pytest.fixture
def past(user, no_achievements):
    """Five adjustments of 1 to 5 XP: 15 in all. Others come in between."""
    for amount in range(1, 6):
        adjust_xp(user, amount=amount, note="A present.")
        adjust_xp(UserFactory(), amount=1_000, note="For somebody else.")


def numbers(page):
    return [(line.entry.amount, line.balance) for line in page.lines]


@pytest.mark.usefixtures("past", "pages_of_2")
def test_each_entry_stands_with_the_total_after_it_on_every_page(user):
    pages, before = [], None
    while True:
        page = get_ledger_page(user.pk, before=before)
        pages.append(numbers(page))
        if (before := page.next_before) is None:
            break

    assert pages == [[(5, 15), (4, 10)], [(3, 6), (2, 3)], [(1, 1)]]


@pytest.mark.usefixtures("past")
def test_a_ledger_of_one_page_has_no_next(user):
    page = get_ledger_page(user.pk, before=None)

    assert (len(page.lines), page.next_before) == (5, None)


@pytest.mark.usefixtures("past", "pages_of_2")
def test_a_full_last_page_has_no_next(user):
    third = ledger_of(user)[2]

    assert get_ledger_page(user.pk, before=third.pk).next_before is None


def test_nothing_comes_before_the_first_entry(user):
    record_activity(user, "walk")

    page = get_ledger_page(user.pk, before=ledger_of(user)[0].pk)

    assert (page.lines, page.next_before) == ([], None)


def test_what_is_recorded_meanwhile_changes_no_page(user, monkeypatch):
    adjust_xp(user, amount=5, note="A present.")
    read = ledger.get_ledger

    def slowly(*args, **options):
        entries = read(*args, **options)
        adjust_xp(user, amount=7, note="Meanwhile.")
        return entries

    monkeypatch.setattr(ledger, "get_ledger", slowly)

    assert numbers(get_ledger_page(user.pk, before=None)) == [(5, 5)]


def test_an_entry_tells_what_took_it_back(user):
    record_activity(user, "walk")
    walk = ledger_of(user)[0]
    reverse_entry(user, entry_id=walk.pk)
    reversal = ledger_of(user)[1]

    lines = get_ledger_page(user.pk, before=None).lines

    assert [line.taken_back_by for line in lines] == [None, reversal.pk]


def test_what_can_be_taken_back_is_known(user):
    record_activity(user, "walk")
    award_achievement(user, AchievementFactory().key)
    adjust_xp(user, amount=5, note="A present.")
    reverse_entry(user, entry_id=ledger_of(user)[0].pk)

    lines = get_ledger_page(user.pk, before=None).lines

    assert [(line.entry.kind, line.is_reversible) for line in lines] == [
        ("reversal", False),
        ("adjustment", True),
        ("achievement", False),
        ("activity", False),
    ]


def test_numbers_are_written_for_people(user):
    adjust_xp(user, amount=12_345, note="A present.")
    adjust_xp(user, amount=-1_000, note="Too much.")

    lines = get_ledger_page(user.pk, before=None).lines

    assert [(line.amount, line.total) for line in lines] == [
        ("−1,000", "11,345"),
        ("+12,345", "12,345"),
    ]


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        (None, None),
        ("17", 17),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("１２", None),
        ("a\0b", None),
        ("9" * 19, 2**63 - 1),
        ("9" * 5_000, None),
    ],
)
def test_a_cursor_is_an_id(text, cursor):
    assert read_cursor(text) == cursor


@pytest.mark.usefixtures("past", "pages_of_2")
def test_the_page_leads_to_older_entries_and_back(admin_client, user):
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])
    fourth = LedgerEntry.objects.get(user=user, amount=4).pk

    newest = admin_client.get(address).content.decode()
    older = admin_client.get(address, {"before": fourth})

    assert f'href="?before={fourth}#gam-ledger"' in newest
    assert 'href="?#gam-ledger"' not in newest
    assert numbers(older.context["game"].statement) == [(3, 6), (2, 3)]
    assert 'href="?#gam-ledger"' in older.content.decode()


def test_an_entry_is_told_with_all_that_is_known_of_it(admin_client, user, staff):
    record_activity(user, "walk", quantity=3, source="walks:7")
    reverse_entry(
        user, entry_id=ledger_of(user)[0].pk, actor=staff, note="It did not happen."
    )
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])

    html = admin_client.get(address).content.decode()

    assert html.count("<bdi>Walk</bdi>") == 2
    assert html.count("<bdi>walks:7</bdi>") == 2
    assert f"<bdi>{staff}</bdi>:" in html
    assert "<bdi>It did not happen.</bdi>" in html
    assert f"takes back {ledger_of(user)[0].pk}" in html
