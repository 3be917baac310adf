"""Tallies of records that meet a condition, such as reviews of fantasy in June."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from gamification.models.base.fields import user_field
from gamification.models.base.querysets import AppForeignKey, AppQuerySet


class CountFilter(models.Model):
    """Something that an achievement counts, other than all units of an activity.

    Definitions of achievements create it; nobody edits it.
    """

    digest = models.CharField(_("digest"), max_length=32, unique=True)
    definition = models.JSONField(_("definition"))
    is_built = models.BooleanField(
        _("built"),
        default=False,
        help_text=_("Tallies of all users exist; until then the ledger is read."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("filter")
        verbose_name_plural = _("filters")
        default_permissions = ("view",)
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.digest


class FilterTally(models.Model):
    """How much of a filter a user has, less what was reversed."""

    user = user_field()
    filter = AppForeignKey(
        CountFilter,
        models.CASCADE,
        related_name="tallies",
        db_index=False,
        verbose_name=_("filter"),
    )
    bucket = models.CharField(
        _("bucket"),
        max_length=80,
        blank=True,
        help_text=_("The date, the value, or both, if the filter counts by them."),
    )
    count = models.BigIntegerField(_("count"), default=0)

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("filtered tally")
        verbose_name_plural = _("filtered tallies")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "filter", "bucket"],
                name="gamification_filtertally_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.filter}"
