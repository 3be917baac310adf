from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine

from gamification import signals
from gamification.exceptions import UnknownUserError
from gamification.models import StreakDefinition, StreakFreeze
from gamification.services import (
    ActivityRecord,
    explain_achievement,
    get_calendar,
    get_streaks,
    pause_streak,
    record_activities,
    record_activity,
    record_each,
    reverse_entry,
    set_time_zone,
)
from gamification.staff import create_streak, grant_freezes, repair_streak
from gamification.staff import pause_streak as pause_for
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.services.streaks.conftest import noon, november

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(django_capture_on_commit_callbacks):
    """Return a function that does something, and returns the signals that it sent."""
    names = ("streak_extended", "streak_broken", "freeze_used", "freeze_earned")
    sent = []
    receivers = {}
    for name in names:

        def receive(*, name=name, **arguments):
            extra = {"signal", "sender", "user_id"}
            known = {key: arguments[key] for key in sorted(arguments.keys() - extra)}
            sent.append((name, known))

        receivers[name] = receive
        getattr(signals, name).connect(receive)

    def listen(work):
        sent.clear()
        with django_capture_on_commit_callbacks(execute=True):
            work()
        return [*sent]

    yield listen
    for name, receive in receivers.items():
        getattr(signals, name).disconnect(receive)


def test_a_newcomer_has_streaks_of_nothing(user):
    [status] = get_streaks(user)

    assert (status.key, status.name, status.unit) == ("daily", "Daily streak", "day")
    assert (status.state, status.current, status.longest) == ("broken", 0, 0)
    assert (status.missed, status.broken_at, status.lost_at) == ((), None, None)


def test_only_users_have_streaks():
    with pytest.raises(UnknownUserError):
        get_streaks(987_654)


def test_a_streak_says_when_the_next_freeze_comes(user, act, on, daily):
    daily(freeze_every=5)
    act(1, 2)

    with on(2):
        assert get_streaks(user)[0].next_freeze_in == 3
    with on(9):
        assert get_streaks(user)[0].next_freeze_in == 5


def test_a_freeze_gives_a_day_more(user, act, on):
    with on(1):
        grant_freezes(user, 1)
    act(1)

    with on(2):
        [status] = get_streaks(user)

    assert (status.state, status.freezes_needed) == ("at_risk", 0)
    assert status.lost_at.date() == november(4)


def test_a_pause_of_years_loses_nothing(user, act, on):
    act(1)
    with on(1):
        pause_for(user, november(1), november(3_000), actor=None)

    for day in (2, 2_999):
        with on(day):
            [status] = get_streaks(user)
        assert (status.state, status.lost_at.date()) == ("paused", november(3_002))


def test_a_month_counts_with_its_goal(user, act, on):
    create_streak(actor=None, key="monthly", name="M", unit="month", goal=2)
    act(1, 2, 31, 33)

    with on(40):
        status = get_streaks(user)[1]

    assert (status.state, status.current, status.done) == ("active", 2, 2)
    assert (status.unit, status.goal) == ("month", 2)


def test_a_streak_of_chosen_activities_follows_records_of_these(user, act, on):
    ActivityFactory(key="swim")
    create_streak(actor=None, key="wet", name="Wet", activities=["swim"])
    act(1, 2, 3)
    act(2, 3, activity="swim")
    with on(3):
        assert [each.current for each in get_streaks(user)] == [3, 2]

    with on(3):
        twice = record_activity(user, "swim")
        reverse_entry(user, entry_id=twice.entry.id)
        assert get_streaks(user)[1].current == 2
        [only] = user.gamification_entries.filter(
            activity__key="swim", local_date=november(2), kind="activity"
        )
        reverse_entry(user, entry_id=only.pk)

        assert get_streaks(user)[1].current == 1


def test_chosen_activities_may_change(user, act, on):
    ActivityFactory(key="swim")
    other = StreakDefinition.objects.create(
        key="other", name="Other", activities=["swim"], since=november(3)
    )
    former = {
        "since": None,
        "unit": "day",
        "goal": 1,
        "activities": [],
        "weekdays": [],
        "first_weekday": 1,
        "initial_freezes": 0,
        "freeze_every": None,
        "freeze_cap": 2,
    }
    other.former = [former]
    other.save()
    act(1, 2, 3)
    act(4, activity="swim")

    with on(4):
        assert get_streaks(user)[1].longest == 2


def test_a_streak_that_is_off_is_not_shown(user):
    StreakDefinition.objects.create(key="other", name="Other", is_active=False)

    assert len(get_streaks(user)) == 1


def test_the_calendar_says_what_kind_each_date_is(user, act, on, daily):
    daily(weekdays=[1, 2, 3, 4, 5])
    with on(2):
        grant_freezes(user, 1)
    act(2, 4)
    with on(5):
        pause_streak(user, november(5), november(5))
    with on(10):
        repair_streak(user, [november(6)], actor=None, note="x")

        days = get_calendar(user, since=november(1), until=november(9))

    assert [(day.date.day, day.kind) for day in days] == [
        (1, "off"),
        (2, "active"),
        (3, "frozen"),
        (4, "active"),
        (5, "paused"),
        (6, "repaired"),
        (7, "off"),
        (8, "off"),
    ]


def test_a_calendar_without_active_days_has_pauses(user, on):
    with on(5):
        pause_streak(user, november(5), november(6))
        days = get_calendar(user, since=november(1), until=november(9))

    assert [(day.date.day, day.kind) for day in days] == [(5, "paused"), (6, "paused")]


def test_an_explanation_says_why_no_freeze_was_used(user, act, on):
    AchievementFactory(key="week", criterion="longest_streak", threshold=7)
    with on(1):
        grant_freezes(user, 1)
    act(1, 2, 5)

    with on(5):
        text = explain_achievement(user, "week").text

    assert text.endswith(
        "5 to go. A freeze would cover 1 of the 2 days missed: none was used."
    )


def test_an_explanation_is_silent_where_freezes_were_used(user, act, on):
    AchievementFactory(key="week", criterion="longest_streak", threshold=7)
    with on(1):
        grant_freezes(user, 1)
    act(1, 3)

    with on(3):
        assert explain_achievement(user, "week").text.endswith("5 to go.")


def test_records_tell_what_they_did_to_a_streak(heard, act, daily, on, user):
    daily(initial_freezes=1)

    first = heard(lambda: act(1))
    frozen = heard(lambda: act(3))
    broken = heard(lambda: act(6))

    one = {"current": 1, "longest": 1, "streak": "daily"}
    assert first == [
        ("streak_extended", one),
        ("freeze_earned", {"amount": 1, "date": november(1), "streak": "daily"}),
    ]
    assert frozen == [
        ("streak_extended", {"current": 2, "longest": 2, "streak": "daily"}),
        ("freeze_used", {"date": november(2), "streak": "daily"}),
    ]
    assert broken == [
        ("streak_broken", {"broken_at": None, "lost": 2, "streak": "daily"}),
        ("streak_extended", one | {"longest": 2}),
    ]


def test_a_reversal_tells_which_freeze_covers_its_gap(heard, act, daily, on, user):
    daily(initial_freezes=1)
    act(1)
    outcome = act(2)
    act(3)

    with on(3):
        told = heard(lambda: reverse_entry(user, entry_id=outcome.entry.id))

    assert told == [("freeze_used", {"date": november(2), "streak": "daily"})]


def test_other_streaks_tell_too(heard, act):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=2)
    act(2)

    told = heard(lambda: act(3))

    assert told == [
        ("streak_extended", {"current": 2, "longest": 2, "streak": "daily"}),
        ("streak_extended", {"current": 1, "longest": 1, "streak": "weekly"}),
    ]


@pytest.mark.parametrize("rules", [{}, {"initial_freezes": 1, "freeze_every": 2}])
def test_a_batch_tells_as_its_records_would(heard, act, daily, on, user, rules):
    daily(**rules)
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=2)
    twin, days = UserFactory(), (2, 2, 4, 9, 10, 23, 24)
    act(1)
    act(1, who=twin)

    one_by_one = heard(lambda: act(*days))
    with on(24):
        records = [ActivityRecord(twin, "walk", noon(day)) for day in days]
        together = heard(lambda: record_activities(records, historical=True))

    assert together == one_by_one
    assert [about["lost"] for name, about in together if name == "streak_broken"]


def test_a_batch_tells_of_a_break_inside_it(heard, user, on):
    records = [ActivityRecord(user, "walk", noon(day)) for day in (3, 5)]

    with on(5):
        told = heard(lambda: record_each(records))

    one = {"current": 1, "longest": 1, "streak": "daily"}
    assert told == [
        ("streak_extended", one),
        ("streak_broken", {"broken_at": None, "lost": 1, "streak": "daily"}),
        ("streak_extended", one),
    ]


def test_silent_work_tells_nothing(heard, user, on, activity):
    def record():
        with on(2):
            record_activity(user, "walk", celebrate=False)

    assert heard(record) == []


def test_a_reading_tells_of_a_break(heard, user, act, on):
    act(1, 2)

    def read():
        with on(9):
            get_streaks(user)

    [(name, about)] = heard(read)
    assert (name, about["lost"]) == ("streak_broken", 2)
    assert about["broken_at"].date() == november(4)


def test_a_streak_breaks_when_a_date_that_came_back_ends_again(user, act, on):
    act(1)
    with time_machine.travel(noon(3) - timedelta(hours=6), tick=False):
        set_time_zone(user, "Etc/GMT+12")
        [alive] = get_streaks(user)

    with on(4):
        [broken] = get_streaks(user)

    assert alive.lost_at == broken.broken_at == noon(3)


def test_an_achievement_measures_the_runs_of_a_streak(user, act, on):
    weekly = create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    AchievementFactory(
        key="weeks", criterion="longest_streak", threshold=2, streak=weekly
    )

    assert act(2, 3).unlocks == ()
    assert [each.achievement for each in act(9).unlocks] == ["weeks"]
    with on(9):
        assert explain_achievement(user, "weeks").current == 2


def test_an_unlock_is_dated_by_the_run_that_it_measures(user, on, act, daily):
    daily(freeze_every=50)
    AchievementFactory(key="three", criterion="longest_streak", threshold=3)
    with on(1):
        grant_freezes(user, 1)
    act(5, 6)

    with on(6):
        for day in (3, 2):
            moment = noon(day)
            outcome = record_activity(user, "walk", occurred_at=moment, historical=True)

    assert [each.achievement for each in outcome.unlocks] == []
    unlock = user.gamification_achievements.get()
    assert unlock.unlocked_at == noon(6)
    assert StreakFreeze.objects.filter(kind="used").get().date == date(2026, 11, 4)


def test_a_second_record_in_a_week_breaks_nothing(heard, act):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    act(2)

    told = [heard(lambda day=day: act(day)) for day in (3, 9, 10, 23)]

    assert [
        [
            (name, about.get("current"))
            for name, about in each
            if about["streak"] != "daily"
        ]
        for each in told
    ] == [
        [],
        [("streak_extended", 2)],
        [],
        [("streak_broken", None), ("streak_extended", 1)],
    ]
