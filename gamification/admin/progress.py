"""Progress: where users stand, to be read. It follows from history."""

from __future__ import annotations

from django.contrib import admin

from gamification.admin.base import HistoryAdmin
from gamification.models import ActiveDay, ActivityTally, UserGamification


@admin.register(UserGamification)
class UserGamificationAdmin(HistoryAdmin):
    list_display = (
        "user",
        "total_xp",
        "level",
        "current_streak",
        "longest_streak",
        "active_days",
        "last_active_on",
        "time_zone",
        "is_public",
    )
    list_select_related = ("user",)


@admin.register(ActivityTally)
class ActivityTallyAdmin(HistoryAdmin):
    list_display = ("user", "activity", "count", "last_recorded_at")
    list_select_related = ("user", "activity")


@admin.register(ActiveDay)
class ActiveDayAdmin(HistoryAdmin):
    list_display = ("user", "date", "kind", "activities", "xp")
    list_select_related = ("user",)
