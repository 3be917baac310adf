"""Celebrations, which the app shows to each user once."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.domain.outcomes import CelebrationKind
from gamification.domain.rules import AchievementStatus
from gamification.models.base.fields import user_field
from gamification.models.base.natural_keys import PerUserQuerySet
from gamification.models.base.querysets import AppForeignKey
from gamification.models.catalogue.achievements import Achievement
from gamification.models.texts.celebrations import celebration_text, celebration_title
from gamification.models.unlocks import UserAchievement


class CelebrationQuerySet(PerUserQuerySet["Celebration"]):
    """Celebrations, filtered by whether the user has still to see them."""

    natural_lookups = ("dedupe_key",)

    def pending(self) -> CelebrationQuerySet:
        """Keep those that still hold and are neither acknowledged nor expired."""
        waiting = self.filter(acknowledged_at=None, expires_at__gt=timezone.now())
        return waiting.holding()

    def holding(self) -> CelebrationQuerySet:
        """Keep those whose level, streak or achievement the user still has."""
        held = UserAchievement.objects.filter(
            user=OuterRef("user"),
            achievement=OuterRef("achievement"),
            number=Coalesce(OuterRef("number"), 1),
            revoked_at=None,
        ).exclude(achievement__status=AchievementStatus.DRAFT)
        level = F("user__gamification__level")
        streak = F("user__gamification__longest_streak")
        return self.filter(
            Q(kind=CelebrationKind.LEVEL, number__lte=level)
            | Q(kind=CelebrationKind.STREAK, number__lte=streak)
            | Q(Exists(held), kind=CelebrationKind.ACHIEVEMENT)
        )

    def unclaimed(self) -> CelebrationQuerySet:
        """Keep those that no screen is showing now."""
        is_free = Q(claimed_until=None) | Q(claimed_until__lte=timezone.now())
        return self.filter(is_free)


class Celebration(models.Model):
    """Something to show the user once."""

    user = user_field("gamification_celebrations")
    kind = models.CharField(_("kind"), max_length=12, choices=CelebrationKind)
    dedupe_key = models.CharField(_("dedupe key"), max_length=150)
    data = models.JSONField(_("data"), default=dict)
    achievement = AppForeignKey(
        Achievement,
        models.CASCADE,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("achievement"),
    )
    number = models.IntegerField(
        _("number"),
        null=True,
        help_text=_("The level, the days of a streak, or which time it was earned."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    claimed_until = models.DateTimeField(
        _("claimed until"),
        null=True,
        blank=True,
        help_text=_("Until then, only one of the user's screens shows it."),
    )
    expires_at = models.DateTimeField(_("expires at"))

    objects = CelebrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("celebration")
        verbose_name_plural = _("celebrations")
        default_permissions = ("view",)
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="gamification_celebration_time"),
            models.Index(
                fields=["user", "id"],
                condition=Q(acknowledged_at=None),
                name="gamification_pending",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "dedupe_key"], name="gamification_celebration_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.dedupe_key}"

    def natural_key(self) -> tuple[Any, ...]:
        """Return what names the row in every database."""
        return (self.dedupe_key, *self.user.natural_key())

    @property
    def title(self) -> str:
        """The title, such as “Level 5”."""
        return celebration_title(self.kind, self.data)

    @property
    def text(self) -> str:
        """The text, such as “You reached level 5.”."""
        return celebration_text(self.kind, self.data)
