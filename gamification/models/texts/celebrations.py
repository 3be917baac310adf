"""Describes celebrations in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from gamification.domain.levels import name_in
from gamification.domain.outcomes import CelebrationKind
from gamification.models.texts.levels import level_text


def celebration_title(kind: str, data: Mapping[str, Any]) -> str:
    """Return the title of a celebration, such as “Level 5”."""
    match kind:
        case CelebrationKind.LEVEL:
            translations = data.get("translations", {})
            name = name_in(get_language(), data.get("name", ""), translations)
            return level_text(data["to"], name)
        case CelebrationKind.STREAK:
            days = data["days"]
            return ngettext("%(days)s-day streak", "%(days)s-day streak", days) % {
                "days": days
            }
    return _named(data)


def celebration_text(kind: str, data: Mapping[str, Any]) -> str:
    """Return the text of a celebration, such as “You reached level 5.”."""
    match kind:
        case CelebrationKind.LEVEL if len(data["levels"]) > 1:
            return _("You rose from level %(from)s to level %(to)s.") % data
        case CelebrationKind.LEVEL:
            return _("You reached level %(to)s.") % data
        case CelebrationKind.STREAK:
            days = data["days"]
            return ngettext(
                "You were active on %(days)s day.",
                "You were active on %(days)s days in a row.",
                days,
            ) % {"days": days}
    values = {**data, "name": _named(data)}
    if data["xp"]:
        return _("You unlocked “%(name)s” and earned %(xp)s XP.") % values
    return _("You unlocked “%(name)s”.") % values


def _named(data: Mapping[str, Any]) -> str:
    """Return the name of an achievement, with the number of times: “Centurion × 3”."""
    number = data.get("number", 1)
    return f"{data['name']} × {number}" if number > 1 else str(data["name"])
