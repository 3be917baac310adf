from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import factory
from django.contrib.auth import get_user_model

from gamification.models import Achievement, Activity, Boost


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence("user{}".format)


class ActivityFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Activity

    key = factory.Sequence("activity_{}".format)
    name = factory.Faker("sentence", nb_words=2)
    xp_reward = 10


class BoostFactory(factory.django.DjangoModelFactory):
    """A boost that holds all through June 2026."""

    class Meta:
        model = Boost

    key = factory.Sequence("boost_{}".format)
    name = "Launch weekend"
    factor = Decimal(2)
    starts_at = datetime(2026, 6, 1, tzinfo=UTC)
    ends_at = datetime(2026, 7, 1, tzinfo=UTC)
    zone = "UTC"


class AchievementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Achievement

    key = factory.Sequence("achievement_{}".format)
    name = factory.Faker("sentence", nb_words=2)
    category = "milestones"
    criterion = "manual"
    xp_reward = 50
