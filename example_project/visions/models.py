"""The site's own rows. All they know of XP is their keys and sources."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

#: The longest title, in characters.
TITLE_LENGTH = 120


class Vision(models.Model):
    """Something that a user works towards."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="visions"
    )
    title = models.CharField(max_length=TITLE_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        return self.title

    @property
    def creation_key(self) -> str:
        """The key with which the site records the creation of the vision, once."""
        return f"vision:{self.pk}:created"

    @property
    def source(self) -> str:
        """The name by which the site takes back all that this object earned."""
        return f"visions.vision:{self.pk}"


class KPI(models.Model):
    """A measurable step towards a vision."""

    vision = models.ForeignKey(Vision, models.CASCADE, related_name="kpis")
    title = models.CharField(max_length=TITLE_LENGTH)
    completed_at = models.DateTimeField(null=True, editable=False)
    completions = models.PositiveIntegerField(
        default=0, editable=False, help_text="How often it was completed, all in all."
    )

    class Meta:
        verbose_name = "KPI"
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(completed_at=None) | Q(completions__gte=1),
                name="visions_kpi_completions",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def completion_key(self) -> str:
        """The key of the latest completion: each completion can earn XP."""
        return f"kpi:{self.pk}:completed:{self.completions}"

    @property
    def source(self) -> str:
        """The name by which the site takes back all that this object earned."""
        return f"visions.kpi:{self.pk}"
