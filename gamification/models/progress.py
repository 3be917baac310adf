"""Progress: a user's totals. They can be rebuilt from history at any time."""

from __future__ import annotations

import logging
from functools import cache
from typing import ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gamification.conf import conf
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import CelebrationMode
from gamification.domain.streaks import Streak
from gamification.domain.zones import is_readable, present_name
from gamification.models.catalogue import Activity

logger = logging.getLogger(__name__)


class UserGamificationQuerySet(models.QuerySet["UserGamification"]):
    """Users' progress, filtered by who is compared with others."""

    def counted(self) -> UserGamificationQuerySet:
        """Keep active users, and staff among them only if ``RANKS_STAFF`` is set."""
        marks = counted_marks()
        return self.filter(**{f"user__{name}": mark for name, mark in marks.items()})

    def uncounted(self) -> UserGamificationQuerySet:
        """Keep the users whom ``counted`` leaves out."""
        marks = {f"user__{name}": mark for name, mark in counted_marks().items()}
        return self.exclude(**marks) if marks else self.none()

    def ranked(self) -> UserGamificationQuerySet:
        """Keep the counted users who did not opt out of leaderboards."""
        return self.counted().filter(is_public=True)


def counted_marks() -> dict[str, bool]:
    """Return the values that counted users have in fields of their model."""
    known = {field.name for field in get_user_model()._meta.get_fields()}
    marks = {"is_active": True} | ({} if conf.RANKS_STAFF else {"is_staff": False})
    return {name: mark for name, mark in marks.items() if name in known}


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
        _("current streak"),
        default=0,
        help_text=_("In days, as of the last active date."),
    )
    longest_streak = models.IntegerField(_("longest streak"), default=0)
    highest_streak = models.IntegerField(
        _("highest streak"),
        default=0,
        help_text=_("In days. It never falls; milestones up to it do not come again."),
    )
    active_days = models.IntegerField(_("active days"), default=0)
    last_active_on = models.DateField(_("last active on"), null=True, blank=True)
    last_occurred_at = models.DateTimeField(
        _("last occurred at"),
        null=True,
        blank=True,
        help_text=_("The latest time at which something in the ledger occurred."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("The zone that the user chose last; empty means the site's."),
    )
    zone_history = models.JSONField(
        _("zone history"),
        default=list,
        blank=True,
        help_text=_("Zones, each with its start in seconds since 1970."),
    )
    is_public = models.BooleanField(_("public"), default=True)
    celebration_mode = models.CharField(
        _("celebrations"),
        max_length=5,
        choices=CelebrationMode,
        default=CelebrationMode.ALL,
        help_text=_("How unlocks, levels and milestones are shown to the user."),
    )
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
        """The calendar that the user's days follow."""
        return calendar_of(self.zone_history, conf.default_calendar)

    @property
    def streak(self) -> Streak:
        """The streak as of the last active date."""
        return Streak(self.current_streak, self.longest_streak, self.last_active_on)


def calendar_of(zone_history: list[tuple[float, str]], default: Calendar) -> Calendar:
    """Return the calendar of a stored zone history."""
    if not zone_history:
        return default
    zones = tuple(
        ZoneChange(since, _known_zone(zone) or default.zones[0].zone)
        for since, zone in zone_history
    )
    return Calendar(zones, default.day_start_hour)


@cache
def _known_zone(name: str) -> str | None:
    """Return ``name`` or its present name, whichever this system can read, or None."""
    for known in (name, present_name(name)):
        if is_readable(known):
            return known
    logger.warning(
        "The time zone %r is unknown here; the site's is used instead.", name
    )
    return None


class ActivityTally(models.Model):
    """The units of an activity that a user has done, less the reversed ones."""

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
    """A date on which a user did an activity that extends the streak."""

    class Kind(models.TextChoices):
        """The reason why the date counts."""

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
