"""Which achievements a list has, and in which order.

The catalogue is small, and what a user may see of it is known only when it is read, so
that all of this is done in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from gamification.api.fields import Choice, FlagText, Text
from gamification.api.pagination import PageQuery
from gamification.api.views.achievement_serializers import CATEGORIES, STATUSES, Seen

#: What a list can be ordered by; what has no value comes last, either way.
ORDERS: Final[Mapping[str, Callable[[Seen], Any]]] = {
    "position": lambda seen: (seen.achievement.position, seen.achievement.key),
    "name": lambda seen: seen.achievement.name.casefold(),
    "xp_reward": lambda seen: seen.achievement.xp_reward,
    "progress": lambda seen: seen.progress.fraction,
    "unlocked_at": lambda seen: seen.progress.unlocked_at,
    "rarity": lambda seen: seen.rarity.fraction,
}


class AchievementQuery(PageQuery):
    """Which achievements, in which order."""

    category = Choice(choices=CATEGORIES, required=False)
    unlocked = FlagText(
        required=False, help_text="Only those that the user holds, or does not."
    )
    status = Choice(
        choices=STATUSES,
        required=False,
        help_text="All with this status, secret ones too; for staff only.",
    )
    search = Text(
        max_length=100,
        required=False,
        help_text="What the name or the description contains, in any case.",
    )
    ordering = Choice(
        choices=[sign + name for name in ORDERS for sign in ("", "-")],
        default="position",
        help_text="A minus turns it round. Achievements without a value come last.",
    )


def chosen(seen: Iterable[Seen], query: Mapping[str, Any]) -> list[Seen]:
    """Return those of ``seen`` that ``query`` asks for, in its order."""
    return _ordered([each for each in seen if _is_chosen(each, query)], query)


def _is_chosen(seen: Seen, query: Mapping[str, Any]) -> bool:
    achievement, is_unlocked = seen.achievement, seen.progress.unlocked_at is not None
    words = query.get("search", "").casefold()
    return (
        query.get("category", achievement.category) == achievement.category
        and query.get("unlocked", is_unlocked) == is_unlocked
        and any(
            words in text.casefold()
            for text in (achievement.name, achievement.description)
        )
    )


def _ordered(seen: list[Seen], query: Mapping[str, Any]) -> list[Seen]:
    name = query["ordering"].removeprefix("-")
    order = ORDERS[name]
    known = [each for each in seen if order(each) is not None]
    others = [each for each in seen if order(each) is None]
    known.sort(key=order, reverse=query["ordering"] != name)
    return known + others
