"""A user's history: their active days and their ledger."""

from __future__ import annotations

from datetime import date
from typing import Final

from gamification.exceptions import InvalidSpanError
from gamification.models import ActiveDay, LedgerEntry
from gamification.services.streaks.calendar import days_of
from gamification.services.streaks.lookup import check_date
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import (
    MAX_ID,
    UserRef,
    check_whole,
    user_id_of,
)

#: The most days and the most ledger entries that one call returns.
MAX_DAYS: Final = 366
MAX_ENTRIES: Final = 1_000


@naming_errors
def get_calendar(user: UserRef, *, since: date, until: date) -> list[ActiveDay]:
    """Return the user's days from ``since`` to ``until`` that were not missed.

    They are dates of the user's own calendar, both included, at most 366, in order: the
    active days, and those that the daily streak forgave, each with its kind:
    ``repaired``, ``frozen``, ``paused`` or ``off``. Raises ``InvalidSpanError``,
    ``InvalidRequestError``, ``UnknownUserError``.
    """
    user_id = user_id_of(user)
    check_date("since", since)
    check_date("until", until)
    if not 0 <= (until - since).days < MAX_DAYS:
        message = f"{since} to {until} is not a span of 1 to {MAX_DAYS} days."
        raise InvalidSpanError(message)
    return days_of(user_id, since, until)


@naming_errors
def get_ledger(
    user: UserRef, *, before: int | None = None, limit: int = 50
) -> list[LedgerEntry]:
    """Return ledger entries, newest first, with their activities and achievements.

    ``before`` is the id of the last entry that the caller already knows, ``limit`` the
    most to return, up to 1,000. Raises ``InvalidRequestError``, ``UnknownUserError``.
    """
    if before is not None:
        check_whole("before", before, least=0, most=MAX_ID)
    check_whole("limit", limit, least=1, most=MAX_ENTRIES)
    entries = LedgerEntry.objects.filter(user=user_id_of(user))
    if before is not None:
        entries = entries.filter(id__lt=before)
    joined = entries.select_related("activity", "achievement")
    return list(joined.order_by("-id")[:limit])
