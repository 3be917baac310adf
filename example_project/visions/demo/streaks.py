"""A weekly streak, freezes and pauses, as staff and users would make them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.contrib.auth import get_user_model
from django.utils import timezone

from example_project.visions.demo.stories import VISITOR
from gamification.models import StreakDefinition
from gamification.services import pause_streak
from gamification.staff import create_streak, grant_freezes

WEEKLY: Final = "weekly"
#: Users who are away for the next days.
AWAY: Final = ("demo-001", "demo-002")
NOTE: Final = "Thank you for being here."


def make_streaks() -> None:
    """Define the weekly streak, give freezes, and let some pause; only once."""
    if StreakDefinition.objects.filter(key=WEEKLY).exists():
        return
    create_streak(
        actor=None,
        key=WEEKLY,
        name="Three days a week",
        unit="week",
        goal=3,
        freeze_every=12,
    )
    users = get_user_model().objects
    grant_freezes(users.get(username=VISITOR), 2, key="demo", note=NOTE)
    today = timezone.now().date()
    for user in users.filter(username__in=AWAY):
        grant_freezes(user, 1, key="demo", note=NOTE)
        first = today + timedelta(days=1)
        pause_streak(user, first, first + timedelta(days=9))
