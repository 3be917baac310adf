"""Boosts: times at which activities are worth more XP, or less."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.domain.boost_times import BoostState, state_at
from gamification.domain.boosts import MAX_FACTOR, MIN_FACTOR
from gamification.domain.days import EPOCH, LAST, in_zone
from gamification.models.base.querysets import AppForeignKey
from gamification.models.catalogue.items import KeyedItem


class Boost(KeyedItem):
    """A factor for the XP of activities, from one time to another."""

    factor = models.DecimalField(
        _("factor"),
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(MIN_FACTOR), MaxValueValidator(MAX_FACTOR)],
        help_text=_("2 doubles the XP, 0.5 halves it."),
    )
    starts_at = models.DateTimeField(
        _("starts at"), validators=[MinValueValidator(EPOCH), MaxValueValidator(LAST)]
    )
    ends_at = models.DateTimeField(
        _("ends at"),
        validators=[MinValueValidator(EPOCH), MaxValueValidator(LAST)],
        help_text=_("The first moment that is no longer boosted."),
    )
    zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("Empty means that each user's own clock decides."),
    )
    activities = models.JSONField(
        _("activities"),
        default=list,
        blank=True,
        help_text=_("Keys of the activities that it boosts; empty means all."),
    )
    group = AppForeignKey(
        Group,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("group"),
        help_text=_("The group whose members it is for; empty means everybody."),
    )
    where = models.JSONField(
        _("attributes"),
        default=list,
        blank=True,
        help_text=_("Conditions on attributes of a record; empty means any record."),
    )
    boosts_achievements = models.BooleanField(
        _("boosts rewards of achievements"), default=False
    )
    boosts_adjustments = models.BooleanField(
        _("boosts adjustments by staff"), default=False
    )
    boosts_imports = models.BooleanField(_("boosts imports"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("boost")
        verbose_name_plural = _("boosts")
        ordering: ClassVar = ["starts_at", "key"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(factor__gte=MIN_FACTOR, factor__lte=MAX_FACTOR)
                & ~Q(factor=Decimal(1)),
                name="gamification_boost_factor",
                violation_error_message=_("A factor of 1 changes nothing."),
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")),
                name="gamification_boost_order",
                violation_error_message=_("The boost ends before it starts."),
            ),
        ]

    def shown(self, at: datetime) -> datetime:
        """Return one of its times as its own clock shows it."""
        return in_zone(at, ZoneInfo(self.zone) if self.zone else UTC)

    @property
    def state(self) -> BoostState:
        """Whether it is planned, running or over, wherever users are."""
        times = self.starts_at, self.ends_at, self.zone
        return state_at(timezone.now(), *times, is_active=self.is_active)
