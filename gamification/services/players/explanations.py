"""Where a user stands, and why an achievement is not unlocked."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from gamification.domain.catalogue import AchievementStatus, Criterion, Facts
from gamification.exceptions import UnknownAchievementError, UnknownUserError
from gamification.models import (
    Achievement,
    ActivityTally,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.services.validation import (
    UserRef,
    is_storable,
    user_id_of,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a user holds an achievement, or does not."""

    achievement: str
    name: str
    is_unlocked: bool
    criterion: str
    #: What is measured, in words.
    measures: str
    current: int
    target: int
    missing: int
    #: Share of the way, 0 to 1.
    fraction: float
    #: Codes of what keeps the achievement from being unlocked by itself:
    #: ``draft``, ``retired``, ``revoked``, ``manual``, ``inactive_activity``.
    blocked_by: tuple[str, ...]
    #: All of it in words.
    text: str


def get_facts(user: UserRef) -> Facts:
    """Return what achievements can measure of a user, in three queries.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    user_id, alias = user_id_of(user), write_alias()
    profile = UserGamification.objects.using(alias).filter(user=user_id).first()
    profile = profile or UserGamification()
    tallies = ActivityTally.objects.using(alias).filter(user=user_id)
    held = UserAchievement.objects.using(alias).filter(user=user_id, revoked_at=None)
    return Facts(
        profile.active_days,
        profile.longest_streak,
        profile.level,
        profile.total_xp,
        held.count(),
        dict(tallies.values_list("activity_id", "count")),
    )


def explain_achievement(user: UserRef, achievement: str) -> Explanation:
    """Say what the achievement with this key measures and where ``user`` stands.

    It explains any achievement, also a secret one: who may ask is for the caller to
    decide. Raises ``UnknownAchievementError``, ``UnknownUserError``.
    """
    user_id, alias = user_id_of(user), write_alias()
    if not get_user_model()._base_manager.using(alias).filter(pk=user_id).exists():
        raise UnknownUserError
    row = stored_achievement(achievement)
    unlocks = UserAchievement.objects.using(alias).filter(user=user_id)
    unlock = unlocks.filter(achievement=row).first()
    is_unlocked = unlock is not None and unlock.revoked_at is None
    current = get_facts(user_id).measure(row.criterion, row.activity_id)
    return _explanation(row, current, is_unlocked, _blockers(row, unlock))


def stored_achievement(key: str) -> Achievement:
    """Return the achievement with this key, whatever its status, and its activity."""
    rows = Achievement.objects.using(write_alias()).select_related("activity")
    is_key = isinstance(key, str) and is_storable(key)
    row = rows.filter(key=key).first() if is_key else None
    if row is None:
        message = f"No achievement has the key {key!r}."
        raise UnknownAchievementError(message, achievement=key)
    return row


def _blockers(row: Achievement, unlock: UserAchievement | None) -> dict[str, str]:
    """Return what keeps the achievement locked, in words, by code."""
    blockers = {
        "revoked": unlock is not None and unlock.revoked_at is not None,
        "draft": row.status == AchievementStatus.DRAFT,
        "retired": row.status == AchievementStatus.RETIRED,
        "manual": row.criterion == Criterion.MANUAL,
        "inactive_activity": row.activity is not None and not row.activity.is_active,
    }
    words = {
        "revoked": _("It was taken away by staff, who alone can give it back."),
        "draft": _("It is a draft, which nobody can unlock yet."),
        "retired": _("It is retired: nobody can unlock it any more."),
        "manual": _("Staff award it by hand."),
        "inactive_activity": _("The activity that it counts is switched off."),
    }
    return {code: words[code] for code, blocks in blockers.items() if blocks}


def _explanation(
    row: Achievement, current: int, is_unlocked: bool, blockers: dict[str, str]
) -> Explanation:
    measures = row.activity.name if row.activity else row.get_criterion_display()
    missing = 0 if is_unlocked else max(0, row.threshold - current)
    values = {
        "name": row.name,
        "measures": measures,
        "current": current,
        "target": row.threshold,
        "missing": missing,
    }
    return Explanation(
        achievement=row.key,
        name=row.name,
        is_unlocked=is_unlocked,
        criterion=row.criterion,
        measures=str(measures),
        current=current,
        target=row.threshold,
        missing=missing,
        fraction=1.0 if is_unlocked else min(1.0, max(0.0, current / row.threshold)),
        blocked_by=() if is_unlocked else tuple(blockers),
        text=_text(values, is_unlocked=is_unlocked, reasons=[*blockers.values()]),
    )


def _text(values: dict[str, object], *, is_unlocked: bool, reasons: list[str]) -> str:
    if is_unlocked:
        return _("“%(name)s” is unlocked.") % values
    standing = _(
        "“%(name)s” needs %(target)s (%(measures)s); it stands at %(current)s."
    )
    if values["missing"]:
        reasons = [_("%(missing)s to go.") % values, *reasons]
    elif not reasons:
        reasons = [_("It unlocks with the next record, or when staff award it.")]
    return " ".join([standing % values, *reasons])
