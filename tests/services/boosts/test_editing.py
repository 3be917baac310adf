from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError

from gamification.domain.attributes import type_of
from gamification.exceptions import (
    BoostUsedError,
    InvalidDefinitionError,
    StaleEditError,
    UnknownBoostError,
)
from gamification.models import Activity, Boost
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    revoke_achievement,
    set_time_zone,
)
from gamification.services.boosts import fields
from gamification.staff import (
    boost_tag,
    check_boost,
    create_boost,
    delete_boost,
    edit_boost,
    end_boost,
    find_boost,
    get_boosts,
    is_boost_used,
    preview_boost,
)
from tests.factories import AchievementFactory, ActivityFactory, BoostFactory
from tests.inspection import ledger_of
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NEW = {
    "key": "launch",
    "name": "Launch weekend",
    "factor": Decimal(2),
    "starts_at": NOW + DAY,
    "ends_at": NOW + 3 * DAY,
    "zone": "UTC",
}
#: Instants for which UTC has no year.
EARLY, LATE = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"
GENRES = {"genre": "string", "pages": "integer", "signed": "boolean"}


def reasons(**changes) -> dict[str, str]:
    """Return why a new boost with these changes is refused, by field."""
    values = {name: value for name, value in NEW.items() if name != "key"}
    with pytest.raises(InvalidDefinitionError) as caught:
        check_boost(**{**values, **changes})
    return {name: each[0][1] for name, each in caught.value.errors.items()}


def preview_of(where, **changes):
    values = {name: value for name, value in NEW.items() if name != "key"}
    chosen = {"factor": "1.55", "where": where, "activities": ["walk"]}
    return preview_boost(**{**values, **chosen, **changes})


def test_a_boost_is_stored_as_it_was_given(staff):
    Activity.objects.update(attributes=GENRES)
    group = Group.objects.create(name="Club")

    made = create_boost(
        actor=staff,
        **NEW,
        activities=("walk",),
        group="Club",
        where=[("genre", "in", ("a", "b"))],
    )

    stored = find_boost("launch")
    assert stored == made
    assert (stored.factor, stored.group) == (Decimal("2.00"), group)
    assert stored.where == [["genre", "in", ["a", "b"]]]


@pytest.mark.parametrize("factor", [2, 2.5, "2.50", Decimal("2.50")])
def test_a_factor_can_be_any_decimal_number(factor):
    made = create_boost(actor=None, **{**NEW, "factor": factor})

    assert made.factor == round(Decimal(str(factor)), 2)


@pytest.mark.parametrize(
    "factor", [True, "two", None, Decimal("nan"), Decimal("1.234"), 11, 0, 1]
)
def test_other_factors_are_refused(factor):
    assert {*reasons(factor=factor)} & {"factor", "__all__"}


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"name": 3}, "name", "a text"),
        ({"zone": "Europe/Bern"}, "zone", "is not the name of a time zone"),
        ({"zone": 3}, "zone", "not a text"),
        ({"starts_at": "soon"}, "starts_at", "not a date and time"),
        ({"starts_at": datetime(2026, 6, 12)}, "starts_at", "not a date and time"),  # noqa: DTZ001
        ({"ends_at": NOW + HOUR}, "ends_at", "ends before it starts"),
        ({"starts_at": NOW - HOUR}, "starts_at", "cannot begin in the past"),
        ({"starts_at": EARLY}, "starts_at", "greater than or equal to 1970-01-01"),
        ({"ends_at": LATE}, "ends_at", "less than or equal to 3000-01-01"),
        ({"activities": "walk"}, "activities", "by their keys"),
        ({"activities": ["swim"]}, "activities", "No activity has the key 'swim'"),
        ({"activities": ["x"] * 101}, "activities", "At most 100"),
        ({"group": "Clubb"}, "group", "No group has the name"),
        ({"group": 3}, "group", "No group has the name"),
        ({"where": "genre"}, "where", "Comparisons are lists"),
        ({"where": [["genre", "is"]]}, "where", "an operator and a value"),
        ({"where": [["genre", "like", "x"]]}, "where", "not one of is, in"),
        ({"where": [["gerne", "is", "x"]]}, "where", "Did you mean"),
        ({"where": [[3, "is", "x"]]}, "where", "has the attribute"),
        ({"where": [["genre", "in", "x"]]}, "where", "Give a list"),
        ({"where": [["genre", "in", []]]}, "where", "Give a list"),
        ({"where": [["genre", "at_least", 3]]}, "where", "genre is not a number"),
        ({"where": [["pages", "is", "many"]]}, "where", "whole number"),
        ({"where": [["pages", "is", True]]}, "where", "whole number"),
        ({"where": [["pages", "is", 2**60]]}, "where", "whole number"),
        ({"where": [["genre", "is", "x" * 65]]}, "where", "genre is: text"),
        ({"where": [["genre", "is", 1.5]]}, "where", "genre is: text"),
        ({"where": [["genre", "is", "x"]] * 17}, "where", "more than 16"),
    ],
)
def test_each_mistake_is_named(changes, field, text):
    Activity.objects.update(attributes=GENRES)

    assert text in reasons(**changes)[field]


@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
def test_both_times_are_required(name):
    values = {each: value for each, value in NEW.items() if each != name}

    with pytest.raises(InvalidDefinitionError, match=name):
        create_boost(actor=None, **values)


def test_times_can_be_texts():
    check_boost(
        name="x",
        factor="2",
        starts_at="2026-06-12T00:00:00Z",
        ends_at="2026-06-13T00:00:00+02:00",
    )


def test_times_are_kept_in_utc():
    ends_at = (NOW + 3 * DAY).astimezone(ZoneInfo("Europe/Berlin"))

    made = create_boost(actor=None, **NEW | {"ends_at": ends_at})

    assert boost_tag(made) == boost_tag(find_boost("launch"))


def test_a_site_without_groups_has_no_boosts_for_them(monkeypatch):
    monkeypatch.setattr(fields, "memberships", lambda: None)

    assert "have no groups" in reasons(group="Club")["group"]


def test_on_users_own_clocks_it_must_not_have_begun_anywhere():
    text = reasons(zone="", starts_at=NOW + 13 * HOUR)["starts_at"]

    assert "Begin the boost at 2026-06-11 02:00 or later" in text
    check_boost(name="x", factor=2, starts_at=NOW + 14 * HOUR, ends_at=NOW + 5 * DAY)


def test_an_unknown_field_is_a_mistake_of_the_code():
    with pytest.raises(TypeError, match="Did you mean 'factor'"):
        create_boost(actor=None, **NEW, factr=2)


def test_a_key_can_be_taken_only_once():
    create_boost(actor=None, **NEW)

    with pytest.raises(InvalidDefinitionError, match="key"):
        create_boost(actor=None, **NEW)


def test_a_key_that_is_taken_meanwhile_is_named(monkeypatch):
    full_clean = Boost.full_clean

    def clean_early(self, **options):
        full_clean(self, **options)
        Boost.objects.bulk_create([Boost(**NEW)])

    monkeypatch.setattr(Boost, "full_clean", clean_early)

    with pytest.raises(InvalidDefinitionError, match="already"):
        create_boost(actor=None, **NEW)


def test_other_errors_of_the_database_are_not_hidden(monkeypatch):
    def fail(self, **options):
        raise IntegrityError

    monkeypatch.setattr(Boost, "save", fail)

    with pytest.raises(IntegrityError):
        create_boost(actor=None, **NEW)


@pytest.mark.parametrize("key", ["lunch", 3, "a\0"])
def test_an_unknown_boost_is_named(key):
    create_boost(actor=None, **NEW)

    with pytest.raises(UnknownBoostError, match="No boost has the key"):
        edit_boost(key, actor=None, expected=None)


def test_a_planned_boost_can_change_in_any_way():
    create_boost(actor=None, **NEW)

    edited = edit_boost(
        "launch", actor=None, expected=None, factor=3, starts_at=NOW + 2 * DAY
    )

    assert (edited.factor, edited.starts_at) == (Decimal("3.00"), NOW + 2 * DAY)


def test_the_activities_of_a_planned_boost_can_change():
    create_boost(actor=None, **NEW)

    edit_boost("launch", actor=None, expected=None, activities=["walk"])

    assert find_boost("launch").activities == ["walk"]


def test_nothing_changes_without_a_change(staff):
    made = create_boost(actor=None, **NEW)

    edit_boost("launch", actor=staff, expected=boost_tag(made), factor=2)

    assert find_boost("launch").updated_at == made.updated_at


def test_somebody_elses_edit_is_not_overwritten():
    made = create_boost(actor=None, **NEW)
    edit_boost("launch", actor=None, expected=boost_tag(made), factor=3)

    with pytest.raises(StaleEditError):
        edit_boost("launch", actor=None, expected=boost_tag(made), factor=4)


def test_yes_in_place_of_1_is_a_change():
    for key, kind in (("vote", "boolean"), ("book", "integer")):
        ActivityFactory(key=key, attributes={"rating": kind})
    number, yes = ([["rating", "is", value]] for value in (1, True))
    planned = BoostFactory(where=number, starts_at=NOW + DAY)
    running = BoostFactory(where=number)

    edit_boost(planned.key, actor=None, expected=None, where=yes)

    [[_, _, value]] = Boost.objects.get(pk=planned.pk).where
    assert value is True
    with pytest.raises(InvalidDefinitionError, match="where: The boost is running"):
        edit_boost(running.key, actor=None, expected=None, where=yes)


def test_a_running_boost_can_only_be_ended_earlier_or_later():
    boost = BoostFactory()

    with pytest.raises(InvalidDefinitionError, match="factor: The boost is running"):
        edit_boost(boost.key, actor=None, expected=None, factor=3)
    with pytest.raises(InvalidDefinitionError, match="The end is in the past"):
        edit_boost(boost.key, actor=None, expected=None, ends_at=NOW - HOUR)
    later = NOW + 90 * DAY
    assert (
        edit_boost(boost.key, actor=None, expected=None, ends_at=later).ends_at == later
    )


def test_a_boost_whose_activity_is_gone_can_be_ended():
    boost = BoostFactory(activities=["gone"])

    assert end_boost(boost.key, actor=None).ends_at == NOW


def test_ended_on_users_own_clocks_it_is_over_everywhere():
    boost = BoostFactory(zone="")

    ended = end_boost(boost.key, actor=None)

    assert (ended.ends_at, ended.state) == (NOW - 12 * HOUR, "over")


def test_ended_before_it_has_begun_everywhere_it_is_switched_off(user, staff):
    boost = BoostFactory(zone="", starts_at=NOW - 6 * HOUR)
    given = record_activity(user, "walk").credited

    ended = end_boost(boost.key, actor=staff)

    assert (ended.ends_at, ended.state) == (boost.ends_at, "over")
    assert (given, record_activity(user, "walk").credited) == (20, 10)
    with pytest.raises(InvalidDefinitionError, match="The boost is over"):
        edit_boost(boost.key, actor=staff, expected=None, is_active=True)


def test_a_boost_that_has_not_begun_anywhere_cannot_be_ended():
    boost = BoostFactory(zone="", starts_at=NOW + 15 * HOUR)

    with pytest.raises(InvalidDefinitionError, match="ends before it starts"):
        end_boost(boost.key, actor=None)


def test_what_is_over_stays():
    boost = BoostFactory(ends_at=NOW - HOUR)

    with pytest.raises(InvalidDefinitionError, match="The boost is over"):
        edit_boost(boost.key, actor=None, expected=None, ends_at=NOW + DAY)


def test_only_a_boost_that_no_entry_names_can_be_deleted(user):
    used, unused = BoostFactory(key="launch"), BoostFactory(key="launch_2")
    Boost.objects.filter(pk=unused.pk).update(is_active=False)
    record_activity(user, "walk")

    assert (is_boost_used(used), is_boost_used(unused)) == (True, False)
    delete_boost("launch_2", actor=None)
    with pytest.raises(BoostUsedError, match="End it instead"):
        delete_boost("launch", actor=None)
    assert [each.key for each in Boost.objects.all()] == ["launch"]


def test_a_boost_for_all_time_can_be_deleted():
    forever = datetime.max.replace(tzinfo=UTC)
    BoostFactory(key="launch", zone="", ends_at=forever)

    delete_boost("launch", actor=None)

    assert not Boost.objects.exists()


def test_a_preview_counts_what_the_boost_chooses(user):
    Activity.objects.update(attributes=GENRES)
    ActivityFactory(key="swim")
    record_activity(user, "swim")
    for genre, pages in (("a", 99), ("a", 100), ("b", 100)):
        said = {"genre": genre, "pages": pages, "signed": True}
        record_activity(user, "walk", quantity=3, attributes=said)
    where = [
        ["genre", "in", ["a", "c"]],
        ["pages", "at_least", 100],
        ["pages", "at_most", 100],
        ["signed", "is", True],
    ]

    preview = preview_of(where)

    [day] = preview.days
    assert (day.day, day.users, day.xp, day.extra) == (NOW.date(), 1, 30, 16)


@pytest.mark.parametrize(("value", "chosen"), [(True, 2), (1, 3), ("true", 5)])
@pytest.mark.parametrize("operator", ["is", "in"])
def test_a_preview_tells_types_of_attributes_with_one_key_apart(
    user, value, chosen, operator
):
    """The key is also the name of a lookup of Django."""
    for said, quantity in ((True, 2), (1, 3), ("true", 5)):
        key, kind = f"of_{type(said).__name__}", type_of(said)
        ActivityFactory(key=key, attributes={"range": kind}, xp_reward=1)
        record_activity(user, key, quantity=quantity, attributes={"range": said})
    where = [["range", operator, value if operator == "is" else [value]]]

    [day] = preview_of(where, activities=[]).days

    assert day.xp == chosen


def test_a_preview_counts_rewards_and_gifts_if_they_are_boosted(user):
    for key in ("medal", "cup"):
        AchievementFactory(key=key)
        award_achievement(user, key)
    revoke_achievement(user, "cup")
    adjust_xp(user, amount=7, note="Found.")
    adjust_xp(user, amount=-3, note="Lost.")

    preview = preview_of(
        [], activities=[], boosts_achievements=True, boosts_adjustments=True, factor=2
    )

    [day] = preview.days
    assert (day.xp, day.extra) == (57, 57)


def test_a_preview_counts_no_gift_that_was_taken_back(user):
    for amount in (7, 20):
        adjust_xp(user, amount=amount, note="Found.")
    reverse_entry(user, entry_id=ledger_of(user)[0].pk)

    preview = preview_of([], activities=[], boosts_adjustments=True, factor=2)

    [day] = preview.days
    assert (day.users, day.xp, day.extra) == (1, 20, 20)


@pytest.mark.parametrize("factor", [3, "0.10"])
def test_a_preview_counts_gifts_without_the_boosts_that_they_had(user, factor):
    BoostFactory(factor=factor, boosts_adjustments=True)
    for amount in (7, 20):
        adjust_xp(user, amount=amount, note="Found.")
    choice = {"activities": [], "boosts_adjustments": True, "factor": 2}

    [before] = preview_of([], **choice).days
    reverse_entry(user, entry_id=ledger_of(user)[0].pk)
    [after] = preview_of([], **choice).days

    assert [(day.xp, day.extra) for day in (before, after)] == [(27, 27), (20, 20)]


def test_a_preview_for_a_group_counts_its_members(user):
    Group.objects.create(name="Club")
    record_activity(user, "walk")

    assert preview_of([], group="Club").days == []
    user.groups.add(Group.objects.get())
    assert [day.xp for day in preview_of([], group="Club").days] == [10]


def test_boosts_for_a_group_are_listed_for_its_members(user):
    group = Group.objects.create(name="Club")
    BoostFactory(key="club", group=group)

    assert get_boosts(user) == []
    user.groups.add(group)
    assert [each.key for each in get_boosts(user)] == ["club"]


def test_a_boost_runs_only_while_the_present_clock_of_the_user_says_so(
    user, server_clock
):
    set_time_zone(user, "Pacific/Kiritimati")
    BoostFactory(zone="", starts_at=NOW, ends_at=NOW + DAY)
    before = record_activity(user, "walk").credited
    server_clock.shift(HOUR)
    set_time_zone(user, "Pacific/Honolulu")

    [boost] = get_boosts(user)

    assert (before, record_activity(user, "walk").credited) == (20, 10)
    assert (boost.is_running, boost.starts_at) == (False, NOW + 10 * HOUR)


def test_a_boost_that_is_over_by_the_clock_of_the_user_is_not_listed(user):
    BoostFactory(zone="", starts_at=NOW - DAY, ends_at=NOW)

    assert get_boosts(user) == []


def test_without_boosts_none_are_listed(user):
    assert get_boosts(user) == []
