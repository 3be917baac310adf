"""Awards achievements by hand, and revokes them."""

from __future__ import annotations

from typing import Any

from gamification import signals
from gamification.conf import conf
from gamification.domain.catalogue import AchievementRule, AchievementStatus, Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.history import StandingEntry, standing_entries
from gamification.domain.outcomes import EntryKind, Outcome, Reason, UnlockRow
from gamification.domain.state import UserState
from gamification.exceptions import AchievementNotActiveError, AchievementNotHeldError
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
    user_id_of,
)
from gamification.storage import Snapshot, StateQuery, Store, store_for


def award_achievement(
    user: UserRef,
    achievement: str,
    *,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
    celebrate: bool = True,
) -> Outcome:
    """Give ``user`` the achievement with this key, and its XP, by hand.

    The award clears an earlier revocation. If the user already holds the achievement,
    nothing changes and the outcome is marked as replayed. ``actor`` is the staff member
    who acts. The user reads the ``note``, only staff read the ``internal_note``.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError`` for a draft or
    retired achievement, ``UserExcludedError``, ``SelfAwardError`` if the actor is the
    user, ``UnknownUserError``, ``InvalidTextError``, ``StorageError``.
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
                snapshot, state, achievement, store, reason=by, celebrate=celebrate
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
) -> UserChangeset | None:
    """Return the changes of an award; None if the user holds the achievement.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``,
    ``UserExcludedError``, ``SelfAwardError``.
    """
    rule = find_achievement(snapshot.catalogue, achievement)
    if rule.id in state.held:
        return None
    if rule.status != AchievementStatus.ACTIVE:
        raise not_active(achievement, rule.status)
    check_award(state, reason.actor_id)
    changeset = new_changeset(snapshot, state, celebrate=celebrate)
    changeset.award(rule, reason)
    if load_ledger(changeset, store):
        changeset = new_changeset(snapshot, state, celebrate=celebrate)
        changeset.award(rule, reason)
    return changeset


def revoke_achievement(
    user: UserRef,
    achievement: str,
    *,
    actor: UserRef | None = None,
    reason: str = "",
    internal_note: str = "",
) -> Outcome:
    """Take the achievement with this key away, and the XP that it gave.

    The row stays and stores who revoked it, when and why. The user cannot earn the
    achievement again; only staff can award it. If it was already revoked, nothing
    changes and the outcome is marked as replayed. The user reads the ``reason``, only
    staff read the ``internal_note``.

    Raises ``UnknownAchievementError``, ``AchievementNotHeldError``,
    ``UnknownUserError``, ``InvalidTextError``, ``StorageError``.
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
                snapshot, state, achievement, store, reason=by
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
) -> UserChangeset | None:
    """Return the changes of a revocation; None if staff have revoked it before.

    Raises ``UnknownAchievementError``, ``AchievementNotHeldError``.
    """
    rule = find_achievement(snapshot.catalogue, achievement)
    if rule.id in state.revoked:
        return None
    if rule.id not in state.held:
        message = f"The user does not hold {achievement!r}."
        raise AchievementNotHeldError(message, achievement=achievement)
    unlock, reward = _unlock_of(state.user_id, rule, store)
    changeset = new_changeset(snapshot, state)
    changeset.revoke(unlock, reward, reason)
    return changeset


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
) -> dict[int, StandingEntry]:
    """Return the rewards of achievements that the user holds, by achievement id."""
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
        each.entry.achievement_id: each
        for each in standing_entries(entries)
        if each.entry.achievement_id and each.entry.kind == EntryKind.ACHIEVEMENT
    }


def _unlock_of(
    user_id: Any, rule: AchievementRule, store: Store
) -> tuple[UnlockRow, StandingEntry]:
    """Return the row of an achievement that the user holds, and its reward."""
    rows = UserAchievement.objects.using(store.alias)
    row = rows.filter(user=user_id, achievement=rule.id).first()
    reward = rewards_of(user_id, [rule.id], store).get(rule.id)
    if row is None or reward is None:
        # They existed when the state was read, so somebody has removed them since.
        raise ConcurrentUpdateError
    unlock = UnlockRow(user_id, rule.id, row.unlocked_at, row.xp_awarded)
    return unlock, reward
