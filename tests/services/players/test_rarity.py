from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection

from gamification.models import Achievement, UserGamification
from gamification.services import (
    Rarity,
    award_achievement,
    get_rarity,
    record_activity,
    reverse_entry,
    revoke_achievement,
    set_visibility,
)
from gamification.services.cache import scoped_key
from gamification.services.players.rarity import CACHE_KEY
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import hide
from tests.services.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


@pytest.fixture(autouse=True)
def cache_is_empty():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", xp_reward=0)


def player(holds=None, **fields):
    """Return a user who did something, and holds an achievement if told so."""
    user = UserFactory(**fields)
    record_activity(user, "walk")
    if holds:
        award_achievement(user, holds.key)
    return user


def test_rarity_is_the_share_of_active_users(medal):
    other = AchievementFactory()
    for holds in (medal, medal, medal, None):
        player(holds)

    rarity = get_rarity()

    assert rarity == Rarity({medal.pk: 3}, 4, NOW)
    assert (rarity.share_of(medal.pk), rarity.share_of(other.pk)) == (0.75, 0.0)


def test_where_nobody_did_anything_nothing_is_rare(medal, user):
    rarity = get_rarity()

    assert rarity == Rarity({}, 0, NOW)
    assert rarity.share_of(medal.pk) is None


def test_a_newcomer_does_not_count(medal, user):
    player(medal)
    award_achievement(user, "medal")

    assert get_rarity() == Rarity({medal.pk: 1}, 1, NOW)


def test_a_user_whose_records_were_all_reversed_does_not_count(medal, user):
    outcome = record_activity(user, "walk")
    award_achievement(user, "medal")
    reverse_entry(user, entry_id=outcome.entry.id)

    assert get_rarity() == Rarity({}, 0, NOW)


def test_a_user_of_several_activities_counts_once(medal):
    user = player(medal)
    record_activity(user, ActivityFactory(key="run", extends_streak=False).key)

    assert get_rarity() == Rarity({medal.pk: 1}, 1, NOW)


def test_an_activity_that_extends_no_streak_counts_too(user):
    record_activity(user, ActivityFactory(key="run", extends_streak=False).key)

    assert get_rarity().denominator == 1


def test_a_revoked_achievement_is_not_held(medal):
    revoke_achievement(player(medal), "medal")

    assert get_rarity() == Rarity({}, 1, NOW)


def test_accounts_that_were_closed_do_not_count(medal):
    player(medal)
    player(medal, is_active=False)

    assert get_rarity() == Rarity({medal.pk: 1}, 1, NOW)


def test_staff_do_not_count_unless_the_site_says_so(medal, settings):
    player(medal, is_staff=True)
    without = get_rarity()
    settings.GAMIFICATION = {"RANKS_STAFF": True, "RARITY_TTL": timedelta(0)}

    assert without.denominator == 0
    assert get_rarity() == Rarity({medal.pk: 1}, 1, NOW)


def test_all_count_where_users_cannot_tell(medal, monkeypatch):
    player(medal, is_active=False, is_staff=True)
    # A model that has no such fields.
    monkeypatch.setattr("gamification.models.progress.get_user_model", lambda: Group)

    assert get_rarity() == Rarity({medal.pk: 1}, 1, NOW)


def test_a_hidden_user_counts(medal):
    set_visibility(player(medal), is_public=False)

    assert get_rarity().denominator == 1


def test_retired_and_secret_achievements_are_rare_too(medal):
    player(medal)
    Achievement.objects.update(status="retired", is_secret=True)

    assert get_rarity().share_of(medal.pk) == 1.0


def test_a_share_never_exceeds_1():
    assert Rarity({7: 3}, 2, NOW).share_of(7) == 1.0


def test_rarity_takes_at_most_six_queries(django_assert_num_queries):
    for _ in range(5):
        player(AchievementFactory())
    # One who does not count, and one who did nothing.
    player(is_active=False)
    UserGamification.objects.create(user=UserFactory())

    # PostgreSQL is asked in which schema the tables are.
    with django_assert_num_queries(6 + IS_POSTGRESQL):
        assert len(get_rarity().holders) == 5


def test_rarity_is_kept_for_an_hour(medal, server_clock, django_assert_num_queries):
    player(medal)
    first = get_rarity()
    player()
    server_clock.shift(timedelta(hours=1, microseconds=-1))

    with django_assert_num_queries(int(IS_POSTGRESQL)):
        second = get_rarity()
    server_clock.shift(timedelta(microseconds=1))

    assert second == first
    assert get_rarity() == Rarity({medal.pk: 1}, 2, NOW + timedelta(hours=1))


def test_kept_numbers_have_their_time_in_utc():
    get_rarity()

    assert get_rarity().worked_out_at.tzinfo == UTC


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(minutes=1)])
def test_a_site_says_how_long_it_is_kept(server_clock, settings, ttl):
    settings.GAMIFICATION = {"RARITY_TTL": ttl}
    get_rarity()
    player()
    server_clock.shift(ttl)

    assert get_rarity().denominator == 1


def test_users_whom_the_site_hides_do_not_count(medal, monkeypatch):
    hidden = player(medal)
    player()

    hide(monkeypatch, hidden)

    assert get_rarity() == Rarity({}, 1, NOW)


def test_databases_share_no_numbers(monkeypatch):
    first = scoped_key("name")

    monkeypatch.setitem(connection.settings_dict, "NAME", "another")

    assert scoped_key("name") != first


def test_where_nothing_is_kept_the_cache_is_left_alone(settings):
    settings.GAMIFICATION = {"RARITY_TTL": timedelta(0)}
    get_rarity()

    assert cache.get(scoped_key(CACHE_KEY)) is None


def test_a_cache_that_keeps_too_long_is_not_believed(server_clock):
    get_rarity()
    value = cache.get(scoped_key(CACHE_KEY))
    player()
    server_clock.shift(timedelta(hours=2))
    cache.set(scoped_key(CACHE_KEY), value, None)

    assert get_rarity().denominator == 1


def test_kept_numbers_from_the_future_are_not_believed(server_clock):
    server_clock.shift(timedelta(hours=1))
    get_rarity()
    player()
    server_clock.move_to(NOW)

    assert get_rarity() == Rarity({}, 1, NOW)


def test_a_flushed_cache_costs_time_alone():
    get_rarity()
    player()
    cache.clear()

    assert get_rarity().denominator == 1


@pytest.mark.parametrize(
    "value",
    [
        {"denominator": 7},
        [NOW.timestamp(), 7],
        [NOW.timestamp(), "7", {}],
        [str(NOW), 7, {}],
        [NOW.timestamp(), 7, [1, 2]],
        [1e300, 7, {}],
        [float("nan"), 7, {}],
        "rarity",
        7,
    ],
    ids=ascii,
)
def test_numbers_kept_by_another_version_are_ignored(value):
    cache.set(scoped_key(CACHE_KEY), value)

    assert get_rarity() == Rarity({}, 0, NOW)


def test_a_cache_that_fails_costs_time_alone(medal, monkeypatch, caplog):
    def fail(self, *args, **kwargs):
        raise ConnectionError

    player(medal)
    for name in ("get", "set"):
        monkeypatch.setattr(LocMemCache, name, fail)

    assert get_rarity() == Rarity({medal.pk: 1}, 1, NOW)
    assert caplog.messages == ["The cache cannot be used."] * 2
