"""The ledger of freezes: what it holds, and what brings it up to date with the runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import count
from typing import Any, Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.keys import own_key
from gamification.domain.streak_runs import Grant, Runs


class FreezeKind(TextChoices):
    """The kinds of changes in the ledger of freezes."""

    GRANTED = "granted", _("granted")
    EARNED = "earned", _("earned")
    USED = "used", _("used")
    RETURNED = "returned", _("returned")
    #: There was no room for a granted one. The amount is negative; it is positive where
    #: there is room after all.
    LOST = "lost", _("lost")


class FreezeRow(NamedTuple):
    """A row of the ledger of freezes; the stock is the sum of the amounts."""

    user_id: Any
    streak_id: int
    kind: str
    #: Change of the stock; negative if it takes.
    amount: int
    #: The date on which it was granted or earned, or which it covered.
    date: date
    key: str
    created_at: datetime
    actor_id: Any = None
    note: str = ""


#: The kinds that follow from the runs, by what they are about.
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cover": (FreezeKind.USED.value, FreezeKind.RETURNED.value),
    "earn": (FreezeKind.EARNED.value,),
    "lose": (FreezeKind.LOST.value,),
}


def grants_of(rows: Iterable[FreezeRow]) -> tuple[Grant, ...]:
    """Return the freezes that were given by hand."""
    return tuple(
        Grant(row.date, row.amount, row.created_at)
        for row in rows
        if row.kind == FreezeKind.GRANTED
    )


def missing_rows(
    user_id: Any,
    streak_id: int,
    rows: Iterable[FreezeRow],
    runs: Runs,
    now: datetime,
) -> list[FreezeRow]:
    """Return what the ledger of a streak lacks to say the same as ``runs``."""
    known = [*rows]
    due: dict[str, Mapping[date, int]] = {
        "cover": dict.fromkeys(runs.used, -1),
        "earn": runs.earned,
        "lose": {day: -amount for day, amount in runs.surplus.items()},
    }
    taken = {row.key for row in known}
    found = list[FreezeRow]()
    for about, kinds in _KINDS.items():
        stored = _sums(row for row in known if row.kind in kinds)
        for day, amount in _differences(stored, due[about]):
            # Of used and returned ones, the sign says which.
            kind = kinds[-1] if amount > 0 else kinds[0]
            keys = (own_key(kind, day, turn) for turn in count(1))
            key = next(each for each in keys if each not in taken)
            found.append(FreezeRow(user_id, streak_id, kind, amount, day, key, now))
    # Additions come first, so that the stock never falls below 0.
    return sorted(found, key=lambda row: row.amount < 0)


def _sums(rows: Iterable[FreezeRow]) -> dict[date, int]:
    sums: dict[date, int] = {}
    for row in rows:
        sums[row.date] = sums.get(row.date, 0) + row.amount
    return sums


def _differences(
    stored: Mapping[date, int], due: Mapping[date, int]
) -> Iterator[tuple[date, int]]:
    for day in sorted(stored.keys() | due.keys()):
        if change := due.get(day, 0) - stored.get(day, 0):
            yield day, change
