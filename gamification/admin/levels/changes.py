"""Changes of levels in words, and in the log of the admin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin
from gamification.admin.ui.formatting import format_number, isolate
from gamification.models import Level, write_alias
from gamification.staff import LevelChange, LevelRule


def describe_change(change: LevelChange) -> str:
    """Return a change in words: ``Level 3: begins at 150 XP → 200 XP``."""
    before, after = change
    number = (after or before or LevelRule(0, 0)).number
    values = {"level": number, "changes": "; ".join(_changes(before, after))}
    return _("Level %(level)s: %(changes)s") % values


def log_changes(
    pages: GamificationAdmin, request: HttpRequest, changes: Sequence[LevelChange]
) -> None:
    """Log an edit of the table as one, with its first level, which always stays."""
    if changes:
        first = Level.objects.using(write_alias()).get(number=1)
        message = ". ".join(map(describe_change, changes))
        pages.log_change(request, first, message)


def _changes(before: LevelRule | None, after: LevelRule | None) -> Iterator[str]:
    if after is None:
        yield _("removed")
        return
    labels = {
        "threshold": _("begins at"),
        "name": _("name"),
        "icon": _("icon"),
        "translations": _("translations"),
    }
    for name, label in labels.items():
        old, new = (getattr(each, name) if each else None for each in (before, after))
        if old != new:
            values = {"field": label, "before": _text(old), "after": _text(new)}
            yield _("%(field)s %(before)s → %(after)s") % values


def _text(value: Any) -> str:
    if isinstance(value, int):
        return _("%(xp)s XP") % {"xp": format_number(value)}
    if isinstance(value, str):
        return isolate(value) if value else "–"
    names = [f"{code}: {name}" for code, name in (value or {}).items()]
    return isolate(", ".join(names)) if names else "–"
