"""The level, and the way to the next one."""

from __future__ import annotations

from typing import Any

from gamification.services import get_progress


def level_of(user: Any) -> dict[str, Any]:
    """Return what the level bar shows, in one query."""
    level = get_progress(user).level
    ends = level.next_threshold
    return {
        "level": level,
        "next_level": None if ends is None else level.level + 1,
        "xp_to_go": None if ends is None else ends - level.total_xp,
    }
