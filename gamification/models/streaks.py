"""What keeps a user's streak through missed dates: freezes, pauses and repairs."""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.domain.freezes import FreezeKind
from gamification.models.base.fields import note_field, staff_field, user_field
from gamification.models.base.querysets import AppForeignKey, AppQuerySet
from gamification.models.catalogue.streaks import StreakDefinition
from gamification.models.jobs import Job


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
        help_text=_("The user's date that it covered, or on which the stock changed."),
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
