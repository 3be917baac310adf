"""Numbers, entries and outcomes in the words of staff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils import formats
from django.utils.translation import gettext as _

from gamification.admin.ui.charts import spelled
from gamification.maintenance import (
    Drift,
)
from gamification.models import Celebration, LedgerEntry
from gamification.services import (
    CelebrationKind,
    Outcome,
)

#: Differences that are named one by one.
_MOST_NAMED: Final = 10


def signed(number: int) -> str:
    """Return ``number`` with its sign, also that of a gain."""
    return f"{'−' if number < 0 else '+'}{spelled(abs(number))}"


def isolated(name: object) -> str:
    """Return ``name`` so that the direction of its script ends with it."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def told(outcome: Outcome) -> str:
    """Say what ``outcome`` changed, such as ``+50 XP; level 4 → 5; 560 XP in all.``"""
    if outcome.replayed:
        return _("it was done before; nothing changed.")
    return "; ".join(_changes(outcome)) + "."


def _changes(outcome: Outcome) -> Iterator[str]:
    yield _("%(xp)s XP") % {"xp": signed(outcome.credited)}
    if outcome.level != outcome.level_before:
        levels = {"before": outcome.level_before, "after": outcome.level}
        yield _("level %(before)s → %(after)s") % levels
    if outcome.unlocks:
        names = ", ".join(isolated(unlock.name) for unlock in outcome.unlocks)
        yield _("unlocked %(names)s") % {"names": names}
    yield _("%(xp)s XP in all") % {"xp": spelled(outcome.total_xp)}


def described(entry: LedgerEntry) -> str:
    """Name ``entry``: its date, what it is for, and its XP."""
    what = entry.activity or entry.achievement or entry.get_kind_display()
    values = {
        "date": formats.date_format(entry.local_date),
        "what": isolated(what),
        "xp": signed(entry.amount),
    }
    return _("%(date)s: %(what)s, %(xp)s XP") % values


def listed(drift: Sequence[Drift]) -> str:
    """Name what differed from the ledger, and what it is now."""
    named = [f"{each.what} {each.stored} → {each.derived}" for each in drift]
    if more := len(named[_MOST_NAMED:]):
        named[_MOST_NAMED:] = [_("%(more)s more") % {"more": more}]
    return "; ".join(named)


def celebrated(celebration: Celebration) -> str:
    """Say what ``celebration`` celebrates."""
    data = celebration.data
    match celebration.kind:
        case CelebrationKind.ACHIEVEMENT:
            return isolated(data["name"])
        case CelebrationKind.LEVEL:
            return _("level %(level)s") % {"level": data["to"]}
    return _("%(days)s days in a row") % {"days": data["days"]}
