from __future__ import annotations

import pytest
from django.urls import reverse

from gamification.admin.players import ledger
from gamification.admin.players.ledger import get_ledger_page, parse_cursor
from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import ledger_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def pages_of_2(monkeypatch):
    monkeypatch.setattr(ledger, "PAGE_SIZE", 2)


@pytest.fixture
def history(user, no_achievements):
    """Five adjustments of 1 to 5 XP, 15 in total, between those of other users."""
    for amount in range(1, 6):
        adjust_xp(user, amount=amount, note="A present.")
        adjust_xp(UserFactory(), amount=1_000, note="For somebody else.")


def numbers(page):
    return [(row.entry.amount, row.balance) for row in page.rows]


@pytest.mark.usefixtures("history", "pages_of_2")
def test_entries_show_the_total_after_them_on_every_page(user):
    pages, before = [], None
    while True:
        page = get_ledger_page(user.pk, before=before)
        pages.append(numbers(page))
        if (before := page.next_before) is None:
            break

    assert pages == [[(5, 15), (4, 10)], [(3, 6), (2, 3)], [(1, 1)]]


@pytest.mark.usefixtures("history")
def test_a_ledger_of_one_page_has_no_next_page(user):
    page = get_ledger_page(user.pk, before=None)

    assert (len(page.rows), page.next_before) == (5, None)


@pytest.mark.usefixtures("history", "pages_of_2")
def test_a_full_last_page_has_no_next_page(user):
    third = ledger_of(user)[2]

    assert get_ledger_page(user.pk, before=third.pk).next_before is None


def test_nothing_comes_before_the_first_entry(user):
    record_activity(user, "walk")

    page = get_ledger_page(user.pk, before=ledger_of(user)[0].pk)

    assert (page.rows, page.next_before) == ([], None)


def test_concurrent_records_do_not_change_totals(user, monkeypatch):
    adjust_xp(user, amount=5, note="A present.")
    read = ledger.get_ledger

    def slowly(*args, **options):
        entries = read(*args, **options)
        adjust_xp(user, amount=7, note="Meanwhile.")
        return entries

    monkeypatch.setattr(ledger, "get_ledger", slowly)

    assert numbers(get_ledger_page(user.pk, before=None)) == [(5, 5)]


def test_an_entry_names_its_reversal(user):
    record_activity(user, "walk")
    walk = ledger_of(user)[0]
    reverse_entry(user, entry_id=walk.pk)
    reversal = ledger_of(user)[1]

    rows = get_ledger_page(user.pk, before=None).rows

    assert [row.reversed_by for row in rows] == [None, reversal.pk]


def test_only_some_kinds_of_entries_are_reversible(user):
    record_activity(user, "walk")
    award_achievement(user, AchievementFactory().key)
    adjust_xp(user, amount=5, note="A present.")
    reverse_entry(user, entry_id=ledger_of(user)[0].pk)

    rows = get_ledger_page(user.pk, before=None).rows

    assert [(row.entry.kind, row.is_reversible) for row in rows] == [
        ("reversal", False),
        ("adjustment", True),
        ("achievement", False),
        ("activity", False),
    ]


def test_numbers_have_thousands_separators(user):
    adjust_xp(user, amount=12_345, note="A present.")
    adjust_xp(user, amount=-1_000, note="Too much.")

    rows = get_ledger_page(user.pk, before=None).rows

    assert [(row.amount, row.total) for row in rows] == [
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
def test_invalid_cursors_are_ignored(text, cursor):
    assert parse_cursor(text) == cursor


@pytest.mark.usefixtures("history", "pages_of_2")
def test_the_page_links_to_older_and_newest_entries(admin_client, user):
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])
    fourth = LedgerEntry.objects.get(user=user, amount=4).pk

    newest = admin_client.get(address).content.decode()
    older = admin_client.get(address, {"before": fourth})

    assert f'href="?before={fourth}#gam-ledger"' in newest
    assert 'href="?#gam-ledger"' not in newest
    assert numbers(older.context["player_page"].ledger) == [(3, 6), (2, 3)]
    assert 'href="?#gam-ledger"' in older.content.decode()


def test_the_ledger_shows_source_actor_and_note(admin_client, user, staff):
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
    assert f"reverses {ledger_of(user)[0].pk}" in html


def test_a_correction_names_the_entry_that_it_corrects(admin_client, user):
    record_activity(user, "walk")
    walk = ledger_of(user)[0]
    LedgerEntry.objects.create(
        user=user,
        kind="correction",
        amount=5,
        corrects=walk.pk,
        occurred_at=walk.occurred_at,
        local_date=walk.local_date,
    )
    UserGamification.objects.filter(user=user).update(total_xp=15)
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])

    html = admin_client.get(address).content.decode()

    assert f"corrects {walk.pk}" in html


def test_the_ledger_shows_what_a_record_said(admin_client, user):
    ActivityFactory(key="review", attributes={"is_signed": "boolean"})
    record_activity(user, "review", attributes={"is_signed": False})
    record_activity(user, "walk")

    first, second = get_ledger_page(user.pk, before=None).rows

    assert (first.said, second.said) == ("", "is_signed: \u2068no\u2069")
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])
    assert second.said in admin_client.get(address, follow=True).content.decode()


def test_the_ledger_says_which_time_an_achievement_was_earned(admin_client, user):
    again = {"threshold": 10, "repeat_every": 10, "max_times": None, "xp_reward": 0}
    medal = AchievementFactory(name="Tens", criterion="total_xp", **again)
    record_activity(user, "walk", quantity=2)
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])

    html = admin_client.get(address).content.decode()

    assert medal.ledger_entries.count() == 2
    assert html.count("no. 2</small>") == 1
