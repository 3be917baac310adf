from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from gamification.conf import NAMES, Settings, conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.levels import LEVEL_THRESHOLDS


def test_a_setting_that_is_not_set_has_its_default():
    assert timedelta(hours=48) == conf.MAX_BACKDATE


def test_a_setting_is_read_anew_each_time(settings):
    settings.GAMIFICATION = {"MAX_BACKDATE": timedelta(hours=1)}
    first = conf.MAX_BACKDATE
    settings.GAMIFICATION = {"MAX_BACKDATE": timedelta(hours=2)}

    assert (first, conf.MAX_BACKDATE) == (timedelta(hours=1), timedelta(hours=2))


def test_every_setting_has_a_type():
    assert set(Settings.__annotations__) == NAMES


def test_the_default_zone_is_that_of_django(settings):
    settings.TIME_ZONE = "Asia/Tokyo"

    assert conf.default_calendar.zones[0].zone == "Asia/Tokyo"


def test_the_default_zone_can_be_set(settings):
    settings.GAMIFICATION = {"DEFAULT_TIME_ZONE": "Asia/Kolkata", "DAY_START_HOUR": 4}

    calendar = conf.default_calendar

    assert ZoneInfo(calendar.zones[0].zone) == ZoneInfo("Asia/Kolkata")
    assert calendar.day_start_hour == 4


def test_a_site_replaces_the_thresholds(settings):
    before = conf.rules(Catalogue()).thresholds
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": [0, 10]}

    assert before == LEVEL_THRESHOLDS
    assert conf.rules(Catalogue()).thresholds == (0, 10)


@pytest.mark.parametrize(
    ("rate", "limit"),
    [
        ("20/s", (20, 1)),
        ("1/min", (1, 60)),
        ("600/hour", (600, 3_600)),
        ("999999999/day", (999_999_999, 86_400)),
        (None, None),
    ],
)
def test_a_scope_has_the_limit_that_its_rate_says(settings, rate, limit):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"write": rate}}

    assert conf.limit("write") == limit


def test_a_scope_that_the_site_leaves_out_keeps_its_limit(settings):
    settings.GAMIFICATION = {"THROTTLE_RATES": {"write": None}}

    assert conf.limit("read") == (600, 60)


@pytest.mark.parametrize(
    "rates", [None, "9/s", {"write": "often"}, {"write": "9/month"}, {"write": ["9/s"]}]
)
def test_a_rate_that_cannot_be_read_is_the_default(settings, rates):
    settings.GAMIFICATION = {"THROTTLE_RATES": rates}

    assert conf.limit("write") == (120, 60)


def test_names_in_capitals_alone_are_settings(settings):
    settings.GAMIFICATION = {"rules": None, "limit": None, "default_calendar": None}

    assert conf.rules(Catalogue()).thresholds == LEVEL_THRESHOLDS
    assert conf.limit("read") == (600, 60)
    assert conf.default_calendar.zones
