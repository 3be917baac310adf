"""Celebrations: what users are shown once."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.domain.outcomes import CelebrationKind


class CelebrationQuerySet(models.QuerySet["Celebration"]):
    """Celebrations, by whether they still wait."""

    def pending(self) -> CelebrationQuerySet:
        """Keep those that were not acknowledged and have not expired."""
        return self.filter(acknowledged_at=None, expires_at__gt=timezone.now())

    def unclaimed(self) -> CelebrationQuerySet:
        """Keep those that no screen shows just now."""
        is_free = Q(claimed_until=None) | Q(claimed_until__lte=timezone.now())
        return self.filter(is_free)


class Celebration(models.Model):
    """Something to show the user once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="gamification_celebrations",
        db_index=False,
        verbose_name=_("user"),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=CelebrationKind)
    dedupe_key = models.CharField(_("dedupe key"), max_length=150)
    data = models.JSONField(_("data"), default=dict)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    claimed_until = models.DateTimeField(
        _("claimed until"),
        null=True,
        blank=True,
        help_text=_("Until when one of the user's screens shows it."),
    )
    expires_at = models.DateTimeField(_("expires at"))

    objects = CelebrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("celebration")
        verbose_name_plural = _("celebrations")
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
