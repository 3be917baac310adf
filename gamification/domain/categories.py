"""The categories of achievements: the app's own, and what a site makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

#: The values that a site may give a category.
_PARTS: Final = frozenset({"name", "icon", "order"})

_KEY: Final = re.compile(r"[-a-zA-Z0-9_]{1,20}", re.ASCII)


class AchievementCategory(TextChoices):
    """A group of achievements. A site may add its own, and replace these."""

    EXPLORATION = "exploration", _("exploration")
    MILESTONES = "milestones", _("milestones")
    STREAKS = "streaks", _("streaks")
    MASTERY = "mastery", _("mastery")


class Category(NamedTuple):
    """A group of achievements, as the site shows it."""

    key: str
    name: Any
    #: An emoji, or the name of a badge; empty for none.
    icon: str = ""
    order: int = 0


def are_categories(value: object) -> bool:
    """Say whether a site can set ``value`` as its categories, so that some remain."""
    if not isinstance(value, Mapping):
        return False
    are_valid = all(
        isinstance(key, str) and _KEY.fullmatch(key) and _is_category(parts)
        for key, parts in value.items()
    )
    return are_valid and bool(merge_categories(value))


def _is_category(parts: object) -> bool:
    if parts is None:
        return True
    return (
        isinstance(parts, Mapping)
        and parts.keys() <= _PARTS
        and type(parts.get("order", 0)) is int
        and isinstance(parts.get("icon", ""), str)
    )


def merge_categories(site: Mapping[str, Mapping[str, Any] | None]) -> list[Category]:
    """Return the app's categories and those of the ``site``, in order.

    The site's values replace those of the app; None leaves a category out. A category
    without an order comes last.
    """
    known = {
        each.value: Category(each.value, each.label, order=place)
        for place, each in enumerate(AchievementCategory)
    }
    for key, parts in site.items():
        usual = known.pop(key, Category(key, key, order=len(known)))
        if parts is not None:
            known[key] = usual._replace(**parts)
    return sorted(known.values(), key=lambda each: each.order)
