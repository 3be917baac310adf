"""What is worth showing to a user once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gamification.domain.outcomes import CelebrationKind, CelebrationNotice, Unlock


class NoticeRow(NamedTuple):
    """A celebration as it is stored."""

    user_id: Any
    kind: str
    dedupe_key: str
    data: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime


class Peaks(NamedTuple):
    """The most that a user ever reached."""

    level: int
    #: Days.
    streak: int


def notices(
    unlocks: Iterable[Unlock], before: Peaks, after: Peaks, milestones: Iterable[int]
) -> Iterator[CelebrationNotice]:
    """Yield one notice for each unlock, for all levels together, for each milestone."""
    for unlock in unlocks:
        yield _notice(
            CelebrationKind.ACHIEVEMENT,
            unlock.achievement,
            achievement=unlock.achievement,
            name=unlock.name,
            icon=unlock.icon,
            xp=unlock.xp,
        )
    if after.level > before.level:
        levels = list(range(before.level + 1, after.level + 1))
        values = {"from": before.level, "to": after.level, "levels": levels}
        yield _notice(CelebrationKind.LEVEL, after.level, **values)
    for days in milestones:
        if before.streak < days <= after.streak:
            yield _notice(CelebrationKind.STREAK, days, days=days)


def _notice(
    kind: CelebrationKind, subject: object, **data: object
) -> CelebrationNotice:
    return CelebrationNotice(str(kind), f"{kind}:{subject}", data)
