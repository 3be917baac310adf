"""Restrictions: users whom staff hold, or exclude from the game."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.models.base.fields import staff_field, user_field
from gamification.models.base.querysets import AppQuerySet


class RestrictionKind(models.TextChoices):
    """The kinds of restrictions, by what they keep the user from."""

    HOLD = "hold", _("held: not on leaderboards")
    EXCLUSION = "exclusion", _("excluded: not on leaderboards, and earns nothing")


class Restriction(models.Model):
    """A decision of staff about a user, who took it, and who lifted it."""

    user = user_field("gamification_restrictions")
    kind = models.CharField(_("kind"), max_length=10, choices=RestrictionKind)
    until = models.DateTimeField(
        _("until"),
        null=True,
        blank=True,
        help_text=_("Empty means until staff lift it."),
    )
    reason = models.TextField(_("reason"))
    actor = staff_field(_("actor"), db_index=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lifted_by = staff_field(_("lifted by"), blank=True, db_index=False)
    lift_reason = models.TextField(_("reason for lifting it"), blank=True)

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("restriction")
        verbose_name_plural = _("restrictions")
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=Q(lifted_at=None),
                name="gamification_restriction_once",
            ),
        ]
        permissions: ClassVar = [
            ("restrict_user", "Can hold users, and exclude them from the game"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_kind_display()}"
