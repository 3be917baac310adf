"""Jobs: work for staff that takes many steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.models.base.fields import staff_field, user_field
from gamification.models.base.querysets import AppForeignKey, AppQuerySet


class JobKind(models.TextChoices):
    """The kind of work that a job does."""

    BACKFILL = "backfill", _("backfill an achievement")
    RECALCULATION = "recalculation", _("recalculate XP")
    AWARD = "award", _("award an achievement to a list")
    REVOCATION = "revocation", _("revoke an achievement from a list")
    ADJUSTMENT = "adjustment", _("adjust the XP of a list")
    REVERSAL = "reversal", _("take back a period")
    LEVELS = "levels", _("give users the levels of a new table")
    REPAIR = "repair", _("repair streaks")
    FILTERS = "filters", _("count what conditions need")
    UNDO = "undo", _("take back a job")

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that starting and running such a job requires."""
        return "gamification.run_job", *_PERMISSIONS.get(self, ())


_PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    JobKind.BACKFILL: ("gamification.award_achievement",),
    JobKind.RECALCULATION: ("gamification.adjust_xp",),
    JobKind.AWARD: ("gamification.award_achievement",),
    JobKind.REVOCATION: ("gamification.revoke_achievement",),
    JobKind.ADJUSTMENT: ("gamification.adjust_xp",),
    JobKind.REVERSAL: ("gamification.reverse_entry",),
    JobKind.LEVELS: ("gamification.change_level",),
    JobKind.REPAIR: ("gamification.repair_streak",),
}


class JobState(models.TextChoices):
    """The state of a job."""

    READY = "ready", _("not finished")
    BUSY = "busy", _("running")
    STOPPED = "stopped", _("stopped")
    PAUSED = "paused", _("paused")
    ABANDONED = "abandoned", _("abandoned")
    FINISHED = "finished", _("finished")


class Job(models.Model):
    """Work on many users, done in steps that are each complete in themselves.

    The row stores where the last step ended, so that anybody can continue from there.
    Repeating a step changes nothing.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=JobKind)
    parameters = models.JSONField(_("parameters"), default=dict)
    actor = staff_field(_("actor"))
    #: Users to process when the job began, users processed, those of them who were
    #: skipped, and the XP that the others got.
    total = models.BigIntegerField(_("users"), default=0)
    done = models.BigIntegerField(_("done"), default=0)
    skipped = models.BigIntegerField(_("skipped"), default=0)
    xp = models.BigIntegerField(_("XP"), default=0)
    cursor = models.JSONField(_("cursor"), null=True, blank=True)
    stepping_until = models.DateTimeField(
        _("stepping until"),
        null=True,
        blank=True,
        help_text=_("No other step can begin before this time."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    is_abandoned = models.BooleanField(
        _("abandoned"),
        default=False,
        help_text=_("Staff ended the job before all users were processed."),
    )
    undoes = AppForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="undone_by",
        verbose_name=_("takes back"),
    )
    error = models.TextField(_("error"), blank=True)
    #: The key of the request that began the job, after the actor's own.
    key = models.TextField(_("key"), null=True)  # noqa: DJ001 - unique

    #: Whether the request that returns the job repeats the one that began it.
    is_replay = False

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(done__gte=0, total__gte=0),
                name="gamification_job_progress",
            ),
            models.UniqueConstraint(fields=["key"], name="gamification_job_key"),
            models.UniqueConstraint(
                fields=["undoes"],
                condition=models.Q(undoes__isnull=False, is_abandoned=False),
                name="gamification_job_undone",
            ),
            models.CheckConstraint(
                condition=models.Q(is_abandoned=False)
                | models.Q(finished_at__isnull=False),
                name="gamification_job_abandoned",
            ),
        ]
        permissions: ClassVar = [
            ("run_job", "Can run jobs, which change many users"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that running the job requires.

        Taking a job back requires the same as the job itself.
        """
        return JobKind(self.undoes.kind if self.undoes else self.kind).permissions

    @property
    def fraction(self) -> float:
        """Share of the users who are done, 0 to 1."""
        if self.finished_at and not self.is_abandoned:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def state(self) -> JobState:
        """The state of the job, as of now."""
        if self.finished_at:
            return JobState.ABANDONED if self.is_abandoned else JobState.FINISHED
        if self.paused_at:
            return JobState.PAUSED
        if self.stepping_until and self.stepping_until > timezone.now():
            return JobState.BUSY
        return JobState.STOPPED if self.error else JobState.READY


class JobUser(models.Model):
    """A user on the list of a job, and what became of them."""

    class Result(models.TextChoices):
        """The result for the user."""

        WAITING = "waiting", _("waiting")
        CHANGED = "changed", _("changed")
        SKIPPED = "skipped", _("skipped")

    user = user_field()
    job = AppForeignKey(
        Job,
        models.CASCADE,
        related_name="users",
        db_index=False,
        verbose_name=_("job"),
    )
    result = models.CharField(
        _("result"), max_length=10, choices=Result, default=Result.WAITING
    )
    reason = models.TextField(
        _("reason"), blank=True, help_text=_("Why the user was skipped.")
    )

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("user of a job")
        verbose_name_plural = _("users of jobs")
        ordering: ClassVar = ["user"]
        default_permissions = ("view",)
        indexes: ClassVar = [
            models.Index(
                fields=["job", "result", "user"], name="gamification_jobuser_by_job"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "job"], name="gamification_jobuser_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_result_display()}"
