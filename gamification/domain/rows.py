"""Rows as stores write them, where no value of an outcome has their shape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple


class UnlockRow(NamedTuple):
    """The new state of a row that says whether a user holds an achievement."""

    user_id: Any
    achievement_id: int
    unlocked_at: datetime
    xp_awarded: int
    revoked_at: datetime | None = None
    revoked_by_id: Any = None
    revoke_reason: str = ""


class NoticeRow(NamedTuple):
    """A celebration as it is stored."""

    user_id: Any
    kind: str
    dedupe_key: str
    data: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
