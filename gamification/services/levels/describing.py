"""Changes of levels in words, and in the log of edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils import formats
from django.utils.translation import gettext as _

from gamification.domain.levels import LevelRule
from gamification.models import Level
from gamification.services.catalogue.change_log import Logged, log_edits


class LevelChange(NamedTuple):
    """A level before and after an edit; None where there is none."""

    before: LevelRule | None
    after: LevelRule | None


def describe_levels(changes: Sequence[LevelChange]) -> list[str]:
    """Return the changes in words, with one text for all removed levels."""
    texts = [_in_words(each.before, each.after) for each in changes if each.after]
    gone = [each.before.number for each in changes if each.before and not each.after]
    if len(gone) > 1:
        message = _("Levels %(first)s to %(last)s: removed")
        texts.append(message % {"first": gone[0], "last": gone[-1]})
    elif gone:
        texts.append(_("Level %(level)s: removed") % {"level": gone[0]})
    return texts


def log_levels(actor_id: Any, changes: Sequence[LevelChange]) -> None:
    """Log an edit of the table once, on its first level, which always exists."""
    if actor_id is not None:
        first = Level.objects.get(number=1)
        log_edits(actor_id, [Logged(first, ". ".join(describe_levels(changes)))])


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
        return _("%(xp)s XP") % {"xp": _grouped(value)}
    if isinstance(value, str):
        return _isolated(value) if value else "–"
    names = [f"{code}: {name}" for code, name in value.items()]
    return _isolated(", ".join(names)) if names else "–"


def _grouped(number: int) -> str:
    return formats.number_format(number, use_l10n=True, force_grouping=True)


def _isolated(name: str) -> str:
    """Return ``name`` in marks that keep its writing direction to itself."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"
