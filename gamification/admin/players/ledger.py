"""A user's ledger in pages, with the total XP after each entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import OuterRef, Subquery, Sum, prefetch_related_objects

from gamification.admin.ui.formatting import (
    describe_attributes,
    format_number,
    signed,
)
from gamification.models import LedgerEntry, UserGamification
from gamification.services import EntryKind, get_ledger
from gamification.staff import MAX_ID

#: The number of entries on a page.
PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry with the total XP after it."""

    entry: LedgerEntry
    #: The total XP after the entry.
    balance: int
    #: The id of the entry that reversed this one, if any.
    reversed_by: int | None

    @property
    def amount(self) -> str:
        return signed(self.entry.amount)

    @property
    def said(self) -> str:
        return describe_attributes(self.entry)

    @property
    def total(self) -> str:
        return format_number(self.balance)

    @property
    def has_several_units(self) -> bool:
        return abs(self.entry.quantity) > 1

    @property
    def is_reversible(self) -> bool:
        kinds = {EntryKind.ACTIVITY, EntryKind.ADJUSTMENT}
        return self.entry.kind in kinds and self.reversed_by is None


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Some entries of a ledger, newest first."""

    rows: Sequence[LedgerRow]
    #: The cursor of this page, or None if it is the first.
    before: int | None
    #: The cursor of the next page, or None if this is the last.
    next_before: int | None


def get_ledger_page(user_id: Any, *, before: int | None) -> LedgerPage:
    """Return the entries before the one with the id ``before``, or the newest.

    The number of queries is the same for every page.
    """
    entries = get_ledger(user_id, before=before, limit=PAGE_SIZE + 1)
    shown = entries[:PAGE_SIZE]
    if not shown:
        return LedgerPage([], before, None)
    prefetch_related_objects(shown, "actor")
    reversals = _reversals(user_id, [entry.pk for entry in shown])
    balance, rows = _balance_after(user_id, shown[0].pk), []
    for entry in shown:
        rows.append(LedgerRow(entry, balance, reversals.get(entry.pk)))
        balance -= entry.amount
    has_more = len(entries) > PAGE_SIZE
    return LedgerPage(rows, before, shown[-1].pk if has_more else None)


def parse_cursor(text: str | None) -> int | None:
    """Return the cursor of an address, or None if it is not valid."""
    # Longer numbers are no ids, and take long to parse.
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 19:
        return None
    return min(int(text), MAX_ID)


def _balance_after(user_id: Any, entry_id: int) -> int:
    """Return the total XP after an entry: the current one without later entries.

    One statement reads both, so that they agree even while users record activities.
    """
    ledger = LedgerEntry.objects.order_by()
    later = ledger.filter(user=OuterRef("user"), pk__gt=entry_id)
    xp = later.values("user").annotate(xp=Sum("amount")).values("xp")
    rows = UserGamification.objects.filter(user=user_id)
    total, since = rows.annotate(since=Subquery(xp)).values_list("total_xp", "since")[0]
    return total - (since or 0)


def _reversals(user_id: Any, entry_ids: Collection[int]) -> dict[int | None, int]:
    """Return the ids of reversals by the ids of the entries that they reverse."""
    rows = LedgerEntry.objects.filter(user=user_id, reverses__in=entry_ids)
    return {row.reverses: row.pk for row in rows.only("reverses")}
