"""Texts for staff: numbers, ledger entries and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils import formats
from django.utils.translation import gettext as _

from gamification.maintenance import Drift
from gamification.models import LedgerEntry
from gamification.services import Outcome

#: The highest number of differences that a message names.
_MAX_NAMED: Final = 10


def format_number(number: float) -> str:
    """Return ``number`` with thousands separators and at most one decimal."""
    digits = 0 if number == round(number) else 1
    return formats.number_format(
        round(number, digits), digits, use_l10n=True, force_grouping=True
    )


def signed(number: int) -> str:
    """Return ``number`` with its sign, even if it is positive."""
    return f"{'−' if number < 0 else '+'}{format_number(abs(number))}"


def isolate(name: object) -> str:
    """Return ``name`` in marks that keep its writing direction to itself."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def describe_outcome(outcome: Outcome) -> str:
    """Return what ``outcome`` changed: ``+50 XP; level 4 → 5; total 560 XP.``"""
    if outcome.replayed:
        return _("already done; nothing changed.")
    return "; ".join(_changes(outcome)) + "."


def _changes(outcome: Outcome) -> Iterator[str]:
    yield _("%(xp)s XP") % {"xp": signed(outcome.credited)}
    if outcome.level != outcome.level_before:
        levels = {"before": outcome.level_before, "after": outcome.level}
        yield _("level %(before)s → %(after)s") % levels
    if outcome.unlocks:
        names = ", ".join(isolate(unlock.name) for unlock in outcome.unlocks)
        yield _("unlocked %(names)s") % {"names": names}
    if outcome.lost:
        names = ", ".join(isolate(lost.name) for lost in outcome.lost)
        yield _("lost %(names)s") % {"names": names}
    yield _("total %(xp)s XP") % {"xp": format_number(outcome.total_xp)}


def describe_entry(entry: LedgerEntry) -> str:
    """Return the date of ``entry``, its activity or achievement, and its XP."""
    subject = entry.activity or entry.achievement or entry.get_kind_display()
    values = {
        "date": formats.date_format(entry.local_date),
        "subject": isolate(subject),
        "xp": signed(entry.amount),
    }
    return _("%(date)s: %(subject)s, %(xp)s XP") % values


def describe_attributes(entry: LedgerEntry) -> str:
    """Return what the record of ``entry`` said: ``genre: fantasy; pages: 412``."""
    said = sorted((entry.attributes or {}).items())
    return "; ".join(f"{key}: {isolate(_readable(value))}" for key, value in said)


def _readable(value: object) -> object:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value


def describe_drift(drift: Sequence[Drift]) -> str:
    """Return the numbers that differed from the ledger, each with its correction."""
    named = [f"{each.what} {each.stored} → {each.derived}" for each in drift]
    if more := len(named[_MAX_NAMED:]):
        named[_MAX_NAMED:] = [_("%(more)s more") % {"more": more}]
    return "; ".join(named)
