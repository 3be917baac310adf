from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count

from gamification.domain.derive import DerivedEntry, Reward, derive_progress
from tests.domain.builders import CALENDAR, NOW, THRESHOLDS

_ids = count(1)


def line(kind="activity", amount=10, **fields):
    defaults = {
        "activity_id": 1 if kind == "activity" else None,
        "quantity": 1 if kind == "activity" else 0,
        "extends_streak": kind == "activity",
        "local_date": date(2026, 6, 1),
        "occurred_at": NOW,
        "recorded_at": NOW,
        "achievement_id": 5 if kind == "achievement" else None,
        "id": next(_ids),
        "reverses": None,
    }
    return DerivedEntry(kind, amount, **{**defaults, **fields})


def reversal(original):
    return original._replace(
        kind="reversal",
        amount=-original.amount,
        quantity=-original.quantity,
        id=next(_ids),
        reverses=original.id,
    )


def correction(original, amount):
    return original._replace(
        kind="correction", amount=amount, quantity=0, id=next(_ids)
    )


def test_an_empty_ledger_is_a_newcomer():
    columns = derive_progress([]).columns(CALENDAR, THRESHOLDS)

    assert columns == {
        "total_xp": 0,
        "level": 1,
        "highest_level": 1,
        "current_streak": 0,
        "longest_streak": 0,
        "highest_streak": 0,
        "active_days": 0,
        "last_active_on": None,
        "last_occurred_at": None,
        "has_exceptions": False,
    }


def test_the_total_is_the_sum_of_the_ledger():
    lines = [line(), line("achievement", 50), line("adjustment", -20)]

    assert derive_progress(lines).total_xp == 40


def test_the_highest_level_is_that_of_the_highest_total():
    lines = [line("adjustment", 160), line("adjustment", -150)]

    columns = derive_progress(lines).columns(CALENDAR, THRESHOLDS)

    assert (columns["level"], columns["highest_level"]) == (1, 3)


def test_the_highest_level_never_falls_below_the_one_that_is_stored():
    columns = derive_progress([line()]).columns(CALENDAR, THRESHOLDS, highest_level=4)

    assert (columns["level"], columns["highest_level"]) == (1, 4)


def test_the_highest_streak_is_the_longer_of_what_is_stored_and_derived():
    lines = [line(local_date=date(2026, 6, day)) for day in (1, 2, 3)]

    progress = derive_progress(lines)

    highest = [
        progress.columns(CALENDAR, THRESHOLDS, highest_streak=stored)["highest_streak"]
        for stored in (0, 2, 9)
    ]
    assert highest == [3, 3, 9]


def test_the_last_occurrence_is_the_latest_in_whatever_order():
    earlier = NOW - timedelta(hours=1)
    lines = [line(occurred_at=earlier), line(), line(occurred_at=earlier)]

    columns = derive_progress(lines).columns(CALENDAR, THRESHOLDS)

    assert columns["last_occurred_at"] == NOW


def test_a_tally_is_the_sum_of_quantities_and_knows_the_last_time():
    later = datetime(2026, 6, 11, tzinfo=UTC)
    lines = [
        line(quantity=3),
        line(quantity=2, activity_id=2),
        line(quantity=4, recorded_at=later),
    ]

    assert derive_progress(lines).tallies == {1: (7, later), 2: (2, NOW)}


def test_a_day_counts_its_activities_and_their_xp():
    lines = [line(), line(amount=5), line("achievement", 50)]

    assert derive_progress(lines).days == {date(2026, 6, 1): (2, 15)}


def test_an_activity_that_extends_no_streak_makes_no_day():
    progress = derive_progress([line(extends_streak=False)])

    assert (progress.days, progress.tallies[1][0]) == ({}, 1)


def test_a_correction_adds_xp_to_the_day_and_no_activity():
    walk = line()

    progress = derive_progress([walk, correction(walk, 15)])

    assert progress.days == {date(2026, 6, 1): (1, 25)}
    assert (progress.total_xp, progress.tallies[1][0]) == (25, 1)


def test_an_achievement_is_held_by_its_reward():
    medal, cup = line("achievement", 50), line("achievement", 0, achievement_id=6)

    taken_back = reversal(medal)

    progress = derive_progress([medal, cup, taken_back])

    assert progress.unlocks == {
        (5, 1): Reward(medal, taken_back),
        (6, 1): Reward(cup),
    }


def test_an_achievement_that_was_given_again_is_held_by_the_later_reward():
    first, second = line("achievement", 50), line("achievement", 60)

    progress = derive_progress([first, reversal(first), second])

    assert progress.unlocks == {(5, 1): Reward(second)}


def test_an_achievement_that_went_with_a_record_can_be_earned_again():
    walk, medal = line(), line("achievement", 50)
    gone = [reversal(walk), reversal(medal)]

    progress = derive_progress([walk, medal, *gone])

    assert progress.unlocks == {(5, 1): Reward(medal, gone[1], is_lapsed=True)}


def test_an_achievement_that_went_with_a_job_can_be_earned_again():
    cup = line("achievement", 50, job_id=1)
    medal = line("achievement", achievement_id=6)
    gone = [reversal(cup)._replace(job_id=2), reversal(medal)]

    progress = derive_progress([cup, medal, *gone], {2: 1})

    assert progress.unlocks == {(6, 1): Reward(medal, gone[1], is_lapsed=True)}


def test_an_achievement_that_was_revoked_before_or_after_a_record_is_barred():
    walk, medal = line(), line("achievement", 50)
    at_once, other = reversal(medal), reversal(walk)
    later = at_once._replace(recorded_at=NOW + timedelta(1))

    revoked = [
        derive_progress([walk, medal, *lines]).unlocks[5, 1].is_lapsed
        for lines in ([at_once, other], [other, later])
    ]

    assert revoked == [False, False]


def test_a_day_goes_when_all_of_it_was_reversed():
    first, second = line(), line(amount=5)

    progress = derive_progress([first, second, reversal(first), reversal(second)])

    assert (progress.total_xp, progress.tallies[1][0], progress.days) == (0, 0, {})


def test_a_day_stays_while_something_of_it_stands():
    first, second = line(), line(amount=5)

    progress = derive_progress([first, second, reversal(first)])

    assert progress.days == {date(2026, 6, 1): (1, 5)}


def test_streaks_are_runs_over_the_days():
    lines = [line(local_date=date(2026, 6, day)) for day in (9, 1, 3, 2)]

    columns = derive_progress(lines).columns(CALENDAR, THRESHOLDS)

    assert columns["current_streak"] == 1
    assert columns["longest_streak"] == 3
    assert columns["active_days"] == 4
    assert columns["last_active_on"] == date(2026, 6, 9)
