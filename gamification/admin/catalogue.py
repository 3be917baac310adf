"""The catalogue, which staff edit."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from gamification.admin.base import GamificationAdmin
from gamification.models import Achievement, Activity


class CatalogueAdmin(GamificationAdmin):
    """What activities and achievements share: a key that is chosen once."""

    search_fields = ("key", "name")
    readonly_fields = ("created_at", "updated_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, "key") if obj else self.readonly_fields


@admin.register(Activity)
class ActivityAdmin(CatalogueAdmin):
    list_display = (
        "name",
        "key",
        "xp_reward",
        "daily_limit",
        "cooldown",
        "extends_streak",
        "is_active",
    )
    list_filter = ("is_active", "extends_streak")


@admin.register(Achievement)
class AchievementAdmin(CatalogueAdmin):
    list_display = (
        "name",
        "key",
        "criterion",
        "activity",
        "threshold",
        "xp_reward",
        "status",
        "is_secret",
    )
    list_filter = ("status", "category", "criterion", "is_secret")
    list_select_related = ("activity",)
    autocomplete_fields = ("activity",)
