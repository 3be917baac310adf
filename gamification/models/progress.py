"""Progress: a user's totals. They can be rebuilt from history at any time."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.conf import conf
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.outcomes import CelebrationMode
from gamification.domain.streaks import Streak
from gamification.domain.zones import is_readable, present_name
from gamification.models.base.fields import user_field
from gamification.models.base.natural_keys import PerUserQuerySet
from gamification.models.base.querysets import AppForeignKey, AppOneToOneField
from gamification.models.catalogue.activities import Activity

logger = logging.getLogger(__name__)


class UserGamificationQuerySet(PerUserQuerySet["UserGamification"]):
    """Users' progress, filtered by who is compared with others."""

    def counted(self) -> UserGamificationQuerySet:
        """Keep active users whom the site shows, and whom staff have not excluded.

        Staff count only if ``RANKS_STAFF`` is set. The site shows the users of its user
        model's default manager.
        """
        return self.filter(_is_counted())

    def uncounted(self) -> UserGamificationQuerySet:
        """Keep the users whom ``counted`` leaves out.

        They are few, and found without a look at all the others.
        """
        users, marks = get_user_model(), counted_marks()
        left_out = Q(is_excluded=True)
        if marks:
            left_out |= Q(user__in=users._base_manager.exclude(**marks))
        shown = users._default_manager.all()
        return self.filter(
            left_out | ~Q(user__in=shown.order_by()) if shown.query.where else left_out
        )

    def ranked(self, now: datetime | None = None) -> UserGamificationQuerySet:
        """Keep the counted users who neither opted out of leaderboards nor are held."""
        now = timezone.now() if now is None else now
        is_free = Q(held_until=None) | Q(held_until__lte=now)
        return self.counted().filter(is_free, is_public=True)


def counted_marks() -> dict[str, bool]:
    """Return the values that counted users have in fields of their model."""
    known = _fields_of(get_user_model())
    marks = {"is_active": True} | ({} if conf.RANKS_STAFF else {"is_staff": False})
    return {name: mark for name, mark in marks.items() if name in known}


@cache
def _fields_of(model: Any) -> frozenset[str]:
    """Return the names of the fields of a model."""
    return frozenset(field.name for field in model._meta.get_fields())


def _is_counted() -> Q:
    """Return the condition of counted users by the fields that their model has."""
    marks = {f"user__{name}": mark for name, mark in counted_marks().items()}
    condition = Q(is_excluded=False, **marks)
    shown = get_user_model()._default_manager.all()
    # Most managers hide nobody, and need no second look at the table of users.
    return condition & Q(user__in=shown.order_by()) if shown.query.where else condition


class UserGamification(models.Model):
    """A user's totals: XP, level and streak."""

    user = AppOneToOneField(
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
        help_text=_(
            "In days. It never falls; milestones up to it are not celebrated again."
        ),
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
    held_until = models.DateTimeField(
        _("held until"),
        null=True,
        blank=True,
        help_text=_("Until then, leaderboards do not list the user."),
    )
    is_excluded = models.BooleanField(
        _("excluded"),
        default=False,
        help_text=_("The user earns nothing, and leaderboards do not list them."),
    )
    has_exceptions = models.BooleanField(
        _("has exceptions"),
        default=False,
        db_default=False,
        help_text=_("Freezes, pauses or repaired dates exist for the user."),
    )
    pending_counts = models.TextField(
        _("pending counts"),
        blank=True,
        default="",
        db_default="",
        help_text=_("Counts that the tallies of filters still lack, as JSON."),
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
        default_permissions = ("view",)
        ordering: ClassVar = ["user"]
        indexes: ClassVar = [
            # Staff sort users by level, and within a level by total XP. An index of the
            # total itself would make every record rewrite all indexes of its row.
            models.Index(fields=["level"], name="gamification_progress_by_level"),
        ]
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

    def natural_key(self) -> tuple[Any, ...]:
        """Return what names the row in every database."""
        return self.user.natural_key()

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


class ActivityTallyQuerySet(PerUserQuerySet["ActivityTally"]):
    """Tallies: one for each user and activity."""

    natural_lookups = ("activity__key",)


class ActivityTally(models.Model):
    """The units of an activity that a user has done, less the reversed ones."""

    user = user_field("gamification_tallies")
    activity = AppForeignKey(
        Activity,
        models.PROTECT,
        related_name="tallies",
        db_index=False,
        verbose_name=_("activity"),
    )
    count = models.BigIntegerField(_("count"), default=0)
    last_recorded_at = models.DateTimeField(_("last recorded at"))

    objects = ActivityTallyQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity tally")
        verbose_name_plural = _("activity tallies")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "activity"], name="gamification_activitytally_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.activity}"

    def natural_key(self) -> tuple[Any, ...]:
        """Return what names the row in every database."""
        return (self.activity.key, *self.user.natural_key())


class ActiveDayQuerySet(PerUserQuerySet["ActiveDay"]):
    """Active days: one for each user and date."""

    natural_lookups = ("date",)


class ActiveDay(models.Model):
    """A date on which a user did an activity that extends the streak."""

    class Kind(models.TextChoices):
        """The reason why the date counts."""

        ACTIVE = "active", _("active")
        FROZEN = "frozen", _("frozen")
        REPAIRED = "repaired", _("repaired")
        PAUSED = "paused", _("paused")
        OFF = "off", _("off")

    user = user_field("gamification_days")
    date = models.DateField(_("date"))
    activities = models.BigIntegerField(_("activities"), default=0)
    xp = models.BigIntegerField(
        _("XP"), default=0, help_text=_("XP of the date's activities.")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.ACTIVE)

    objects = ActiveDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("active day")
        verbose_name_plural = _("active days")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "date"], name="gamification_activeday_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.date}"

    def natural_key(self) -> tuple[Any, ...]:
        """Return what names the row in every database."""
        return (self.date, *self.user.natural_key())
