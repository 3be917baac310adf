from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count, islice

import pytest
from django.db import transaction

from gamification.domain.rules import MAX_TOTAL
from gamification.exceptions import (
    IdempotencyConflictError,
    OutOfRangeError,
    UnknownActivityError,
)
from gamification.models import Activity, ActivityTally, Celebration
from gamification.services import (
    ActivityRecord,
    BatchReport,
    adjust_xp,
    record_activities,
    record_activity,
)
from gamification.staff import exclude_user
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture
def users(db):
    return [UserFactory(), UserFactory(), UserFactory()]


def refusing():
    """Return a list, and a callback that fills it with positions and codes."""
    refused = []
    return refused, lambda position, error: refused.append((position, error.code))


def test_nothing_is_a_batch_too():
    assert record_activities([]) == BatchReport()


def test_records_of_many_users_are_written(users):
    report = record_activities(ActivityRecord(user, "walk") for user in users)

    assert report == BatchReport(recorded=3, xp=30)
    assert [profile_of(user).total_xp for user in users] == [10, 10, 10]


def test_a_user_may_come_many_times(user):
    report = record_activities([ActivityRecord(user, "walk", quantity=2)] * 50)

    assert (report.recorded, profile_of(user).total_xp) == (50, 1_000)
    assert ActivityTally.objects.get(user=user).count == 100
    assert len(ledger_of(user)) == 50


@pytest.mark.parametrize("record", [{"activity": "walk"}, ("walk", 1), None])
def test_a_batch_has_records(record):
    with pytest.raises(TypeError, match=r"^.+ is not an ActivityRecord\.$"):
        record_activities([record])


def test_several_activities_of_a_user_are_counted_apart(user):
    ActivityFactory(key="run", xp_reward=20)
    records = [ActivityRecord(user, key) for key in ("walk", "run", "walk")]

    record_activities(records)

    tallies = ActivityTally.objects.filter(user=user).values_list(
        "activity__key", "count"
    )
    assert dict(tallies) == {"walk": 2, "run": 1}
    assert profile_of(user).total_xp == 40


def test_a_report_counts_xp_with_that_of_unlocks(users):
    AchievementFactory(criterion="active_days", threshold=1)

    report = record_activities(ActivityRecord(user, "walk") for user in users)

    assert report == BatchReport(recorded=3, xp=180, unlocks=3)


def test_a_batch_builds_on_what_is_stored(users):
    record_activity(users[0], "walk", quantity=4)

    record_activities(ActivityRecord(user, "walk") for user in users)

    assert [profile_of(user).total_xp for user in users] == [50, 10, 10]
    assert [profile_of(user).level for user in users] == [2, 1, 1]


def test_the_order_within_a_batch_does_not_matter(users):
    days = [9, 2, 5, 4, 3]
    records = [
        ActivityRecord(user, "walk", datetime(2026, 6, day, 12, tzinfo=UTC))
        for day in days
        for user in users
    ]

    record_activities(records, historical=True)

    for user in users:
        profile = profile_of(user)
        assert (profile.current_streak, profile.longest_streak) == (1, 4)


def test_late_records_of_a_batch_join_runs(users):
    yesterday, today = NOW - timedelta(days=1), NOW
    for user in users[:2]:
        record_activity(user, "walk", occurred_at=NOW - timedelta(days=2))
        record_activity(user, "walk", occurred_at=today)

    record_activities(ActivityRecord(user, "walk", yesterday) for user in users)

    assert [profile_of(user).current_streak for user in users] == [3, 3, 1]


def test_an_unlock_has_the_time_of_the_record_that_earned_it(user):
    AchievementFactory(criterion="active_days", threshold=2)
    days = [8, 7, 6]

    record_activities(
        [
            ActivityRecord(user, "walk", datetime(2026, 6, day, 12, tzinfo=UTC))
            for day in days
        ],
        historical=True,
    )

    unlock = user.gamification_achievements.get()
    assert unlock.unlocked_at == datetime(2026, 6, 7, 12, tzinfo=UTC)


def test_days_imported_after_later_ones_unlock_a_streak_where_it_was_met(user):
    AchievementFactory(key="week", criterion="longest_streak", threshold=7)

    for days in ((5, 6, 7, 8), (1, 2, 3, 4)):
        noons = [datetime(2026, 6, day, 12, tzinfo=UTC) for day in days]
        record_activities(
            [ActivityRecord(user, "walk", noon) for noon in noons],
            historical=True,
            celebrate=False,
        )

    unlock = user.gamification_achievements.get()
    assert unlock.unlocked_at == datetime(2026, 6, 7, 12, tzinfo=UTC)
    assert ledger_of(user)[-1].local_date == date(2026, 6, 7)


def test_users_of_a_batch_are_dated_by_their_own_ledgers(users):
    AchievementFactory(criterion="active_days", threshold=3)
    noons = [datetime(2026, 6, day, 12, tzinfo=UTC) for day in (1, 2, 3)]

    for at in reversed(noons):
        records = [ActivityRecord(user, "walk", at) for user in users[:2]]
        record_activities([*records, ActivityRecord(users[2], "walk")], historical=True)

    unlocks = [user.gamification_achievements.first() for user in users]
    assert [unlock and unlock.unlocked_at for unlock in unlocks] == [
        noons[2],
        noons[2],
        None,
    ]


def test_a_daily_limit_holds_within_a_batch(user):
    ActivityFactory(key="run", daily_limit=3)

    report = record_activities([ActivityRecord(user, "run", quantity=2)] * 3)

    assert (report.recorded, report.xp) == (3, 30)
    assert ActivityTally.objects.get(user=user).count == 6


def test_keys_are_recorded_once(users):
    records = [ActivityRecord(user, "walk", key="a") for user in users]
    record_activities(records)
    before = everything()

    report = record_activities(records)

    assert report == BatchReport(replayed=3)
    assert everything() == before


def test_a_half_done_batch_is_completed(users):
    records = [ActivityRecord(user, "walk", key="a") for user in users]
    record_activities(records[:1])

    report = record_activities(records)

    assert report == BatchReport(recorded=2, replayed=1, xp=20)


def test_a_key_twice_in_a_batch_is_recorded_once(user):
    report = record_activities([ActivityRecord(user, "walk", key="a")] * 3)

    assert report == BatchReport(recorded=1, replayed=2, xp=10)
    assert len(ledger_of(user)) == 1


def switch_off(user):
    Activity.objects.update(is_active=False)


def bar(user):
    exclude_user(user, reason="Cheated.", actor=None)


def fill_up(user):
    adjust_xp(user, amount=MAX_TOTAL - profile_of(user).total_xp, note="A test.")


@pytest.mark.parametrize("refuse", [switch_off, bar, fill_up])
def test_a_retry_is_a_replay_even_when_a_new_record_would_be_refused(users, refuse):
    records = [ActivityRecord(user, "walk", key="a") for user in users]
    record_activities(records)
    refuse(users[1])

    assert record_activities(records) == BatchReport(replayed=3)


def test_a_retry_is_a_replay_even_when_others_of_its_batch_are_new_or_too_old(
    users, server_clock
):
    at = NOW - timedelta(hours=47)
    record_activities(ActivityRecord(user, "walk", at, key="a") for user in users[:2])
    server_clock.shift(timedelta(hours=2))
    batch = [ActivityRecord(user, "walk", at, key="a") for user in users]
    refused, refuse = refusing()

    report = record_activities(
        [*batch, ActivityRecord(users[2], "walk", key="b")], refused=refuse
    )

    assert report == BatchReport(recorded=1, replayed=2, refused=1, xp=10)
    assert refused == [(2, "too_old")]


def test_a_key_for_two_requests_in_a_batch_is_a_conflict(user):
    refused, refuse = refusing()
    records = [
        ActivityRecord(user, "walk", key="a"),
        ActivityRecord(user, "walk", key="a", quantity=2),
        ActivityRecord(user, "walk", key="a"),
    ]

    report = record_activities(records, refused=refuse)

    assert refused == [(1, "idempotency_conflict")]
    assert report == BatchReport(recorded=1, replayed=1, refused=1, xp=10)


def test_a_key_of_a_stored_request_is_a_conflict_in_a_batch(users):
    record_activity(users[0], "walk", key="a")
    records = [ActivityRecord(user, "walk", key="a", quantity=2) for user in users]

    with pytest.raises(IdempotencyConflictError):
        record_activities(records)

    assert [len(ledger_of(user)) for user in users] == [1, 0, 0]


def test_the_repetition_of_a_refused_record_is_refused(user):
    refused, refuse = refusing()

    report = record_activities(
        [ActivityRecord(user, "fly", key="a")] * 2, refused=refuse
    )

    assert refused == [(0, "unknown_activity"), (1, "unknown_activity")]
    assert report == BatchReport(refused=2)


def test_a_refused_record_does_not_use_its_key(user):
    refused, refuse = refusing()
    records = [
        ActivityRecord(user, "typo", key="k"),
        ActivityRecord(user, "walk", key="k"),
    ]

    report = record_activities(records, refused=refuse)
    again = record_activities(records, refused=refuse)

    assert report == BatchReport(recorded=1, refused=1, xp=10)
    assert again == BatchReport(replayed=1, refused=1)
    assert refused == [(0, "unknown_activity"), (0, "idempotency_conflict")]


def test_the_same_key_of_two_users_is_two_records(users):
    report = record_activities(ActivityRecord(user, "walk", key="a") for user in users)

    assert report.recorded == 3


def test_a_bad_record_stops_nothing_where_refusals_are_wanted(users):
    refused, refuse = refusing()
    records = [
        ActivityRecord(users[0], "walk"),
        ActivityRecord(users[0], "walk", quantity=0),
        ActivityRecord(None, "walk"),
        ActivityRecord(users[1], "fly"),
        ActivityRecord(users[1], "walk", NOW + timedelta(days=1)),
        ActivityRecord(users[2], "walk"),
    ]

    report = record_activities(records, refused=refuse)

    assert refused == [
        (1, "invalid_quantity"),
        (2, "unknown_user"),
        (3, "unknown_activity"),
        (4, "in_future"),
    ]
    assert report == BatchReport(recorded=2, refused=4, xp=20)


def test_positions_count_over_batches(user):
    refused, refuse = refusing()
    records = [ActivityRecord(user, key) for key in ("walk", "fly", "walk", "fly")]

    record_activities(records, batch_size=2, refused=refuse)

    assert refused == [(1, "unknown_activity"), (3, "unknown_activity")]


def test_a_deleted_user_is_refused_and_the_others_are_recorded(users):
    refused, refuse = refusing()
    gone = users[1].pk
    users[1].delete()

    report = record_activities(
        [ActivityRecord(pk, "walk") for pk in (users[0].pk, gone, users[2].pk)],
        refused=refuse,
    )

    assert refused == [(1, "unknown_user")]
    assert report.recorded == 2


def test_a_total_out_of_range_refuses_only_the_records_that_are_too_many(users):
    ActivityFactory(key="rest", xp_reward=0)
    adjust_xp(users[0], amount=2**53 - 15, note="Nearly all of it.")
    refused, refuse = refusing()
    rich = [ActivityRecord(users[0], key) for key in ("walk", "walk", "rest")]

    report = record_activities(
        [*rich, ActivityRecord(users[1], "walk")], refused=refuse
    )

    assert refused == [(1, "out_of_range")]
    assert report == BatchReport(recorded=3, refused=1, xp=20)
    assert [entry.amount for entry in ledger_of(users[0])] == [2**53 - 15, 10, 0]


def test_a_record_that_is_out_of_range_is_refused_as_often_as_it_comes(users):
    adjust_xp(users[0], amount=2**53 - 5, note="Nearly all of it.")
    refused, refuse = refusing()

    record_activities([ActivityRecord(users[0], "walk", key="k")] * 2, refused=refuse)

    assert refused == [(0, "out_of_range"), (1, "out_of_range")]


def test_a_total_out_of_range_is_raised_where_refusals_are_not_wanted(users):
    adjust_xp(users[0], amount=2**53 - 5, note="Nearly all of it.")
    before = everything()

    with pytest.raises(OutOfRangeError):
        record_activities(ActivityRecord(user, "walk") for user in users)

    assert everything() == before


def test_a_bad_record_keeps_its_batch_from_being_written(users):
    records = [
        *(ActivityRecord(user, "walk") for user in users),
        ActivityRecord(users[0], "fly"),
        ActivityRecord(users[1], "walk"),
    ]

    with pytest.raises(UnknownActivityError):
        record_activities(records, batch_size=2)

    assert [len(ledger_of(user)) for user in users] == [1, 1, 0]


def test_the_first_bad_record_of_a_batch_is_the_one_that_is_raised(user):
    records = [ActivityRecord(user, "fly"), ActivityRecord(user, "swim")]

    with pytest.raises(UnknownActivityError, match="'fly'"):
        record_activities(records)


def test_progress_is_told_of_each_batch(users):
    reports = []
    records = [ActivityRecord(user, "walk") for user in users]

    record_activities(records, batch_size=2, progress=reports.append)

    assert reports == [BatchReport(recorded=2, xp=20), BatchReport(recorded=1, xp=10)]


def test_progress_and_refusals_are_told_before_the_next_batch_is_read(user):
    told = []

    def records():
        yield ActivityRecord(user, "walk")
        yield ActivityRecord(user, "fly")
        assert told == ["refused 1", "batch"]
        yield ActivityRecord(user, "walk")

    record_activities(
        records(),
        batch_size=2,
        progress=lambda report: told.append("batch"),
        refused=lambda position, error: told.append(f"refused {position}"),
    )

    assert told == ["refused 1", "batch", "batch"]


def test_records_are_taken_as_they_come(user):
    taken = count()

    def endless():
        while True:
            next(taken)
            yield ActivityRecord(user, "walk")

    class EnoughError(Exception):
        pass

    def stop(report):
        raise EnoughError

    with pytest.raises(EnoughError):
        record_activities(endless(), batch_size=3, progress=stop)

    assert next(taken) == 3
    assert len(ledger_of(user)) == 3


def test_an_iterator_is_used_up(user):
    records = iter([ActivityRecord(user, "walk")] * 5)

    record_activities(islice(records, 3))

    assert len(list(records)) == 2


def test_a_site_may_choose_the_size_of_batches(users, site):
    site.GAMIFICATION = {"BATCH_SIZE": 1}
    reports = []

    record_activities(
        [ActivityRecord(user, "walk") for user in users], progress=reports.append
    )

    assert len(reports) == 3


def test_a_report_adds_up():
    one = BatchReport(recorded=1, replayed=2, refused=3, xp=4, unlocks=5)

    both = one + BatchReport(recorded=10, xp=20)

    assert both == BatchReport(recorded=11, replayed=2, refused=3, xp=24, unlocks=5)
    assert both.records == 16


def test_a_silent_batch_celebrates_nothing(users):
    AchievementFactory(key="medal", criterion="active_days", threshold=1)

    record_activities(
        [ActivityRecord(user, "walk", quantity=20) for user in users], celebrate=False
    )

    assert not Celebration.objects.exists()
    assert all(held_by(user) == {"medal"} for user in users)


def test_a_batch_celebrates_for_each_user(users):
    AchievementFactory(key="medal", criterion="active_days", threshold=1)

    record_activities(ActivityRecord(user, "walk") for user in users)

    assert [
        list(user.gamification_celebrations.values_list("dedupe_key", flat=True))
        for user in users
    ] == [["achievement:medal", "level:2"]] * 3


def test_celebrations_of_a_batch_are_not_repeated(users):
    for user in users[:2]:
        Celebration.objects.create(
            user=user, kind="level", dedupe_key="level:3", number=3, expires_at=NOW
        )

    record_activities(ActivityRecord(user, "walk", quantity=20) for user in users)

    assert Celebration.objects.filter(dedupe_key="level:3").count() == 3


def test_a_batch_within_a_callers_transaction_goes_with_it(users):
    before = everything()

    with transaction.atomic():
        record_activities(
            [ActivityRecord(user, "walk", key="a") for user in users], batch_size=1
        )
        transaction.set_rollback(True)

    assert everything() == before


def test_replays_within_a_callers_transaction_leave_it_usable(users):
    record_activity(users[1], "walk", key="a")

    with transaction.atomic():
        report = record_activities(
            [ActivityRecord(user, "walk", key="a") for user in users]
        )
        record_activity(users[0], "walk")

    assert report == BatchReport(recorded=2, replayed=1, xp=20)
    assert [len(ledger_of(user)) for user in users] == [2, 1, 1]


def test_sources_and_texts_of_any_kind_travel_unharmed(users):
    texts = ['a"b', "a\\b", "{a,b}", "NULL", "", "%s", "“é” 🦉", "a\nb", "it's", "\\"]
    records = [
        ActivityRecord(user, "walk", key=f"{n} {text}", source=text)
        for n, (user, text) in enumerate(zip(users * 4, texts, strict=False))
    ]

    record_activities(records)

    stored = {entry.key: entry.source for user in users for entry in ledger_of(user)}
    assert stored == {f"{n} {text}": text for n, text in enumerate(texts)}


def test_a_thousand_records_of_a_hundred_users_add_up():
    users = [UserFactory() for _ in range(100)]
    records = [
        ActivityRecord(users[n % 100], "walk", NOW - timedelta(hours=n % 40), n % 7 + 1)
        for n in range(1_000)
    ]

    report = record_activities(records, batch_size=300)

    units = [sum(n % 7 + 1 for n in range(u, 1_000, 100)) for u in range(100)]
    assert report == BatchReport(recorded=1_000, xp=10 * sum(units))
    assert [profile_of(user).total_xp for user in users] == [10 * u for u in units]


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_at_least_one_record(users, size):
    with pytest.raises(ValueError, match=r"^A batch has at least 1 record"):
        record_activities([ActivityRecord(users[0], "walk")], batch_size=size)


def test_a_batch_of_nothing_but_bad_values_is_refused_whole(user):
    refused, refuse = refusing()

    report = record_activities(
        [ActivityRecord(user, "walk", quantity=0), ActivityRecord(None, "walk")],
        refused=refuse,
    )

    assert refused == [(0, "invalid_quantity"), (1, "unknown_user")]
    assert report == BatchReport(refused=2)
