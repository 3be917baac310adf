"""Activities: what users do, and the XP that it earns."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gamification.domain.rules import MAX_COOLDOWN, MAX_QUANTITY
from gamification.models.catalogue.items import CatalogueItem, reward_is_bounded
from gamification.models.rules.checks import clean_attributes


class Activity(CatalogueItem):
    """Something that users do, with the XP that it earns."""

    daily_limit = models.BigIntegerField(
        _("daily limit"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_QUANTITY)],
        help_text=_("How many units a day earn a user XP; empty means no limit."),
    )
    cooldown = models.BigIntegerField(
        _("cooldown"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_COOLDOWN)],
        help_text=_("Seconds between rewarded records; empty means no cooldown."),
    )
    extends_streak = models.BooleanField(_("extends the streak"), default=True)
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        help_text=_("Attributes of records, and types: string, integer, boolean."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering: ClassVar = ["key"]
        constraints: ClassVar = [
            reward_is_bounded("activity"),
            models.CheckConstraint(
                condition=Q(daily_limit=None) | Q(daily_limit__gte=1),
                name="gamification_activity_daily_limit",
            ),
            models.CheckConstraint(
                condition=Q(cooldown=None) | Q(cooldown__gte=1),
                name="gamification_activity_cooldown",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        clean_attributes(self)
