"""Pictures of achievements: those that the app ships, those of the site, and emoji."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gamification.conf import conf

#: Where the app's own badges are, among the static files.
FOLDER: Final = "gamification/badges"

#: What is shown for an icon that is no emoji and names no badge.
OTHERWISE: Final = "star"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Badge:
    """The address of a picture, or an emoji."""

    image: str = ""
    emoji: str = ""


def badge_of(icon: str) -> Badge:
    """Return what is shown for ``icon``: an emoji, or the name of a badge."""
    if icon and not _NAME.fullmatch(icon):
        return Badge(emoji=icon)
    path = _path_of(icon, conf.BADGE_FOLDER) or _path_of(OTHERWISE, None)
    return Badge(image=static(str(path)))


def icon_html(icon: str) -> SafeString:
    """Return what stands for ``icon`` in a line of the admin; nothing for no icon."""
    if not icon:
        return SafeString()
    badge = badge_of(icon)
    if badge.emoji:
        picture = '<span class="gam-icon" aria-hidden="true">{}</span>'
        return format_html(picture, badge.emoji)
    picture = '<img class="gam-icon" src="{}" alt="" width="20" height="20">'
    return format_html(picture, badge.image)


@cache
def _path_of(name: str, site_folder: str | None) -> str | None:
    """Return the static file of a badge; the site's folder comes before the app's."""
    folders = [site_folder, FOLDER] if site_folder else [FOLDER]
    paths = [f"{folder}/{name}.svg" for folder in folders if name]
    return next((path for path in paths if finders.find(path)), None)
