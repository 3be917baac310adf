"""Reads very many rows some at a time, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections, transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from gamification.domain.history import PastEntry
from gamification.domain.outcomes import EntryKind
from gamification.models import LedgerEntry

#: Rows in memory at a time.
CHUNK: Final = 2_000


def stream(rows: QuerySet[Any, Any]) -> Iterator[Any]:
    """Yield the rows of one statement, some at a time."""
    connection = connections[rows.db]
    # A server-side cursor outside a transaction would not survive a pooler.
    needs_transaction = (
        connection.vendor == "postgresql" and not connection.in_atomic_block
    )
    with transaction.atomic(using=rows.db) if needs_transaction else nullcontext():
        yield from rows.iterator(chunk_size=CHUNK)


@dataclass(frozen=True, slots=True)
class StoredLedger:
    """The standing entries of a user at their worth, in order of occurrence.

    It is read anew each time, and never in memory as a whole.
    """

    alias: str
    user_id: Any

    def __iter__(self) -> Iterator[PastEntry]:
        for _user_id, *values in stream(standing_rows(self.alias, [self.user_id])):
            yield PastEntry(*values)


def standing_rows(alias: str, user_ids: Any) -> QuerySet[Any, Any]:
    """Return users and the fields of ``PastEntry`` of their standing entries."""
    ledger = LedgerEntry.objects.using(alias)
    entries = ledger.filter(user__in=user_ids)
    if len(user_ids) == 1:
        entries = ledger.filter(user=user_ids[0])
    reversal = ledger.filter(user=OuterRef("user"), reverses=OuterRef("pk"))
    corrections = ledger.filter(user=OuterRef("user"), corrects=OuterRef("pk"))
    change = corrections.order_by().values("corrects").annotate(xp=Sum("amount"))
    fields = ["worth" if name == "amount" else name for name in PastEntry._fields]
    return (
        entries.exclude(kind__in=(EntryKind.REVERSAL, EntryKind.CORRECTION))
        .filter(~Exists(reversal))
        .annotate(worth=F("amount") + Coalesce(Subquery(change.values("xp")), 0))
        .order_by("occurred_at", "id")
        .values_list("user_id", *fields)
    )
