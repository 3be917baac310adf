"""Names of levels, in two languages."""

from __future__ import annotations

from gamification.models import Level
from gamification.staff import get_levels, save_levels

#: The first level with each name, the name, its icon, and the name in German.
NAMES = (
    (1, "Dreamer", "🌱", "Träumer"),
    (5, "Explorer", "🧭", "Entdecker"),
    (10, "Pathfinder", "🥾", "Wegbereiter"),
    (15, "Guide", "🗺️", "Bergführer"),
    (20, "Summiteer", "🏔️", "Gipfelstürmer"),
    (25, "Legend", "🌟", "Legende"),
)


def name_levels() -> None:
    """Give the app's levels names and icons, unless somebody has defined levels."""
    if Level.objects.exists():
        return
    levels = []
    for level in get_levels():
        known = [each for each in NAMES if each[0] <= level.number]
        _, name, icon, german = known[-1]
        named = level._replace(name=name, icon=icon, translations={"de": german})
        levels.append(named)
    save_levels(levels, actor=None, expected=None)
