"""Changes of levels in words, and in the log of the admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin
from gamification.admin.ui.formatting import format_number, isolate
from gamification.models import Level, write_alias
from gamification.staff import LevelChange, LevelRule


def describe_changes(changes: Sequence[LevelChange]) -> list[str]:
    """Return the changes in words, with one text for all removed levels."""
    texts = [_in_words(each.before, each.after) for each in changes if each.after]
    gone = [each.before.number for each in changes if each.before and not each.after]
    if len(gone) > 1:
        message = _("Levels %(first)s to %(last)s: removed")
        texts.append(message % {"first": gone[0], "last": gone[-1]})
    elif gone:
        texts.append(_("Level %(level)s: removed") % {"level": gone[0]})
    return texts


def log_changes(
    pages: GamificationAdmin, request: HttpRequest, changes: Sequence[LevelChange]
) -> None:
    """Log an edit of the table once, on its first level, which always exists."""
    if changes:
        first = Level.objects.using(write_alias()).get(number=1)
        message = ". ".join(describe_changes(changes))
        pages.log_change(request, first, message)


def _in_words(before: LevelRule | None, after: LevelRule) -> str:
    """Return a change in words: ``Level 3: begins at 150 XP → 200 XP``."""
    labels = {
        "threshold": _("begins at"),
        "name": _("name"),
        "icon": _("icon"),
        "translations": _("translations"),
    }
    old = before or LevelRule(after.number, 0)
    texts = [
        _("%(field)s %(before)s → %(after)s")
        % {
            "field": label,
            "before": _text(getattr(old, name)) if before else "–",
            "after": _text(getattr(after, name)),
        }
        for name, label in labels.items()
        if getattr(old, name) != getattr(after, name)
    ]
    values = {"level": after.number, "changes": "; ".join(texts)}
    return _("Level %(level)s: %(changes)s") % values


def _text(value: Any) -> str:
    if isinstance(value, int):
        return _("%(xp)s XP") % {"xp": format_number(value)}
    if isinstance(value, str):
        return isolate(value) if value else "–"
    names = [f"{code}: {name}" for code, name in value.items()]
    return isolate(", ".join(names)) if names else "–"
