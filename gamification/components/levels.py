"""The level, and the way to the next one."""

from __future__ import annotations

from typing import Any

from gamification.components.badges import badge_of
from gamification.models import level_text
from gamification.services import get_progress

#: The badge of levels that have no icon of their own.
USUAL_BADGE = "level"


def level_of(user: Any) -> dict[str, Any]:
    """Return what the level bar shows, in one query."""
    progress = get_progress(user)
    level = progress.level
    ends = level.next_threshold
    return {
        "level": level,
        "title": level_text(level.level, progress.level_name),
        "badge": badge_of(progress.level_icon or USUAL_BADGE),
        "next_level": None if ends is None else level.level + 1,
        "xp_to_go": None if ends is None else ends - level.total_xp,
    }
