from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from gamification.exceptions import (
    InvalidRequestError,
    InvalidSpanError,
    UnknownUserError,
)
from gamification.models import ActiveDay
from gamification.services import (
    adjust_xp,
    award_achievement,
    get_calendar,
    get_ledger,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

TODAY = date(2026, 6, 10)
DAY = timedelta(days=1)


def dates(user, since, until):
    return [day.date for day in get_calendar(user, since=since, until=until)]


def test_a_calendar_has_the_active_days_in_order(user):
    for back in (1, 0, 2):
        record_activity(user, "walk", occurred_at=NOW - back * DAY, quantity=back + 1)
    record_activity(user, "walk")

    days = get_calendar(user, since=TODAY - 30 * DAY, until=TODAY)

    assert [(day.date, day.kind, day.activities, day.xp) for day in days] == [
        (TODAY - 2 * DAY, "active", 1, 30),
        (TODAY - DAY, "active", 1, 20),
        (TODAY, "active", 2, 20),
    ]


def test_a_calendar_has_the_rows_of_the_user(user):
    record_activity(UserFactory(), "walk")
    record_activity(user, "walk")

    [day] = get_calendar(user, since=TODAY, until=TODAY)

    stored = ActiveDay.objects.get(user=user)
    assert (day.pk, day.user_id, day.kind) == (stored.pk, user.pk, "active")


def test_a_calendar_has_both_its_ends(user):
    for back in range(3):
        record_activity(user, "walk", occurred_at=NOW - back * DAY)

    assert dates(user, TODAY - DAY, TODAY) == [TODAY - DAY, TODAY]
    assert dates(user, TODAY - DAY, TODAY - DAY) == [TODAY - DAY]


def test_a_calendar_is_that_of_the_user(user):
    set_time_zone(user, "Pacific/Kiritimati")
    record_activity(user, "walk")
    record_activity(UserFactory(), "walk")

    assert dates(user, TODAY - DAY, TODAY + DAY) == [TODAY + DAY]


def test_a_reversed_day_is_not_in_the_calendar(user):
    entry = record_activity(user, "walk").entry
    reverse_entry(user, entry_id=entry.id)

    assert dates(user, TODAY, TODAY) == []


def test_a_calendar_may_span_a_leap_year(user):
    assert dates(user, date(2024, 1, 1), date(2024, 12, 31)) == []
    assert dates(user, date.min, date.min + 365 * DAY) == []
    assert dates(user, date.max - 365 * DAY, date.max) == []


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (TODAY, TODAY - DAY),
        (TODAY - 366 * DAY, TODAY),
        (date.min, date.max),
        (date.max, date.min),
    ],
)
def test_a_calendar_spans_a_year_at_the_most(user, since, until):
    with pytest.raises(InvalidSpanError) as refusal:
        get_calendar(user, since=since, until=until)

    said = f"{since} to {until} is not a span of 1 to 366 days."
    assert str(refusal.value) == said


@pytest.mark.parametrize("day", [NOW, "2026-06-10", 20_260_610, 1.0, None], ids=ascii)
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_calendar_begins_and_ends_with_dates(user, name, day):
    with pytest.raises(
        InvalidRequestError, match=rf"^{name} is .+, which is not a date\.$"
    ) as refusal:
        get_calendar(user, **{"since": TODAY, "until": TODAY, name: day})

    assert refusal.value.context == {"field": name}


def test_a_calendar_takes_one_query(user, django_assert_num_queries):
    for back in range(3):
        record_activity(user, "walk", occurred_at=NOW - back * DAY)

    with django_assert_num_queries(1):
        assert len(dates(user, TODAY - 30 * DAY, TODAY)) == 3


@pytest.fixture
def entries(user):
    """Five entries, in order of their making."""
    return [record_activity(user, "walk", quantity=n).entry.id for n in range(1, 6)]


def ids(user, **options):
    return [entry.pk for entry in get_ledger(user, **options)]


def test_a_ledger_comes_newest_first(user, entries):
    assert ids(user) == entries[::-1]


def test_a_ledger_is_read_in_pages(user, entries):
    first = ids(user, limit=2)
    second = ids(user, before=first[-1], limit=2)
    third = ids(user, before=second[-1], limit=2)

    assert [first, second, third] == [
        [entries[4], entries[3]],
        [entries[2], entries[1]],
        [entries[0]],
    ]


def test_a_page_does_not_move_when_entries_are_added(user, entries):
    first = ids(user, limit=2)
    record_activity(user, "walk")

    assert ids(user, before=first[-1], limit=1) == [entries[2]]


def test_before_all_entries_there_is_nothing(user, entries):
    assert ids(user, before=entries[0]) == ids(user, before=0) == []


def test_others_ledgers_are_not_told(user, entries):
    assert ids(UserFactory()) == []
    assert ids(UserFactory(), before=entries[4]) == []


def test_an_entry_comes_with_what_earned_it(user, django_assert_num_queries):
    AchievementFactory(key="medal")
    award_achievement(user, "medal")
    for n in range(5):
        record_activity(user, ActivityFactory(key=f"walk_{n}").key)

    with django_assert_num_queries(1):
        causes = [entry.activity or entry.achievement for entry in get_ledger(user)]
        keys = [cause.key for cause in causes]

    assert keys == ["walk_4", "walk_3", "walk_2", "walk_1", "walk_0", "medal"]


def test_an_adjustment_was_earned_by_nothing(user):
    adjust_xp(user, amount=5, note="A gift.")

    [entry] = get_ledger(user)

    assert (entry.amount, entry.activity, entry.achievement) == (5, None, None)


@pytest.mark.parametrize("before", [-1, 2**63, 10**24, True, 1.0, "1"], ids=ascii)
def test_a_reader_knows_an_id(user, entries, before):
    with pytest.raises(
        InvalidRequestError, match=r"^The before .+ is not a whole number"
    ):
        get_ledger(user, before=before)


@pytest.mark.parametrize(
    "limit", [0, -1, 1_001, 10**9, True, 1.0, "1", None], ids=ascii
)
def test_a_reader_takes_a_thousand_at_the_most(user, entries, limit):
    with pytest.raises(
        InvalidRequestError,
        match=r"^The limit .+ is not a whole number from 1 to 1,000\.$",
    ):
        get_ledger(user, limit=limit)


def test_nobody_has_a_history():
    with pytest.raises(UnknownUserError):
        get_ledger(AnonymousUser())
    with pytest.raises(UnknownUserError):
        get_calendar(AnonymousUser(), since=TODAY, until=TODAY)
