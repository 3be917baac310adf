"""Progress: where a user stands. It can be rebuilt from history at any time."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gamification.conf import conf
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.streaks import Streak
from gamification.models.catalogue import Activity


class UserGamificationQuerySet(models.QuerySet["UserGamification"]):
    """Users' progress, by who is compared with others."""

    def counted(self) -> UserGamificationQuerySet:
        """Keep active users; staff only where the site says ``RANKS_STAFF``."""
        return self.filter(**_marks_of_counted())

    def uncounted(self) -> UserGamificationQuerySet:
        """Keep the others."""
        marks = _marks_of_counted()
        return self.exclude(**marks) if marks else self.none()

    def ranked(self) -> UserGamificationQuerySet:
        """Keep those of the counted who did not opt out of leaderboards."""
        return self.counted().filter(is_public=True)


def _marks_of_counted() -> dict[str, bool]:
    """Return what users have who are counted; not every user model can tell."""
    known = {field.name for field in get_user_model()._meta.get_fields()}
    marks = {"is_active": True} | ({} if conf.RANKS_STAFF else {"is_staff": False})
    return {f"user__{name}": mark for name, mark in marks.items() if name in known}


class UserGamification(models.Model):
    """A user's totals: XP, level and streak."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="gamification",
        verbose_name=_("user"),
    )
    total_xp = models.BigIntegerField(_("total XP"), default=0)
    level = models.IntegerField(_("level"), default=1)
    highest_level = models.IntegerField(_("highest level"), default=1)
    current_streak = models.IntegerField(
        _("current streak"), default=0, help_text=_("Days, as of the last active one.")
    )
    longest_streak = models.IntegerField(_("longest streak"), default=0)
    active_days = models.IntegerField(_("active days"), default=0)
    last_active_on = models.DateField(_("last active on"), null=True, blank=True)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("The zone last chosen; empty is the site's."),
    )
    zone_history = models.JSONField(
        _("zone history"),
        default=list,
        blank=True,
        help_text=_("Zones, each with the second since 1970 at which it took effect."),
    )
    is_public = models.BooleanField(_("public"), default=True)
    version = models.BigIntegerField(
        _("version"), default=1, help_text=_("Grows with every change.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = UserGamificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("user's progress")
        verbose_name_plural = _("users' progress")
        ordering: ClassVar = ["user"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(level__gte=1, highest_level__gte=1),
                name="gamification_usergamification_level",
            ),
            models.CheckConstraint(
                condition=Q(current_streak__gte=0, longest_streak__gte=0),
                name="gamification_usergamification_streak",
            ),
        ]
        permissions: ClassVar = [
            ("rebuild_progress", "Can rebuild users' progress from the ledger"),
        ]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def calendar(self) -> Calendar:
        """The user's days."""
        return calendar_of(self.zone_history, conf.default_calendar)

    @property
    def streak(self) -> Streak:
        """The streak as of the last active date."""
        return Streak(self.current_streak, self.longest_streak, self.last_active_on)


def calendar_of(zone_history: list[list[object]], default: Calendar) -> Calendar:
    """Return the calendar that a stored zone history makes."""
    if not zone_history:
        return default
    zones = tuple(ZoneChange(*change) for change in zone_history)  # type: ignore[arg-type]
    return Calendar(zones, default.day_start_hour)


class ActivityTally(models.Model):
    """How often a user did an activity, reversals deducted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="gamification_tallies",
        db_index=False,
        verbose_name=_("user"),
    )
    activity = models.ForeignKey(
        Activity,
        models.PROTECT,
        related_name="tallies",
        db_index=False,
        verbose_name=_("activity"),
    )
    count = models.BigIntegerField(_("count"), default=0)
    last_recorded_at = models.DateTimeField(_("last recorded at"))

    class Meta:
        verbose_name = _("activity tally")
        verbose_name_plural = _("activity tallies")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "activity"], name="gamification_activitytally_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.activity}"


class ActiveDay(models.Model):
    """A date on which a user did something that extends the streak."""

    class Kind(models.TextChoices):
        """Why the date counts."""

        ACTIVE = "active", _("active")
        FROZEN = "frozen", _("frozen")
        REPAIRED = "repaired", _("repaired")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="gamification_days",
        db_index=False,
        verbose_name=_("user"),
    )
    date = models.DateField(_("date"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.ACTIVE)
    activities = models.BigIntegerField(_("activities"), default=0)
    xp = models.BigIntegerField(
        _("XP"), default=0, help_text=_("XP of the date's activities.")
    )

    class Meta:
        verbose_name = _("active day")
        verbose_name_plural = _("active days")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "date"], name="gamification_activeday_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.date}"
