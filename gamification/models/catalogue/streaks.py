"""Definitions of streaks, with the rules that hold last."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from gamification.domain.streak_rules import MAX_FREEZE_EVERY, MAX_FREEZES, StreakUnit
from gamification.models.catalogue.items import KeyedItem


class StreakDefinition(KeyedItem):
    """A streak that users can have, with the rules that hold last."""

    unit = models.CharField(
        _("unit"), max_length=5, choices=StreakUnit, default=StreakUnit.DAY
    )
    goal = models.IntegerField(
        _("goal"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(28)],
        help_text=_("Active dates that a week or month needs; 1 for a day."),
    )
    activities = models.JSONField(
        _("activities"),
        default=list,
        blank=True,
        help_text=_("Keys of activities; empty means all that extend streaks."),
    )
    weekdays = models.JSONField(
        _("weekdays"),
        default=list,
        blank=True,
        help_text=_(
            "Days that count, Monday as 1; the others neither count nor break. Empty "
            "means every day."
        ),
    )
    first_weekday = models.IntegerField(
        _("first weekday"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(7)],
        help_text=_("The day on which weeks begin, Monday as 1."),
    )
    initial_freezes = models.IntegerField(
        _("freezes at the start"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_FREEZES)],
        help_text=_("Freezes that a user gets with the first active date."),
    )
    freeze_every = models.IntegerField(
        _("active dates for a freeze"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_FREEZE_EVERY)],
        help_text=_("Active dates in a run that earn a freeze; empty means none do."),
    )
    freeze_cap = models.IntegerField(
        _("most freezes in stock"),
        default=2,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_FREEZES)],
    )
    is_active = models.BooleanField(_("active"), default=True)
    position = models.IntegerField(_("position"), default=0)
    since = models.DateField(
        _("since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The date from which these rules hold; empty means always."),
    )
    former = models.JSONField(
        _("former rules"),
        default=list,
        blank=True,
        editable=False,
        help_text=_("The rules that held before, in order."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("streak")
        verbose_name_plural = _("streaks")
        ordering: ClassVar = ["position", "key"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(goal__gte=1, goal__lte=28),
                name="gamification_streakdefinition_goal",
            ),
            models.CheckConstraint(
                condition=Q(first_weekday__gte=1, first_weekday__lte=7),
                name="gamification_streakdefinition_weekday",
            ),
            models.CheckConstraint(
                condition=Q(
                    initial_freezes__gte=0,
                    initial_freezes__lte=F("freeze_cap"),
                    freeze_cap__lte=MAX_FREEZES,
                ),
                name="gamification_streakdefinition_freezes",
                violation_error_message=_(
                    "More freezes at the start than fit in stock."
                ),
            ),
            models.CheckConstraint(
                condition=Q(freeze_every=None) | Q(freeze_every__gte=1),
                name="gamification_streakdefinition_every",
            ),
        ]
