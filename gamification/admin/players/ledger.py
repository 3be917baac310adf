"""A user's ledger, a page at a time, with the total after each entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import OuterRef, Subquery, Sum, prefetch_related_objects

from gamification.admin.ui.charts import spelled
from gamification.admin.ui.formatting import signed
from gamification.models import (
    LedgerEntry,
    UserGamification,
    write_alias,
)
from gamification.services import (
    EntryKind,
    get_ledger,
)
from gamification.staff import (
    MAX_ID,
)

#: Entries on a page.
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, and where it left the user."""

    entry: LedgerEntry
    #: XP in all after it.
    balance: int
    #: Id of the entry that took it back, if any did.
    taken_back_by: int | None

    @property
    def amount(self) -> str:
        return signed(self.entry.amount)

    @property
    def total(self) -> str:
        return spelled(self.balance)

    @property
    def is_several(self) -> bool:
        return abs(self.entry.quantity) > 1

    @property
    def is_reversible(self) -> bool:
        by_itself = self.entry.kind in {EntryKind.ACTIVITY, EntryKind.ADJUSTMENT}
        return by_itself and self.taken_back_by is None


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Entries, newest first."""

    lines: Sequence[Line]
    #: The cursor of this page; None for the newest.
    before: int | None
    #: That of the next one; None on the last.
    next_before: int | None


def get_ledger_page(user_id: Any, *, before: int | None) -> LedgerPage:
    """Return the page of the user's entries before the one with this id.

    It takes as many queries for any page of any ledger.
    """
    entries = get_ledger(user_id, before=before, limit=PAGE + 1)
    shown = entries[:PAGE]
    if not shown:
        return LedgerPage([], before, None)
    prefetch_related_objects(shown, "actor")
    taken_back = _taken_back(user_id, [entry.pk for entry in shown])
    balance, lines = _balance_after(user_id, shown[0].pk), []
    for entry in shown:
        lines.append(Line(entry, balance, taken_back.get(entry.pk)))
        balance -= entry.amount
    has_more = len(entries) > PAGE
    return LedgerPage(lines, before, shown[-1].pk if has_more else None)


def read_cursor(text: str | None) -> int | None:
    """Return the cursor in an address; None for what is none."""
    # Longer numbers take long to read, and are no id.
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 19:
        return None
    return min(int(text), MAX_ID)


def _balance_after(user_id: Any, entry_id: int) -> int:
    """Return the total after an entry: today's without what came later.

    One statement, so that what is recorded meanwhile is in both or in neither.
    """
    ledger = LedgerEntry.objects.using(write_alias()).order_by()
    later = ledger.filter(user=OuterRef("user"), pk__gt=entry_id)
    xp = later.values("user").annotate(xp=Sum("amount")).values("xp")
    rows = UserGamification.objects.using(write_alias()).filter(user=user_id)
    total, since = rows.annotate(since=Subquery(xp)).values_list("total_xp", "since")[0]
    return total - (since or 0)


def _taken_back(user_id: Any, entry_ids: Collection[int]) -> dict[int | None, int]:
    """Return the ids of the entries that took some of these back, by theirs."""
    ledger = LedgerEntry.objects.using(write_alias())
    reversals = ledger.filter(user=user_id, reverses__in=entry_ids)
    return {row.reverses: row.pk for row in reversals.only("reverses")}
