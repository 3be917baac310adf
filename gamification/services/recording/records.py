"""The records that callers pass in, and the check of each one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gamification.domain.conditions import AttributeValue
from gamification.domain.state import Record
from gamification.services.recording.attributes import check_attributes
from gamification.services.validation import (
    UserRef,
    check_instant,
    check_key,
    check_quantity,
    check_text,
    fingerprint,
    given_id_of,
)


@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """A record for ``record_activities``: a user, an activity, a time, a quantity."""

    user: UserRef
    activity: str
    #: An aware datetime; None means now.
    occurred_at: datetime | None = None
    quantity: int = 1
    #: Makes the record idempotent: the user's key is recorded only once.
    key: str | None = None
    #: The origin of the record, such as ``visions.kpi:42``.
    source: str = ""
    #: Values of the attributes that the activity declares.
    attributes: Mapping[str, AttributeValue] | None = None


def check_record(record: ActivityRecord, now: datetime) -> Record:
    """Return the domain's form of ``record``, or raise ``InvalidRequestError``."""
    activity = check_text("activity", record.activity, required=True)
    quantity = check_quantity(record.quantity)
    source = check_text("source", record.source)
    key, occurred_at, digest = check_key(record.key), now, ""
    attributes, text = None, ""
    if record.occurred_at is not None:
        occurred_at = check_instant(record.occurred_at)
    if record.attributes is not None:
        attributes, text = check_attributes(record.attributes)
    if key is not None:
        given = occurred_at.isoformat() if record.occurred_at else None
        parts = (activity, quantity, given, source)
        digest = fingerprint(*parts, text) if text else fingerprint(*parts)
    user_id = given_id_of(record.user)
    return Record(
        user_id, activity, quantity, occurred_at, key, digest, source, attributes
    )
