"""Filters and order of lists of achievements.

They work in memory: the catalogue is small, and the order can depend on the user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gamification.api.fields import (
    CategoryField,
    KeyField,
    QueryBooleanField,
    StrictChoiceField,
    TextField,
)
from gamification.api.pagination import PageQuery
from gamification.api.views.achievements.serializers import STATUSES
from gamification.api.views.achievements.values import VisibleAchievement

#: Values to order by. An achievement without a value comes last in both directions.
ORDERS: Final[Mapping[str, Callable[[VisibleAchievement], Any]]] = {
    "position": lambda each: (each.achievement.position, each.achievement.key),
    "name": lambda each: each.achievement.name.casefold(),
    "xp_reward": lambda each: each.achievement.xp_reward,
    "progress": lambda each: each.progress.fraction,
    "unlocked_at": lambda each: each.progress.unlocked_at,
    "rarity": lambda each: each.rarity.fraction,
}


class AchievementQuery(PageQuery):
    """Filters and order of a list of achievements."""

    category = CategoryField(required=False)
    unlocked = QueryBooleanField(
        required=False,
        help_text="Only achievements that the user has unlocked, or has not.",
    )
    status = StrictChoiceField(
        choices=STATUSES,
        required=False,
        help_text="For staff: all achievements with this status, secret ones included.",
    )
    series = KeyField(required=False, help_text="Only the steps of this series.")
    search = TextField(
        max_length=100,
        required=False,
        help_text="Text in the name or description, in upper or lower case.",
    )
    ordering = StrictChoiceField(
        choices=[sign + name for name in ORDERS for sign in ("", "-")],
        default="position",
        help_text="A leading minus reverses the order. Achievements without a value "
        "come last in both directions.",
    )


def select_achievements(
    achievements: Iterable[VisibleAchievement], query: Mapping[str, Any]
) -> list[VisibleAchievement]:
    """Return the achievements that match ``query``, in its order."""
    return _ordered([each for each in achievements if _matches(each, query)], query)


def _matches(visible: VisibleAchievement, query: Mapping[str, Any]) -> bool:
    achievement = visible.achievement
    is_unlocked = visible.progress.unlocked_at is not None
    words = query.get("search", "").casefold()
    return (
        query.get("category", achievement.category) == achievement.category
        and query.get("unlocked", is_unlocked) == is_unlocked
        and query.get("series", achievement.series) == achievement.series
        and any(
            words in text.casefold()
            for text in (achievement.name, achievement.description)
        )
    )


def _ordered(
    achievements: list[VisibleAchievement], query: Mapping[str, Any]
) -> list[VisibleAchievement]:
    name = query["ordering"].removeprefix("-")
    value = ORDERS[name]
    known = [each for each in achievements if value(each) is not None]
    others = [each for each in achievements if value(each) is None]
    known.sort(key=value, reverse=query["ordering"] != name)
    return known + others
