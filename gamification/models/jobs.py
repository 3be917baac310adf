"""Jobs: work for staff that takes many steps."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class JobKind(models.TextChoices):
    """The kind of work that a job does."""

    BACKFILL = "backfill", _("backfill an achievement")
    RECALCULATION = "recalculation", _("recalculate XP")


class Job(models.Model):
    """Work on many users, done in steps that are each complete in themselves.

    The row stores where the last step ended, so that anybody who opens the job's page
    continues from there. Repeating a step changes nothing.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=JobKind)
    parameters = models.JSONField(_("parameters"), default=dict)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("actor"),
    )
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
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(done__gte=0, total__gte=0),
                name="gamification_job_progress",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def fraction(self) -> float:
        """Share of the users who are done, 0 to 1."""
        if self.finished_at:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0
