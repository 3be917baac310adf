"""The rows that earning or losing an achievement makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

from gamification.domain.backfill import Moment
from gamification.domain.goals import goal_of
from gamification.domain.history import StandingEntry
from gamification.domain.outcomes import Entry, EntryKind, Reason, Unlock
from gamification.domain.rules import AchievementRule
from gamification.domain.series import highest_steps
from gamification.domain.state import UserState

#: The id of an achievement, and which time it is that a user earned it.
Place: TypeAlias = tuple[int, int]


class UnlockRow(NamedTuple):
    """The new values of a row that says whether a user holds an achievement."""

    user_id: Any
    achievement_id: int
    unlocked_at: datetime
    xp_awarded: int
    revoked_at: datetime | None = None
    revoked_by_id: Any = None
    revoke_reason: str = ""
    can_be_earned_again: bool = False
    internal_note: str = ""
    #: Which time the user has earned it: 1 for the first.
    number: int = 1
    #: The first date of the period for which the user has earned it, if any.
    period: date | None = None


def reward_of(
    rule: AchievementRule,
    state: UserState,
    moment: Moment,
    now: datetime,
    reason: Reason,
) -> Entry:
    """Return the entry that credits the XP of ``rule``, met at ``moment``."""
    return Entry(
        id=None,
        user_id=state.user_id,
        kind=EntryKind.ACHIEVEMENT.value,
        amount=rule.xp_reward,
        occurred_at=moment.instant,
        local_date=moment.day,
        recorded_at=now,
        achievement_id=rule.id,
        number=rule.number if rule.number > 1 else None,
        period=rule.period,
        **reason._asdict(),
    )


def row_of(reward: Entry) -> UnlockRow:
    """Return the row of an achievement that the user holds by ``reward``."""
    return UnlockRow(
        reward.user_id,
        reward.achievement_id or 0,
        reward.occurred_at,
        reward.amount,
        number=reward.number or 1,
        period=reward.period,
    )


def lost_row(unlock: UnlockRow, now: datetime, reason: Reason) -> UnlockRow:
    """Return the row of an achievement that is taken back."""
    return unlock._replace(
        revoked_at=now,
        revoked_by_id=reason.actor_id,
        revoke_reason=reason.note,
        internal_note=reason.internal_note,
    )


def unlock_of(rule: AchievementRule, xp: int, number: int | None = None) -> Unlock:
    """Return ``rule`` as an outcome names it."""
    return Unlock(rule.key, rule.name, rule.icon, xp, number or rule.number)


def place_of(reward: Entry) -> Place:
    """Return the achievement of a reward, and which time it is."""
    return reward.achievement_id or 0, reward.number or 1


def rules_held(
    known: Mapping[str, AchievementRule], rewards: Mapping[Place, StandingEntry]
) -> dict[AchievementRule, StandingEntry]:
    """Return what each of ``rewards`` is for: a rule, or one time that it is earned.

    They are in the order of ``known``; the last time of a rule comes first.
    """
    times: dict[int, list[int]] = {}
    for pk, number in sorted(rewards, reverse=True):
        times.setdefault(pk, []).append(number)
    return {
        _time_of(rule, rewards[rule.id, number]): rewards[rule.id, number]
        for rule in known.values()
        for number in times.get(rule.id, ())
    }


def _time_of(rule: AchievementRule, reward: StandingEntry) -> AchievementRule:
    if not rule.is_special:
        return rule
    return goal_of(rule, reward.entry.number or 1, reward.entry.period)


def unlocks_to_show(
    unlocks: Iterable[Unlock],
    known: Mapping[str, AchievementRule],
    state: UserState,
    held: AbstractSet[int],
) -> list[Unlock]:
    """Return the unlocks to celebrate: none that the user had lost, one of a series.

    ``held`` has the ids of achievements that the user held before.
    """
    fresh = [
        each
        for each in unlocks
        if _is_first(known[each.achievement], each.number, state)
    ]
    if len(fresh) == 1 and not known[fresh[0].achievement].series:
        return fresh
    return highest_steps(fresh, known, held)


def _is_first(rule: AchievementRule, number: int, state: UserState) -> bool:
    """Say whether the user never lost what they earn now."""
    if rule.is_repeated:
        return all(row.number != number for row in state.numbers.get(rule.id, ()))
    return rule.id not in state.revoked and rule.id not in state.lapsed
