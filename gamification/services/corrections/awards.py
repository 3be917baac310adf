"""Awards achievements by hand, and revokes them."""

from __future__ import annotations

from typing import Any

from gamification import signals
from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.goals import goal_of
from gamification.domain.history import StandingEntry, standing_entries
from gamification.domain.outcomes import EntryKind, Outcome, Reason
from gamification.domain.rewards import Place, UnlockRow, place_of
from gamification.domain.rules import MAX_TIMES, AchievementRule, AchievementStatus
from gamification.domain.state import UserState
from gamification.exceptions import (
    AchievementNotActiveError,
    AchievementNotHeldError,
    OutOfRangeError,
)
from gamification.models import Achievement, UserAchievement, write_alias
from gamification.services.catalogue.lookup import unknown_definition
from gamification.services.corrections.changes import (
    check_award,
    find_state,
    keeping_in_range,
    load_ledger,
    new_changeset,
    unchanged,
)
from gamification.services.dispatch import announce_on_commit
from gamification.services.unit_of_work import ConcurrentUpdateError, attempts
from gamification.services.validation import (
    UserRef,
    actor_key_of,
    check_actor,
    check_notes,
    check_whole,
    user_id_of,
)
from gamification.storage import Snapshot, StateQuery, Store, store_for


def award_achievement(
    user: UserRef,
    achievement: str,
    *,
    number: int | None = None,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
    celebrate: bool = True,
) -> Outcome:
    """Give ``user`` the achievement with this key, and its XP, by hand.

    The award clears an earlier revocation. If the user already holds the achievement,
    nothing changes and the outcome is marked as replayed. If users can earn it more
    than once, ``number`` says which time to give; without it, only users who do not
    hold it at all get it. ``actor`` is the staff member who acts. The user reads the
    ``note``, only staff read the ``internal_note``.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError`` for a draft or
    retired achievement, ``UserExcludedError``, ``SelfAwardError`` if the actor is
    the user, ``UnknownUserError``, ``InvalidTextError``, ``StorageError``, and
    ``InvalidRequestError`` or ``OutOfRangeError`` for a ``number`` that it cannot have.
    """
    actor_id, user_id = actor_key_of(actor), user_id_of(user)
    check_notes(note, internal_note)
    by = Reason(actor_id, note, internal_note)
    store, query = (
        store_for(write_alias()),
        StateQuery([user_id], conf.default_calendar),
    )
    for attempt in attempts(store, [user_id], optimistic=True):
        with attempt, keeping_in_range():
            snapshot = attempt.read(query)
            check_actor(actor_id)
            state = find_state(snapshot, user_id)
            outcome = unchanged(state)
            changeset = award_changes(
                snapshot,
                state,
                achievement,
                store,
                reason=by,
                celebrate=celebrate,
                number=number,
            )
            if changeset:
                [outcome] = attempt.write([changeset]).outcomes_of(changeset)
    if celebrate:
        announce_on_commit(store.alias, [outcome])
    return outcome


def award_changes(
    snapshot: Snapshot,
    state: UserState,
    achievement: str,
    store: Store,
    *,
    reason: Reason,
    celebrate: bool,
    number: int | None = None,
) -> UserChangeset | None:
    """Return the changes of an award; None if the user holds the achievement.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``,
    ``UserExcludedError``, ``SelfAwardError``, ``InvalidRequestError``.
    """
    rule = find_achievement(snapshot.catalogue, achievement)
    check_number(rule, number)
    if number in held_numbers(state, rule) if number else rule.id in state.held:
        return None
    if rule.status != AchievementStatus.ACTIVE:
        raise not_active(achievement, rule.status)
    check_award(state, reason.actor_id)
    goal = goal_of(rule, number or 1) if rule.is_repeated else rule
    changeset = new_changeset(snapshot, state, celebrate=celebrate)
    changeset.award(goal, reason)
    if load_ledger(changeset, store):
        changeset = new_changeset(snapshot, state, celebrate=celebrate)
        changeset.award(goal, reason)
    return changeset


def revoke_achievement(
    user: UserRef,
    achievement: str,
    *,
    number: int | None = None,
    actor: UserRef | None = None,
    reason: str = "",
    internal_note: str = "",
) -> Outcome:
    """Take the achievement with this key away, and the XP that it gave.

    The row stays and stores who revoked it, when and why. The user cannot earn the
    achievement again; only staff can award it. If it was already revoked, nothing
    changes and the outcome is marked as replayed. If the user has earned it more than
    once, ``number`` says which time to take away; without it, all are. The user reads
    the ``reason``, only staff read the ``internal_note``.

    Raises ``UnknownAchievementError``, ``AchievementNotHeldError``,
    ``UnknownUserError``, ``InvalidTextError``, ``StorageError``, and
    ``InvalidRequestError`` or ``OutOfRangeError`` for a ``number`` that it cannot have.
    """
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    check_notes(reason, internal_note, name="reason")
    by = Reason(actor_id, reason, internal_note)
    store, query = (
        store_for(write_alias()),
        StateQuery([user_id], conf.default_calendar),
    )
    for attempt in attempts(store, [user_id], optimistic=True):
        with attempt, keeping_in_range():
            snapshot = attempt.read(query)
            check_actor(actor_id)
            state = find_state(snapshot, user_id)
            outcome = unchanged(state)
            changeset = revocation_changes(
                snapshot, state, achievement, store, reason=by, number=number
            )
            if changeset:
                [outcome] = attempt.write([changeset]).outcomes_of(changeset)
    announce_on_commit(
        store.alias,
        [outcome],
        signal=signals.achievement_revoked,
        achievement=achievement,
    )
    return outcome


def revocation_changes(
    snapshot: Snapshot,
    state: UserState,
    achievement: str,
    store: Store,
    *,
    reason: Reason,
    number: int | None = None,
) -> UserChangeset | None:
    """Return the changes of a revocation; None if staff have revoked it before.

    Raises ``UnknownAchievementError``, ``AchievementNotHeldError``,
    ``InvalidRequestError``.
    """
    rule = find_achievement(snapshot.catalogue, achievement)
    check_number(rule, number)
    if is_revoked(state, rule, number):
        return None
    held = held_numbers(state, rule)
    if not held or number not in {None, *held}:
        what = f"{achievement!r} × {number}" if number else f"{achievement!r}"
        message = f"The user does not hold {what}."
        raise AchievementNotHeldError(message, achievement=achievement)
    unlocks = _unlocks_of(state.user_id, rule, store, number)
    changeset = new_changeset(snapshot, state)
    changeset.revoke(unlocks, reason)
    return changeset


def check_number(rule: AchievementRule, number: int | None) -> None:
    """Raise an error unless users can earn ``rule`` so often.

    Raises ``InvalidRequestError``, or ``OutOfRangeError`` if it is more often than
    staff have allowed.
    """
    if number is None:
        return
    check_whole("number", number, least=1, most=MAX_TIMES)
    most = rule.max_times if rule.is_repeated else 1
    if number > (most or MAX_TIMES):
        message = (
            f"The number {number:,} is too high: users can earn {rule.key!r} {most:,} "
            f"time{'s' * (most != 1)} at most."
        )
        raise OutOfRangeError(message)


def held_numbers(state: UserState, rule: AchievementRule) -> list[int]:
    """Return which times the user holds of an achievement: 1 for the first."""
    rows = state.numbers.get(rule.id, ())
    held = [row.number for row in rows if row.is_held]
    return held or ([1] if rule.id in state.held else [])


def is_revoked(state: UserState, rule: AchievementRule, number: int | None) -> bool:
    """Say whether staff have taken this time of an achievement, or all, away."""
    for row in state.numbers.get(rule.id, ()):
        if row.number == number:
            return not row.is_held and not row.is_lapsed
    return rule.id in state.revoked and number in {None, 1}


def find_achievement(catalogue: Catalogue, key: str) -> AchievementRule:
    """Return the achievement with this key, whatever its status."""
    rule = catalogue.achievements.get(key)
    if rule is None:
        raise unknown_definition(Achievement, key)
    return rule


def not_active(achievement: str, status: str) -> AchievementNotActiveError:
    """Return the error for awarding a draft or a retired achievement."""
    is_draft = status == AchievementStatus.DRAFT
    what = "a draft" if is_draft else "retired"
    message = f"{achievement!r} is {what}: only an active achievement can be awarded."
    return AchievementNotActiveError(message, achievement=achievement)


def rewards_of(
    user_id: Any, achievement_ids: list[int], store: Store
) -> dict[Place, StandingEntry]:
    """Return the user's rewards that were not reversed, by achievement and number."""
    if not achievement_ids:
        return {}
    # By their time, because it has an index of the user's entries.
    held = UserAchievement.objects.using(store.alias).filter(
        user=user_id, achievement__in=achievement_ids, revoked_at=None
    )
    entries = store.entries(
        [user_id],
        achievement__in=achievement_ids,
        occurred_at__in=held.values("unlocked_at"),
    )
    return {
        place_of(each.entry): each
        for each in standing_entries(entries)
        if each.entry.achievement_id and each.entry.kind == EntryKind.ACHIEVEMENT
    }


def _unlocks_of(
    user_id: Any, rule: AchievementRule, store: Store, number: int | None
) -> list[tuple[UnlockRow, StandingEntry]]:
    """Return the rows of an achievement that the user holds, each with its reward."""
    rows = UserAchievement.objects.using(store.alias).filter(
        user=user_id, achievement=rule.id, revoked_at=None
    )
    if number is not None:
        rows = rows.filter(number=number)
    rewards = rewards_of(user_id, [rule.id], store)
    found = [
        (_stored(row), rewards[rule.id, row.number])
        for row in rows.order_by("number")
        if (rule.id, row.number) in rewards
    ]
    if not found:
        # They existed when the state was read, so somebody has removed them since.
        raise ConcurrentUpdateError
    return found


def _stored(row: UserAchievement) -> UnlockRow:
    return UnlockRow(
        row.user_id,
        row.achievement_id,
        row.unlocked_at,
        row.xp_awarded,
        number=row.number,
        period=row.period,
    )
