"""What staff may say of an achievement."""

from __future__ import annotations

from typing import Final

from gamification.api.fields import Body, Choice, Flag, Slug, Text, Whole, Words
from gamification.api.views.achievement_serializers import (
    CATEGORIES,
    CRITERIA,
    STATUSES,
)

#: Limits of the model.
_NAME: Final = 100
_DESCRIPTION: Final = 1_000
_ICON: Final = 50
_REWARD: Final = 1_000_000
_THRESHOLD: Final = 2**53
_POSITION: Final = 2**31

EXAMPLE_NEW: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "icon": "🥉",
    "category": "milestones",
    "xp_reward": 50,
    "criterion": "activity_count",
    "activity": "kpi_completed",
    "threshold": 10,
    "position": 20,
}
EXAMPLE_EDIT: Final = {"xp_reward": 60, "status": "retired"}


class DefinitionBody(Body):
    """What staff change of an achievement; the rest stays as it is."""

    name = Words(max_length=_NAME, required=False)
    description = Text(max_length=_DESCRIPTION, allow_blank=True, required=False)
    icon = Text(
        max_length=_ICON,
        allow_blank=True,
        required=False,
        help_text="An emoji, or a name.",
    )
    category = Choice(choices=CATEGORIES, required=False)
    xp_reward = Whole(min_value=0, max_value=_REWARD, required=False)
    criterion = Choice(choices=CRITERIA, required=False)
    activity = Slug(
        allow_null=True,
        required=False,
        help_text="Key of what is counted, exactly where the criterion counts one.",
    )
    threshold = Whole(
        min_value=1,
        max_value=_THRESHOLD,
        required=False,
        help_text="How much of it unlocks the achievement.",
    )
    is_secret = Flag(required=False)
    status = Choice(choices=STATUSES, required=False)
    position = Whole(min_value=-_POSITION, max_value=_POSITION - 1, required=False)


class NewDefinitionBody(DefinitionBody):
    """An achievement that staff make."""

    key = Slug(help_text="It cannot be changed later.")
    name = Words(max_length=_NAME)
    category = Choice(choices=CATEGORIES)
    criterion = Choice(choices=CRITERIA)
