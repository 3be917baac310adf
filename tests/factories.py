from __future__ import annotations

import factory
from django.contrib.auth import get_user_model

from gamification.models import Achievement, Activity


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


class AchievementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Achievement

    key = factory.Sequence("achievement_{}".format)
    name = factory.Faker("sentence", nb_words=2)
    category = "milestones"
    criterion = "manual"
    xp_reward = 50
