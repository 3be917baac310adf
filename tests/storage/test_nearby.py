"""What stores read around dates, and that nothing else is read for a late record."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.domain.nearby import Nearby
from gamification.domain.streaks import measure_streak
from gamification.models import ActiveDay, LedgerEntry, StreakDefinition
from gamification.services import record_activity, reverse_entry, reverse_source
from gamification.storage import STORES, nearby, store_for
from gamification.storage.portable.store import PortableStore
from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory
from tests.inspection import profile_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

FIRST = date(2026, 1, 1)


@pytest.fixture(params=["own", "portable"])
def store(request, monkeypatch):
    """The store of the database, and the one for every database."""
    if request.param == "portable":
        monkeypatch.delitem(STORES, "postgresql")
    return store_for("default")


def on(number):
    return FIRST + timedelta(number)


def be_active(user, *numbers):
    ActiveDay.objects.bulk_create(
        ActiveDay(user=user, date=on(number), activities=number) for number in numbers
    )


@pytest.fixture
def runs(user):
    """Let the user have rows of active dates, alone."""
    be_active(user, 1, 2, 3, 5, 6, 9, 12, 13)
    ActiveDay.objects.create(user=user, date=on(4), kind=ActiveDay.Kind.FROZEN)
    be_active(UserFactory(), 4, 7, 8)
    yield user
    ActiveDay.objects.all().delete()


@pytest.mark.parametrize(
    ("number", "count", "spans"),
    [
        (4, 0, [(1, 3), (5, 6)]),
        (7, 0, [(5, 6), (9, 9)]),
        (9, 9, [(5, 6), (9, 9), (12, 13)]),
        (13, 13, [(12, 13)]),
        (1, 1, [(1, 3)]),
        (0, 0, [(1, 3)]),
        (20, 0, [(12, 13)]),
    ],
)
def test_a_date_that_changes_has_spans_around_it(runs, store, number, count, spans):
    found = store.nearby({runs.pk: {on(number): count}}, 3)

    assert found == {
        runs.pk: Nearby(
            {on(number): count}, tuple((on(first), on(last)) for first, last in spans)
        )
    }


def test_each_user_has_their_own_dates(runs, store):
    other = ActiveDay.objects.exclude(user=runs).first().user

    found = store.nearby(
        {runs.pk: {on(4): 0, on(9): 1}, other.pk: {on(5): 0, on(99): 0}}, 3
    )

    assert found[runs.pk].activities == {on(4): 0, on(9): 9}
    assert {(on(1), on(3)), (on(5), on(6))} <= {*found[runs.pk].spans}
    assert found[other.pk].activities == {on(5): 0, on(99): 0}
    assert found[other.pk].spans == ((on(4), on(4)), (on(7), on(8)))


@pytest.mark.skipif(not IS_POSTGRESQL, reason="Others may read more than they need.")
def test_nothing_is_read_around_a_date_that_stays_active(runs):
    found = store_for("default").nearby({runs.pk: {on(2): 1, on(5): 0}}, 3)

    assert found == {runs.pk: Nearby({on(2): 2, on(5): 5})}


@pytest.mark.parametrize(
    ("spans", "neutral", "longest"),
    [
        ([(1, 3)], [], 2),
        ([(12, 13)], [], 3),
        ([(1, 3), (12, 13)], [7, 8], 3),
        ([(9, 9), (12, 13)], [4], 5),
        ([(1, 3), (5, 6), (9, 9)], [10, 11, 12], 2),
        ([(1, 13)], [], 0),
    ],
)
def test_the_longest_run_elsewhere(runs, store, spans, neutral, longest):
    bounds = [(on(first), on(last)) for first, last in spans]

    found = store.longest_elsewhere(runs.pk, bounds, [on(each) for each in neutral])

    assert found == longest


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(0, 14)),
        st.tuples(st.just("record"), st.integers(0, 14)),
        st.tuples(st.just("reverse"), st.integers(0, 99)),
        st.tuples(st.just("undo"), st.integers(0, 1)),
    ),
    min_size=8,
    max_size=30,
)


def play(user, step, number):
    """Record on a date, or reverse one entry, or all of one source."""
    if step == "record":
        at = datetime(2026, 1, 1 + number, 12, tzinfo=UTC)
        source = f"site:{number % 2}"
        record_activity(user, "walk", occurred_at=at, historical=True, source=source)
    elif step == "undo":
        reverse_source(user, source=f"site:{number}")
    elif entries := LedgerEntry.objects.filter(user=user, kind="activity"):
        reverse_entry(user, entry_id=entries[number % len(entries)].pk)


@given(STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_each_step_the_streak_is_that_of_all_dates(store, steps):
    with transaction.atomic():
        user = UserFactory()
        for step in steps:
            play(user, *step)
            dates = ActiveDay.objects.filter(user=user).values_list("date", flat=True)
            profile = user.gamification if dates else None
            if profile:
                profile.refresh_from_db()
                assert profile.streak == measure_streak(dates, profile.calendar)
                assert profile.active_days == len(dates)
        transaction.set_rollback(True)


@pytest.fixture
def lived(user, monkeypatch):
    """Let the user have two runs, of four and of three dates, and never read all."""
    for number in (0, 1, 2, 3, 7, 8, 9):
        play(user, "record", number)

    def refuse(self, user_ids):
        raise AssertionError("All active dates were read.")

    monkeypatch.setattr(type(store_for("default")), "days", refuse)
    return user


@pytest.mark.parametrize(
    ("step", "number", "runs"),
    [
        ("record", 2, (3, 4)),
        ("record", 8, (3, 4)),
        ("record", 4, (3, 5)),
        ("record", 5, (3, 4)),
        ("record", 6, (4, 4)),
        ("reverse", 1, (1, 4)),
        ("reverse", 0, (2, 4)),
        ("reverse", 5, (3, 3)),
        ("reverse", 6, (3, 3)),
    ],
)
def test_a_late_record_and_a_reversal_read_no_other_dates(lived, step, number, runs):
    play(lived, step, number)

    profile = profile_of(lived)
    assert (profile.current_streak, profile.longest_streak) == runs


def test_the_last_date_goes_back_to_the_one_before(lived):
    for _ in range(3):
        play(lived, "reverse", 0)

    reverse_source(lived, source="site:1")

    assert profile_of(lived).last_active_on == on(8)


def test_a_record_within_the_current_run_reads_no_dates(user):
    for number in (0, 1, 2):
        play(user, "record", number)

    with CaptureQueriesContext(connection) as late:
        play(user, "record", 1)

    # It only writes them.
    about = [query["sql"] for query in late if "gamification_activeday" in query["sql"]]
    assert len(about) == 1
    assert "FROM gamification_activeday" not in about[0].replace('"', "")


@pytest.mark.parametrize("dates", [1, 2])
def test_very_many_dates_are_all_read(user, monkeypatch, dates):
    monkeypatch.setattr(nearby, "MOST", 1)
    for number in (0, 1, 4, 5, 6):
        play(user, "record", number)
    record_activity(
        user,
        "walk",
        occurred_at=datetime(2026, 1, 3, tzinfo=UTC),
        historical=True,
        source="late",
    )
    if dates == 2:
        record_activity(
            user,
            "walk",
            occurred_at=datetime(2026, 1, 4, tzinfo=UTC),
            historical=True,
            source="late",
        )

    reverse_source(user, source="late")

    assert profile_of(user).longest_streak == 3


def test_a_streak_of_staff_takes_all_dates(user):
    StreakDefinition.objects.create(key="weekly", name="Weekly", unit="week", goal=2)
    for number in (0, 3, 1):
        play(user, "record", number)

    assert profile_of(user).longest_streak == 2
    assert isinstance(store_for("default"), PortableStore) is not IS_POSTGRESQL
