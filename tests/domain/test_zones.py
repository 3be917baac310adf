from __future__ import annotations

from zoneinfo import available_timezones

import pytest

from gamification.domain.zones import is_readable, is_time_zone, present_name


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Calcutta", "UTC", "Etc/GMT+5"])
def test_names_of_the_database_are_time_zones(name):
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "europe/berlin ", "localtime", "../etc", None, 5, []]
)
def test_anything_else_is_no_time_zone(name):
    assert not is_time_zone(name)


@pytest.mark.parametrize(
    ("given", "present"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("US/Pacific", "America/Los_Angeles"),
    ],
)
def test_a_name_that_was_given_up_has_a_present_one(given, present):
    assert present_name(given) == present


@pytest.mark.parametrize(
    "name",
    # The rules of Oslo are those of Berlin, and yet Norway is no part of Germany.
    ["Europe/Berlin", "Europe/Oslo", "Asia/Kolkata", "UTC", "GMT", "Mars/Olympus"],
)
def test_other_names_stay_as_they_are(name):
    assert present_name(name) == name


def test_every_present_name_is_a_zone_that_stays():
    present = {present_name(name) for name in available_timezones()}

    assert all(is_time_zone(name) for name in present - {"localtime"})
    assert {present_name(name) for name in present} == present


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "/etc"])
def test_a_zone_without_rules_cannot_be_read(name):
    assert not is_readable(name)


def test_a_zone_with_rules_can_be_read():
    assert is_readable("Asia/Kolkata")
