"""Decides what to celebrate: unlocks, new levels, and streak milestones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from gamification.domain.levels import LevelRule
from gamification.domain.outcomes import CelebrationKind, CelebrationNotice, Unlock


class NoticeRow(NamedTuple):
    """A celebration as it is stored."""

    user_id: Any
    kind: str
    dedupe_key: str
    data: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
    achievement_id: int | None = None
    #: The level, the days of the streak, or which time an achievement is earned.
    number: int | None = None


class Peaks(NamedTuple):
    """The highest level and the longest streak that a user ever reached."""

    level: int
    #: Days.
    streak: int


def notices(
    unlocks: Iterable[Unlock],
    before: Peaks,
    after: Peaks,
    milestones: Iterable[int],
    levels: Mapping[int, LevelRule] = MappingProxyType({}),
) -> Iterator[CelebrationNotice]:
    """Yield one notice for each unlock, for all levels together, for each milestone.

    ``levels`` has the levels that staff defined, by number.
    """
    for unlock in unlocks:
        again = {"number": unlock.number} if unlock.number > 1 else {}
        yield _notice(
            CelebrationKind.ACHIEVEMENT,
            ":".join(map(str, (unlock.achievement, *again.values()))),
            achievement=unlock.achievement,
            name=unlock.name,
            icon=unlock.icon,
            xp=unlock.xp,
            **again,
        )
    if after.level > before.level:
        reached = list(range(before.level + 1, after.level + 1))
        values = {"from": before.level, "to": after.level, "levels": reached}
        called = _called(levels.get(after.level))
        yield _notice(CelebrationKind.LEVEL, after.level, **values, **called)
    for days in milestones:
        if before.streak < days <= after.streak:
            yield _notice(CelebrationKind.STREAK, days, days=days)


def _called(level: LevelRule | None) -> dict[str, object]:
    """Return the name and icon of a level, as far as it has them."""
    if level is None:
        return {}
    called = {
        "name": level.name,
        "icon": level.icon,
        "translations": level.translations,
    }
    return {name: value for name, value in called.items() if value}


def _notice(
    kind: CelebrationKind, subject: object, **data: object
) -> CelebrationNotice:
    return CelebrationNotice(str(kind), f"{kind}:{subject}", data)


def stored_notices(
    planned: tuple[CelebrationNotice, ...],
    ids: Mapping[tuple[Any, str], int],
    user_id: Any,
) -> tuple[CelebrationNotice, ...]:
    """Return the notices that were stored, with their ids; the user had the others."""
    return planned and tuple(
        replace(each, id=pk)
        for each in planned
        if (pk := ids.get((user_id, each.dedupe_key))) is not None
    )


def notice_row(
    notice: CelebrationNotice,
    user_id: Any,
    achievement_ids: Mapping[str, int],
    now: datetime,
    expires_at: datetime,
) -> NoticeRow:
    """Return ``notice`` as it is stored; the ids are by key of the achievement."""
    data = notice.data
    return NoticeRow(
        user_id,
        notice.kind,
        notice.dedupe_key,
        data,
        now,
        expires_at,
        achievement_ids.get(data.get("achievement", "")),
        data.get("to") or data.get("days") or data.get("number"),
    )
