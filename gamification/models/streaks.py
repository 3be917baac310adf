"""Streaks: their definitions, and what keeps a user's streak through missed dates."""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.domain.freezes import FreezeKind
from gamification.domain.streak_rules import (
    MAX_FREEZE_EVERY,
    MAX_FREEZES,
    StreakUnit,
)
from gamification.models.base.fields import note_field, staff_field, user_field
from gamification.models.base.querysets import AppForeignKey, AppQuerySet
from gamification.models.catalogue.activities import KeyedItem
from gamification.models.jobs import Job


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
        help_text=_("With which weeks begin, Monday as 1."),
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
                violation_error_message=_("More freezes at the start than the most."),
            ),
            models.CheckConstraint(
                condition=Q(freeze_every=None) | Q(freeze_every__gte=1),
                name="gamification_streakdefinition_every",
            ),
        ]


class StreakFreezeQuerySet(AppQuerySet["StreakFreeze"]):
    """Rows of the ledger of freezes, which are never edited."""

    def update(self, **kwargs: Any) -> Never:
        msg = "A freeze is never edited; the next row makes up for it."
        raise TypeError(msg)

    def delete(self) -> Never:
        msg = "A freeze is deleted only with its user."
        raise TypeError(msg)


class StreakFreeze(models.Model):
    """A change of a user's stock of freezes; the stock is the sum of the amounts."""

    user = user_field("gamification_freezes")
    streak = AppForeignKey(
        StreakDefinition,
        models.PROTECT,
        related_name="freezes",
        db_index=False,
        verbose_name=_("streak"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=FreezeKind)
    amount = models.IntegerField(
        _("amount"), help_text=_("Change of the stock; negative if it takes.")
    )
    date = models.DateField(
        _("date"),
        help_text=_("The user's date that it covered, or on which it came."),
    )
    key = models.CharField(_("key"), max_length=255)
    actor = staff_field(_("actor"), db_index=False)
    note = note_field()
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = StreakFreezeQuerySet.as_manager()

    class Meta:
        verbose_name = _("freeze")
        verbose_name_plural = _("freezes")
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # The deletion of a user looks for what they did for others.
            models.Index(
                fields=["actor"],
                condition=Q(actor__isnull=False),
                name="gamification_freeze_by_actor",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "streak", "key"], name="gamification_streakfreeze_key"
            ),
            models.CheckConstraint(
                condition=Q(kind=FreezeKind.USED, amount__lt=0)
                | Q(kind__in=[FreezeKind.GRANTED, FreezeKind.RETURNED], amount__gt=0)
                | Q(kind__in=[FreezeKind.EARNED, FreezeKind.LOST]) & ~Q(amount=0),
                name="gamification_streakfreeze_amount",
            ),
        ]
        permissions: ClassVar = [
            ("grant_freezes", "Can grant freezes to users"),
            ("pause_streak", "Can pause streaks of users"),
            ("repair_streak", "Can repair streaks of users"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_kind_display()} {self.amount:+}"


class StreakPause(models.Model):
    """Dates that break none of a user's streaks, or not one of them."""

    user = user_field("gamification_pauses")
    streak = AppForeignKey(
        StreakDefinition,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="pauses",
        db_index=False,
        verbose_name=_("streak"),
        help_text=_("Empty means all streaks."),
    )
    since = models.DateField(_("since"))
    until = models.DateField(_("until"), help_text=_("The last paused date."))
    actor = staff_field(_("actor"), db_index=False)
    note = note_field()
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        default_permissions = ("view",)
        ordering: ClassVar = ["-since"]
        indexes: ClassVar = [
            # The deletion of a user looks for what they did for others.
            models.Index(
                fields=["actor"],
                condition=Q(actor__isnull=False),
                name="gamification_pause_by_actor",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "since"],
                condition=Q(streak=None),
                name="gamification_streakpause_all",
            ),
            models.UniqueConstraint(
                fields=["user", "streak", "since"],
                name="gamification_streakpause_one",
            ),
            models.CheckConstraint(
                condition=Q(until__gte=F("since")),
                name="gamification_streakpause_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.since} – {self.until}"


class RepairedDate(models.Model):
    """A missed date that no longer breaks a user's streak."""

    user = user_field("gamification_repairs")
    streak = AppForeignKey(
        StreakDefinition,
        models.PROTECT,
        related_name="repairs",
        db_index=False,
        verbose_name=_("streak"),
    )
    date = models.DateField(_("date"))
    actor = staff_field(_("actor"), db_index=False)
    note = note_field()
    job = AppForeignKey(
        Job,
        models.PROTECT,
        null=True,
        related_name="repairs",
        db_index=False,
        verbose_name=_("job"),
        help_text=_("The job that repaired the date."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("repaired date")
        verbose_name_plural = _("repaired dates")
        default_permissions = ("view",)
        ordering: ClassVar = ["-date"]
        indexes: ClassVar = [
            models.Index(
                fields=["job", "user"],
                condition=Q(job__isnull=False),
                name="gamification_repair_by_job",
            ),
            models.Index(
                fields=["actor"],
                condition=Q(actor__isnull=False),
                name="gamification_repair_by_actor",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "streak", "date"],
                name="gamification_repaireddate_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.date}"
