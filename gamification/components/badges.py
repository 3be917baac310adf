"""Pictures of achievements: badges of the app and the site, uploads, and emoji."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders
from django.core.files.storage import default_storage
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gamification.conf import conf

#: Where the app's own badges are, among the static files.
FOLDER: Final = "gamification/badges"

#: Shown for an icon that is neither an emoji nor the name of a badge.
OTHERWISE: Final = "star"

#: The prefix of the names of uploaded pictures; a hash of the picture follows.
UPLOADED: Final = "image-"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_UPLOADED_NAME: Final = re.compile(UPLOADED + r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Badge:
    """The address of a picture, or an emoji."""

    image: str = ""
    emoji: str = ""


def badge_of(icon: str) -> Badge:
    """Return what is shown for ``icon``: an emoji, or the name of a badge."""
    if icon and not _NAME.fullmatch(icon):
        return Badge(emoji=icon)
    if _UPLOADED_NAME.fullmatch(icon):
        return Badge(image=default_storage.url(path_of_upload(icon)))
    path = _path_of(icon, conf.BADGE_FOLDER) or f"{FOLDER}/{OTHERWISE}.svg"
    return Badge(image=static(str(path)))


def badge_names() -> list[str]:
    """Return the names of the site's badges and of the app's, in alphabetical order."""
    folders = [folder for folder in (conf.BADGE_FOLDER, FOLDER) if folder]
    places = [Path(str(each)) for folder in folders for each in _places_of(folder)]
    names = {file.stem for place in places for file in place.glob("*.svg")}
    return sorted(name for name in names if _NAME.fullmatch(name))


def path_of_upload(name: str) -> str:
    """Return where an uploaded picture is, in the site's default storage."""
    return f"{FOLDER}/{name}.png"


def icon_html(icon: str) -> SafeString:
    """Return ``icon`` as HTML for a line of the admin; empty without an icon."""
    if not icon:
        return SafeString()
    badge = badge_of(icon)
    if badge.emoji:
        picture = '<span class="gam-icon" aria-hidden="true">{}</span>'
        return format_html(picture, badge.emoji)
    picture = '<img class="gam-icon" src="{}" alt="" width="20" height="20">'
    return format_html(picture, badge.image)


def _places_of(folder: str) -> list[str]:
    """Return every directory that has static files of ``folder``."""
    return finders.find(folder, find_all=True) or []


@cache
def _path_of(name: str, site_folder: str | None) -> str | None:
    """Return the static file of a badge; the site's folder comes before the app's."""
    folders = [site_folder, FOLDER] if site_folder else [FOLDER]
    paths = [f"{folder}/{name}.svg" for folder in folders if name]
    return next((path for path in paths if finders.find(path)), None)
