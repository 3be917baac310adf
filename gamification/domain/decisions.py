"""The changes that an act on many users makes to each of them.

The act writes these decisions; its preview adds up their effects and writes nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from gamification.domain.changeset import UserChangeset
from gamification.domain.history import correction_of
from gamification.domain.outcomes import NO_REASON, Entry, EntryKind, Reason
from gamification.domain.recalculation import Due
from gamification.domain.rules import AchievementRule
from gamification.domain.state import Rules, UserState
from gamification.domain.totals import TotalOutOfRangeError


def decide_backfill(
    states: Iterable[UserState],
    rule: AchievementRule,
    rules: Rules,
    now: datetime,
    reason: Reason = NO_REASON,
    *,
    celebrate: bool = False,
) -> Iterator[UserChangeset]:
    """Yield the award of ``rule`` to each user who qualifies and has room for its XP.

    A state without its ledger gets the same award, dated to ``now``.
    """
    for state in states:
        changeset = UserChangeset(state, rules, now, celebrate=celebrate)
        if not changeset.qualifies(rule):
            continue
        try:
            changeset.backfill(rule, reason)
        except TotalOutOfRangeError:
            continue
        yield changeset


def decide_recalculation(
    state: UserState,
    dues: Sequence[Due],
    rules: Rules,
    now: datetime,
    reason: Reason = NO_REASON,
) -> UserChangeset | None:
    """Return the corrections of a user; None if the total would leave its range.

    A state without its ledger gets the same unlocks, with other dates: the changeset
    then says ``needs_ledger``.
    """
    change = sum(due.amount for due in dues)
    if change < 0 and state.total_xp + change < 0:
        return None
    corrections = [
        correction_of(
            due.standing,
            due.amount,
            rewarded=due.rewarded - due.standing.rewarded,
            xp_reward=due.xp_reward,
            now=now,
            reason=reason,
        )
        for due in dues
    ]
    changeset = UserChangeset(state, rules, now, celebrate=False)
    try:
        changeset.correct(corrections)
    except TotalOutOfRangeError:
        return None
    return changeset


def decide_supposition(
    state: UserState,
    xp: int,
    rules: Rules,
    now: datetime,
    dated: Sequence[Entry] = (),
) -> UserChangeset:
    """Return the changes that other ``rules`` and ``xp`` more would bring to a user.

    ``dated`` are the corrections that make up ``xp``, as far as they are known. It
    unlocks what the user would then meet, and what the user had met already and would
    get with the next entry.
    """
    day, kind = state.calendar.date_of(now), EntryKind.ADJUSTMENT.value
    changeset = UserChangeset(state, rules, now, celebrate=False)
    rest = xp - sum(each.amount for each in dated)
    try:
        changeset.correct(dated)
        entry = Entry(None, state.user_id, kind, rest, now, day, now)
        changeset.adjust(entry, settles=True)
    except TotalOutOfRangeError:
        return UserChangeset(state, rules, now, celebrate=False)
    return changeset


def effect_of(changeset: UserChangeset, keys: Mapping[int, str]) -> dict[Hashable, int]:
    """Return what ``changeset`` does to its user, as numbers to add up.

    ``keys`` has the keys of achievements by id.
    """
    state = changeset.state
    before, after = state.level, changeset.level
    numbers: dict[Hashable, int] = {
        "users": 1,
        "xp": changeset.total_xp - state.total_xp,
        ("move", (before, after)): 1,
    }
    if before != after:
        numbers["raised" if after > before else "lowered"] = 1
    for unlock in changeset.unlocks:
        numbers["unlock", keys[unlock.achievement_id]] = 1
    for entry in changeset.entries:
        if entry.kind == EntryKind.CORRECTION and entry.amount:
            name = "added" if entry.amount > 0 else "taken", entry.activity_id
            numbers[name] = numbers.get(name, 0) + abs(entry.amount)
    return numbers
