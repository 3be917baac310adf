"""Imports freezes and pauses: one row each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any, Final, Self

from django.db import reset_queries

from gamification.exceptions import GamificationError, StorageError
from gamification.management.importing.counter import DiskCounter
from gamification.management.importing.errors import BadRowError, quoted
from gamification.management.importing.importer import rolled_back
from gamification.management.importing.readers import (
    Columns,
    required_text,
    text_of,
)
from gamification.management.importing.users import UserLookup
from gamification.models import StreakPause, write_alias
from gamification.staff import grant_freezes, pause_streak
from gamification.suggestions import shown

KINDS: Final = ("freeze", "pause")
_DAILY: Final = "daily"
#: The most freezes of one row.
_MOST: Final = 100
_OPTIONAL: Final = ("streak", "amount", "start", "end", "key", "note")


@dataclass(frozen=True, slots=True)
class StreakRow:
    """A row of the file: freezes that a user gets, or dates that they pause."""

    user: str
    kind: str
    #: None for all streaks, or the daily one.
    streak: str | None
    amount: int
    start: date | None
    end: date | None
    key: str | None
    note: str

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the row with these values; raise ``InvalidRequestError``."""
        user, kind = (required_text(values, name) for name in ("user", "kind"))
        if kind not in KINDS:
            raise BadRowError(f"The kind {quoted(kind)} is not freeze or pause.")
        is_pause, amount = kind == "pause", values.get("amount")
        start, end = (
            _date(name, required_text(values, name)) if is_pause else None
            for name in ("start", "end")
        )
        return cls(
            user,
            kind,
            text_of(values, "streak") or None,
            1 if amount is None else _amount(amount),
            start,
            end,
            text_of(values, "key"),
            text_of(values, "note") or "",
        )


STREAKS: Final = Columns(("user", "kind"), _OPTIONAL, ("amount",), StreakRow.parse)


class StreakImporter:
    """Grants and pauses row by row, and counts what became of them."""

    def __init__(
        self,
        rows: Iterable[tuple[int, StreakRow | GamificationError]],
        users: UserLookup,
        repeats: DiskCounter,
        report_error: Callable[[int, GamificationError], None],
    ) -> None:
        self._rows = rows
        self._users = users
        #: How often each row without a key has come.
        self._repeats = repeats
        self._report_error = report_error
        self.counts = dict.fromkeys(("rows", "freezes", "pauses", "replays"), 0)
        self.errors = 0

    @property
    def done(self) -> int:
        """The number of rows that hold, by this import or an earlier one."""
        return self.counts["rows"] - self.errors

    def run(self, progress: Callable[[], None], *, dry_run: bool = False) -> None:
        """Apply the rows; a ``dry_run`` is one transaction that is rolled back."""
        transaction_of_all = rolled_back(write_alias()) if dry_run else nullcontext()
        with transaction_of_all as forget_callbacks:
            for line, error in self._apply_all():
                if error:
                    self.errors += 1
                    self._report_error(line, error)
                if forget_callbacks:
                    forget_callbacks()
                reset_queries()
                progress()

    def _apply_all(self) -> Iterator[tuple[int, GamificationError | None]]:
        """Apply each row; yield its line, and its error if it has one."""
        for line, row in self._rows:
            self.counts["rows"] += 1
            try:
                self._apply(row)
            except StorageError:
                # The next rows would fail, too.
                raise
            except GamificationError as error:
                yield line, error
            else:
                yield line, None

    def _apply(self, row: StreakRow | GamificationError) -> None:
        if isinstance(row, GamificationError):
            raise row
        user_id = self._users.find([row.user])[row.user]
        if isinstance(user_id, GamificationError):
            raise user_id
        if row.start and row.end:
            is_new = _pause(user_id, row, row.start, row.end)
            self.counts["pauses" if is_new else "replays"] += 1
        else:
            self._grant(user_id, row)

    def _grant(self, user_id: Any, row: StreakRow) -> None:
        """Grant freezes; count those that found room in stock."""
        grant = grant_freezes(
            user_id,
            row.amount,
            streak=row.streak or _DAILY,
            key=row.key or self._content_key(user_id, row),
            note=row.note,
        )
        if grant.replayed:
            self.counts["replays"] += 1
        else:
            self.counts["freezes"] += grant.added

    def _content_key(self, user_id: Any, row: StreakRow) -> str:
        """Return a key that is the same whenever the same file is imported."""
        content = [str(user_id), row.streak, row.amount, row.note]
        digest = blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
        number = self._repeats.add(digest)
        return f"import:{digest}" if number == 1 else f"import:{digest}:{number}"


def _pause(user_id: Any, row: StreakRow, start: date, end: date) -> bool:
    """Pause the dates; say whether they were not paused already."""
    known = StreakPause.objects.filter(
        user=user_id, streak__key=row.streak, since__lte=start, until__gte=end
    )
    if known.exists():
        return False
    pause_streak(user_id, start, end, actor=None, streak=row.streak, note=row.note)
    return True


def _amount(value: object) -> int:
    if type(value) is not int or not 1 <= value <= _MOST:
        message = f"The amount {shown(value)} is not a whole number from 1 to {_MOST}."
        raise BadRowError(message)
    return value


def _date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{name} is not a date such as 2026-03-02: {quoted(text)}."
        raise BadRowError(message) from error
