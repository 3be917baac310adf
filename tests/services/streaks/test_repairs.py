from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection

from gamification.exceptions import (
    InvalidRequestError,
    InvalidTextError,
    NotRepairableError,
    SelfAwardError,
    UnknownStreakError,
)
from gamification.models import RepairedDate, StreakDefinition
from gamification.services import (
    get_streaks,
    pause_streak,
    record_activity,
    repair_own_streak,
)
from gamification.services.streaks.lookup import rule_of
from gamification.staff import (
    create_streak,
    grant_freezes,
    own_repairs,
    preview_repairs,
    repair_streak,
    repair_streaks,
    repairs_of,
)
from gamification.storage.catalogue import load_catalogue
from tests.factories import UserFactory
from tests.services.streaks.conftest import noon, november

pytestmark = pytest.mark.django_db


@pytest.fixture
def allowed(settings):
    settings.GAMIFICATION = {"USERS_REPAIR_STREAKS": True}


def test_a_repair_credits_dates(user, staff, act, on):
    act(1, 2, 4)

    with on(4):
        note = "The site was down."
        status = repair_streak(user, [november(3)], actor=staff, note=note)

    row = repairs_of(user).get()
    assert (status.current, status.longest) == (3, 3)
    assert (row.date, row.actor, row.note) == (november(3), staff, note)


def test_a_repair_is_repeated_safely(user, act, on):
    act(1)

    with on(3):
        for _ in range(2):
            repair_streak(user, [november(2)], actor=None, note="x")

    assert RepairedDate.objects.count() == 1


def test_a_repair_gives_a_freeze_back(user, act, on, daily):
    daily(initial_freezes=1)
    act(1, 3)

    with on(3):
        status = repair_streak(user, [november(2)], actor=None, note="x")

    assert (status.current, status.freezes) == (2, 1)


@pytest.mark.parametrize("day", [100, 101, 9])
def test_only_the_last_ninety_dates_are_repaired(user, act, on, day):
    act(1)

    with on(100), pytest.raises(NotRepairableError, match="90 days before"):
        repair_streak(user, [november(day)], actor=None, note="x")


@pytest.mark.parametrize("days", [[], range(32)])
def test_a_repair_has_some_dates(user, days):
    dates = [november(day) for day in days]

    with pytest.raises(NotRepairableError, match="1 to 31 dates"):
        repair_streak(user, dates, actor=None, note="x")


def test_a_repair_has_dates_and_a_note(user):
    with pytest.raises(NotRepairableError, match="'2026-11-29', not a list of dates"):
        repair_streak(user, "2026-11-29", actor=None, note="x")
    with pytest.raises(InvalidRequestError, match="is not a date"):
        repair_streak(user, ["yesterday"], actor=None, note="x")
    with pytest.raises(InvalidTextError):
        repair_streak(user, [november(1)], actor=None, note=" ")


def test_staff_do_not_repair_their_own_streaks(staff, act, on):
    act(1, who=staff)

    with on(3), pytest.raises(SelfAwardError):
        repair_streak(staff, [november(2)], actor=staff, note="x")


@pytest.mark.usefixtures("allowed")
def test_users_repair_a_break_of_yesterday(user, act, on):
    act(1, 2, 3)

    with on(5):
        assert get_streaks(user)[0].missed == (november(4),)
        status = repair_own_streak(user, [november(4)])

    assert (status.state, status.current) == ("at_risk", 3)


@pytest.mark.usefixtures("allowed")
def test_users_repair_a_break_after_a_new_record(user, act, on):
    act(1, 2, 4)

    with on(4):
        assert repair_own_streak(user, [november(3)]).current == 3


def test_users_repair_nothing_by_default(user, act, on):
    act(1)

    with on(3), pytest.raises(NotRepairableError, match="does not let"):
        repair_own_streak(user, [november(2)])


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("today", "days", "reason"),
    [
        (3, [1], "that broke the streak"),
        (5, [2, 3, 4], "Up to 2"),
        (4, [2], "stay broken"),
        (6, [2, 3], "too long ago"),
    ],
)
def test_users_repair_only_what_broke_lately(user, act, on, today, days, reason):
    act(1)

    dates = [november(day) for day in days]
    with on(today), pytest.raises(NotRepairableError, match=reason):
        repair_own_streak(user, dates)
    assert not RepairedDate.objects.exists()


@pytest.mark.usefixtures("allowed")
def test_an_unbroken_streak_is_not_repaired(user, act, on):
    act(1)

    with on(2), pytest.raises(NotRepairableError, match="that broke"):
        repair_own_streak(user, [november(1)])


def test_an_outage_is_repaired_for_everybody_whom_it_broke(user, staff, act, on):
    idle, early = UserFactory(), UserFactory()
    act(1, 2, 4)
    act(1, 2, who=staff)
    act(3, 4, who=early)
    act(4, who=idle)

    with on(4):
        preview = preview_repairs([november(3)])
        report = repair_streaks([november(3)], actor=None, note="Down.")
        again = repair_streaks([november(3)], actor=None, note="Down.")

    assert (preview, again.users) == (report, 0)
    assert (report.users, report.dates) == (2, 2)
    assert {row.user for row in RepairedDate.objects.all()} == {user, staff}
    with on(4):
        assert get_streaks(user)[0].current == 3


def test_dates_that_are_not_over_are_left_out(user, act, on):
    act(1)

    with on(3):
        preview = preview_repairs([november(2), november(3)])
        report = repair_streaks([november(2), november(3)], actor=None, note="Down.")

        assert preview == report
        assert (report.users, report.dates, get_streaks(user)[0].current) == (1, 1, 1)
    assert RepairedDate.objects.get().date == november(2)


def test_dates_that_were_repaired_before_are_not_counted_again(user, act, on):
    act(1)
    with on(3):
        repair_streak(user, [november(2)], actor=None, note="Ill.")

    with on(5):
        wanted = [november(2), november(3), november(4)]
        report = repair_streaks(wanted, actor=None, note="Down.")

    assert (report.users, report.dates) == (1, 2)
    assert RepairedDate.objects.count() == 3


def test_an_outage_is_repaired_for_those_whom_freezes_kept_for_months(user, act, on):
    months = {"unit": "month", "initial_freezes": 3, "freeze_cap": 3}
    with on(0):
        create_streak(actor=None, key="monthly", name="Monthly", **months)
    act(40)

    # December counts, January to March are frozen, and April was missed.
    with on(190):
        report = repair_streaks(
            [november(181)], actor=None, note="Down.", streak="monthly"
        )
        frozen = get_streaks(user)[1]

    assert (report.users, frozen.state, frozen.freezes_needed) == (1, "frozen", 3)


@pytest.mark.parametrize("dates", [[november(1)], [november(102)], [date.min]])
def test_an_outage_is_of_the_last_ninety_dates(dates, on):
    with on(100), pytest.raises(NotRepairableError, match="90 days"):
        repair_streaks(dates, actor=None, note="Down.")
    with on(100), pytest.raises(NotRepairableError, match="90 days"):
        preview_repairs(dates)


@pytest.mark.usefixtures("allowed")
def test_users_repair_any_date_of_a_missed_week(user, act, on):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=3)
    act(2, 3, 4, 9, 15)

    with on(16):
        status = repair_own_streak(user, [november(12)], streak="weekly")

    assert (status.state, status.current) == ("at_risk", 1)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(("goal", "days"), [(2, [15]), (3, [14, 15]), (4, [])], ids=str)
def test_an_offered_repair_has_as_many_dates_as_a_week_lacks(user, act, on, goal, days):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=goal)
    act(2, 3, 4, 5, 9)

    with on(16):
        offers = [each.status for each in own_repairs(user)]
        for status in offers:
            repaired = repair_own_streak(user, status.lacking, streak="weekly")

            assert (status.missed, repaired.current) == ((november(15),), 1)

    assert [*map(november, days)] == [day for each in offers for day in each.lacking]


@pytest.mark.usefixtures("allowed")
def test_no_repair_is_offered_of_dates_that_freezes_will_cover(user, act, on):
    act(1, 3)
    with on(3):
        grant_freezes(user, 1)

    with time_machine.travel(noon(5) - timedelta(hours=12), tick=False):
        status = get_streaks(user)[0]

        assert (status.state, status.lacking) == ("frozen", (november(4),))
        assert own_repairs(user) == []


def test_an_outage_in_a_pause_broke_nothing(user, act, on):
    act(1)
    with on(2):
        pause_streak(user, november(2), november(5))

    with on(4):
        assert preview_repairs([november(3)]).users == 0


def test_a_repaired_date_becomes_active(user, act, on):
    act(1, 3)
    with on(3):
        repair_streak(user, [november(2)], actor=None, note="x")
        late = record_activity(user, "walk", occurred_at=noon(2), historical=True)

    assert late.current_streak == 3


def test_a_streak_that_was_deleted_meanwhile_is_unknown():
    gone = StreakDefinition(key="gone")

    with pytest.raises(UnknownStreakError, match="gone"):
        rule_of(gone, load_catalogue(connection.alias))
