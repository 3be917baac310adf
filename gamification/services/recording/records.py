"""What callers hand in to be recorded, before and after it was checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gamification.domain.state import Record
from gamification.services.validation import (
    UserRef,
    check_instant,
    check_key,
    check_quantity,
    check_text,
    fingerprint,
    user_id_of,
)


@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """A record for ``record_activities``: who did what, when, how much of it."""

    user: UserRef
    activity: str
    #: Aware; None is now.
    occurred_at: datetime | None = None
    quantity: int = 1
    #: Makes the record idempotent for its user.
    key: str | None = None
    #: What it came from, such as ``visions.kpi:42``.
    source: str = ""


def check_record(record: ActivityRecord, now: datetime) -> Record:
    """Return ``record`` as the domain has it, or raise ``InvalidRequestError``."""
    activity = check_text("activity", record.activity, required=True)
    quantity = check_quantity(record.quantity)
    source = check_text("source", record.source)
    key, occurred_at, digest = check_key(record.key), now, ""
    if record.occurred_at is not None:
        occurred_at = check_instant(record.occurred_at, now)
    if key is not None:
        given = occurred_at.isoformat() if record.occurred_at else None
        digest = fingerprint(activity, quantity, given, source)
    user_id = user_id_of(record.user)
    return Record(user_id, activity, quantity, occurred_at, key, digest, source)
