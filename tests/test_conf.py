from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from gamification.conf import NAMES, Settings, conf
from gamification.domain.progression import LEVEL_THRESHOLDS
from gamification.domain.rules import Catalogue


def test_a_setting_that_is_not_set_has_its_default():
    assert timedelta(hours=48) == conf.MAX_BACKDATE


def test_a_setting_is_read_anew_each_time(settings):
    settings.GAMIFICATION = {"MAX_BACKDATE": timedelta(hours=1)}
    first = conf.MAX_BACKDATE
    settings.GAMIFICATION = {"MAX_BACKDATE": timedelta(hours=2)}

    assert (first, conf.MAX_BACKDATE) == (timedelta(hours=1), timedelta(hours=2))


def test_every_setting_has_a_type():
    assert set(Settings.__annotations__) == NAMES


def test_the_zone_of_those_who_chose_none_is_that_of_django(settings):
    settings.TIME_ZONE = "Asia/Tokyo"

    assert conf.default_calendar.zones[0].zone == "Asia/Tokyo"


def test_the_zone_of_those_who_chose_none_can_be_set(settings):
    settings.GAMIFICATION = {"DEFAULT_TIME_ZONE": "Asia/Kolkata", "DAY_START_HOUR": 4}

    calendar = conf.default_calendar

    assert ZoneInfo(calendar.zones[0].zone) == ZoneInfo("Asia/Kolkata")
    assert calendar.day_start_hour == 4


def test_a_site_replaces_the_thresholds(settings):
    before = conf.rules(Catalogue()).thresholds
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": [0, 10]}

    assert before == LEVEL_THRESHOLDS
    assert conf.rules(Catalogue()).thresholds == (0, 10)
