"""Unlocks: which achievements a user holds, or held until they were taken back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gamification.models.base.fields import (
    internal_note_field,
    note_field,
    staff_field,
    user_field,
)
from gamification.models.base.natural_keys import PerUserQuerySet
from gamification.models.base.querysets import AppForeignKey
from gamification.models.catalogue.achievements import Achievement


class UserAchievementQuerySet(PerUserQuerySet["UserAchievement"]):
    """Unlocks: one for each time that a user earns an achievement."""

    natural_lookups = ("achievement__key", "number")


class UserAchievement(models.Model):
    """An achievement that a user holds, or held until it was taken back."""

    user = user_field("gamification_achievements")
    achievement = AppForeignKey(
        Achievement,
        models.PROTECT,
        related_name="user_achievements",
        db_index=False,
        verbose_name=_("achievement"),
    )
    number = models.IntegerField(
        _("number"),
        default=1,
        db_default=1,
        help_text=_("Which time the user has earned it: 1 for the first."),
    )
    period = models.DateField(
        _("period"),
        null=True,
        blank=True,
        help_text=_("The first date of the period for which the user has earned it."),
    )
    unlocked_at = models.DateTimeField(_("unlocked at"))
    xp_awarded = models.BigIntegerField(_("XP awarded"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_by = staff_field(_("revoked by"), blank=True, db_index=False)
    revoke_reason = note_field(_("reason for the user"))
    internal_note = internal_note_field()
    can_be_earned_again = models.BooleanField(
        _("can be earned again"),
        default=False,
        help_text=_("A reversal, not staff, took it back."),
    )

    objects = UserAchievementQuerySet.as_manager()

    class Meta:
        verbose_name = _("user achievement")
        verbose_name_plural = _("user achievements")
        default_permissions = ("view",)
        ordering: ClassVar = ["-unlocked_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["unlocked_at"], name="gamification_unlock_by_time"),
            models.Index(
                fields=["achievement", "unlocked_at"], name="gamification_unlock_of"
            ),
            # The number of achievements that a user holds.
            models.Index(
                fields=["user"],
                condition=Q(revoked_at=None),
                name="gamification_unlock_held",
            ),
            models.Index(
                fields=["unlocked_at"],
                condition=Q(revoked_at__isnull=False),
                name="gamification_unlock_revoked",
            ),
            models.Index(
                fields=["revoked_by"],
                condition=Q(revoked_by__isnull=False),
                name="gamification_unlock_by_revoker",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "achievement", "number"],
                name="gamification_userachievement_once",
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="gamification_userachievement_number"
            ),
        ]
        permissions: ClassVar = [
            ("award_achievement", "Can award achievements to users"),
            ("revoke_achievement", "Can revoke achievements of users"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.achievement}"

    def natural_key(self) -> tuple[Any, ...]:
        """Return what names the row in every database."""
        return (self.achievement.key, self.number, *self.user.natural_key())

    @property
    def is_barred(self) -> bool:
        """Whether staff revoked it, so that the user cannot earn it again."""
        return self.revoked_at is not None and not self.can_be_earned_again
