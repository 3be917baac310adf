"""A site whose users are Django's own, or inherit from them with another key."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db import models


class Tutor(User):
    """A user whose primary key is not the one that foreign keys to users hold."""

    link = models.OneToOneField(User, models.CASCADE, parent_link=True)
    number = models.BigAutoField(primary_key=True)


class Regular(User):
    """A proxy of Django's own users."""

    class Meta:
        proxy = True


class TutorBackend(ModelBackend):
    """Signs in users as instances of their own class."""

    def get_user(self, user_id):
        user = super().get_user(user_id)
        return Tutor.objects.filter(link=user_id).first() or user
