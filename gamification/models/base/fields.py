"""Fields that several tables have: the user, members of staff, and their notes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from gamification.models.base.querysets import AppForeignKey


def user_field(related_name: str = "+") -> models.ForeignKey[Any, Any]:
    """Return a foreign key to the user of a row, which goes when the user goes.

    It has no index: an index or a constraint of the table begins with the user.
    """
    return AppForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name=related_name,
        db_index=False,
        verbose_name=_("user"),
    )


def staff_field(name: Any, **options: Any) -> models.ForeignKey[Any, Any]:
    """Return the member of staff who did it; it stays empty when they go."""
    return AppForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=name,
        **options,
    )


def note_field(name: Any = None) -> models.TextField[Any, Any]:
    """Return a text by staff that the user can read."""
    name = name or _("note for the user")
    return models.TextField(name, blank=True, help_text=_("The user can read it."))


def internal_note_field() -> models.TextField[Any, Any]:
    """Return a text by staff for staff."""
    name = _("internal note")
    return models.TextField(name, blank=True, help_text=_("Only staff can read it."))
