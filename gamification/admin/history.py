"""History: what happened, to be read."""

from __future__ import annotations

from django.contrib import admin

from gamification.admin.base import BY_USER, HistoryAdmin
from gamification.models import Celebration, LedgerEntry, UserAchievement


@admin.register(LedgerEntry)
class LedgerEntryAdmin(HistoryAdmin):
    list_display = (
        "id",
        "user",
        "kind",
        "amount",
        "activity",
        "achievement",
        "quantity",
        "local_date",
        "recorded_at",
    )
    list_filter = ("kind", "activity", "recorded_at")
    list_select_related = ("user", "activity", "achievement")
    search_fields = (BY_USER, "=key", "=source")


@admin.register(UserAchievement)
class UserAchievementAdmin(HistoryAdmin):
    list_display = ("user", "achievement", "unlocked_at", "xp_awarded", "revoked_at")
    list_filter = (
        "achievement",
        "unlocked_at",
        ("revoked_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("user", "achievement")
    search_fields = (BY_USER, "=achievement__key")


@admin.register(Celebration)
class CelebrationAdmin(HistoryAdmin):
    list_display = (
        "user",
        "kind",
        "dedupe_key",
        "created_at",
        "acknowledged_at",
        "expires_at",
    )
    list_filter = (
        "kind",
        "created_at",
        ("acknowledged_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("user",)
    search_fields = (BY_USER, "=dedupe_key")
