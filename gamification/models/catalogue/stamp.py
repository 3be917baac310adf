"""A number that changes with the catalogue."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from gamification.models.base.querysets import AppQuerySet


class CatalogueStamp(models.Model):
    """The row that the database renews when a row of the catalogue changes.

    On PostgreSQL, triggers do so, whoever makes the change. Without the row, stores
    look at the whole catalogue instead.
    """

    stamp = models.BigIntegerField(_("stamp"))

    objects = AppQuerySet.as_manager()

    class Meta:
        verbose_name = _("stamp of the catalogue")
        verbose_name_plural = _("stamps of the catalogue")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.stamp)
