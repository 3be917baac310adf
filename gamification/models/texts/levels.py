"""Names levels in words."""

from __future__ import annotations

from django.utils.translation import gettext as _


def level_text(number: int, name: str = "") -> str:
    """Return the text to show for a level: “Level 5”, or “Level 5 · Explorer”."""
    values = {"level": number, "name": name}
    return (_("Level %(level)s · %(name)s") if name else _("Level %(level)s")) % values
