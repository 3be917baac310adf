"""Achievements that not everybody sees."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Case, When

from example_project.visions.demo.stories import VISITOR
from gamification.models import Achievement
from gamification.services import (
    award_achievement,
)

FOUNDERS: Final = 12

RARITIES: Final[tuple[dict[str, Any], ...]] = (
    {
        "key": "founder",
        "name": "Founder",
        "description": "Was here before anybody else.",
        "category": "exploration",
        "icon": "flag",
        "xp_reward": 50,
        "criterion": "manual",
        "position": 100,
    },
    {
        "key": "four_months",
        "name": "Four months",
        "description": "Be active on 120 days, in a row or not.",
        "category": "mastery",
        "icon": "calendar",
        "xp_reward": 100,
        "criterion": "active_days",
        "threshold": 120,
        "is_secret": True,
        "position": 101,
    },
    {
        "key": "level_20",
        "name": "Grand master",
        "description": "Reach level 20.",
        "category": "mastery",
        "icon": "crown",
        "xp_reward": 500,
        "criterion": "level",
        "threshold": 20,
        "status": "draft",
        "position": 102,
    },
)


@transaction.atomic
def make_rarities() -> None:
    """Make a secret, a draft and a retired achievement, unless they exist.

    The visitor and the first few others hold the retired one, whose XP brings the
    visitor close to the next level.
    """
    made = [
        Achievement.objects.get_or_create(key=fields["key"], defaults=fields)
        for fields in RARITIES
    ]
    founder, is_new = made[0]
    if is_new:
        people = get_user_model().objects.filter(username__startswith=VISITOR)
        is_other = Case(When(username=VISITOR, then=0), default=1)
        for user in people.order_by(is_other, "date_joined", "username")[:FOUNDERS]:
            award_achievement(user, founder.key, celebrate=False)
        founder.status = "retired"
        founder.save(update_fields=["status", "updated_at"])
