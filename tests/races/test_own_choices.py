from __future__ import annotations

from functools import partial

import pytest
from django.utils import timezone

from gamification.exceptions import CelebrationClaimedError
from gamification.models import Celebration, UserGamification
from gamification.services import (
    acknowledge_celebrations,
    award_achievement,
    claim_celebration,
    record_activity,
    set_time_zone,
    set_visibility,
)
from gamification.services.players.settings import set_choices
from tests.factories import AchievementFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, total_of

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

ZONES = ["Africa/Cairo", "America/Lima", "Asia/Tokyo", "Europe/Paris"]


def test_a_celebration_acknowledged_by_many_counts_once(user):
    award_achievement(user, AchievementFactory(xp_reward=1_000).key)
    ids = [*Celebration.objects.values_list("pk", flat=True)]

    counts = at_once([partial(acknowledge_celebrations, user, ids=ids)] * 8)

    assert sorted(counts) == [0] * 7 + [len(ids)]


def test_one_of_many_screens_shows_a_celebration(user):
    award_achievement(user, AchievementFactory(xp_reward=0).key)
    celebration = Celebration.objects.get()

    claims = at_once([partial(claim_if_free, user, celebration.pk)] * 16)

    assert [claim for claim in claims if claim] == [celebration]


def claim_if_free(user, pk):
    try:
        return claim_celebration(user, id=pk)
    except CelebrationClaimedError:
        return None


def test_one_of_many_zones_takes_effect(user):
    record_activity(user, "walk")

    changes = at_once([partial(set_time_zone, user, zone) for zone in ZONES * 4])

    now = timezone.now()
    _, effective, *waiting = UserGamification.objects.get(user=user).zone_history
    in_effect = [change for change in changes if change.effective_at <= now]
    assert {change.time_zone for change in in_effect} == {effective[1]}
    assert len(waiting) <= 1


def test_choices_made_together_stay_together(user):
    pairs = [("Asia/Tokyo", True), ("Europe/Paris", False)]
    choose = [
        partial(set_choices, user, time_zone=zone, is_public=is_public)
        for zone, is_public in pairs
    ]

    at_once(choose * 4)

    profile = UserGamification.objects.get(user=user)
    assert (profile.time_zone, profile.is_public) in pairs


def test_hiding_by_many_is_one_change(user):
    record_activity(user, "walk")
    before = UserGamification.objects.get(user=user).version

    changes = at_once([partial(set_visibility, user, is_public=False)] * 8)

    assert sorted(changes) == [False] * 7 + [True]
    assert UserGamification.objects.get(user=user).version == before + 1


@ONLY_POSTGRESQL
@pytest.mark.usefixtures("isolation_level")
def test_choices_that_meet_again_and_again_are_all_made(user):
    def flip():
        for number in range(12):
            set_visibility(user, is_public=bool(number % 2))

    at_once([flip] * 8)

    assert UserGamification.objects.get(user=user).is_public


def test_records_during_a_change_of_zone_all_count(user):
    records = [partial(record_activity, user, "walk")] * 8

    at_once([*records, *(partial(set_time_zone, user, zone) for zone in ZONES)])

    assert total_of(user) == 80
