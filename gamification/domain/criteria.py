"""The criteria: the values that achievements can measure."""

from __future__ import annotations

from typing import TypeAlias

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _


class Criterion(TextChoices):
    """The quantity that an achievement measures."""

    ACTIVITY_COUNT = "activity_count", _("count of an activity")
    ACTIVE_DAYS = "active_days", _("active days")
    LONGEST_STREAK = "longest_streak", _("longest streak")
    LEVEL = "level", _("level")
    TOTAL_XP = "total_xp", _("total XP")
    ACHIEVEMENTS = "achievements", _("achievements held")
    MANUAL = "manual", _("awarded by hand")


#: A criterion, and the activity that it counts, or the streak that it measures.
Measure: TypeAlias = tuple[str, int | None]
