"""Read-only lists of freezes, pauses and repaired dates."""

from __future__ import annotations

from django.contrib import admin

from gamification.admin.base import HistoryAdmin
from gamification.models import RepairedDate, StreakFreeze, StreakPause


@admin.register(StreakFreeze)
class StreakFreezeAdmin(HistoryAdmin):
    list_display = ("user", "streak", "kind", "amount", "date", "actor", "created_at")
    list_filter = ("kind", "streak")
    list_select_related = ("user", "streak", "actor")


@admin.register(StreakPause)
class StreakPauseAdmin(HistoryAdmin):
    list_display = ("user", "streak", "since", "until", "actor", "created_at")
    list_filter = ("streak",)
    list_select_related = ("user", "streak", "actor")


@admin.register(RepairedDate)
class RepairedDateAdmin(HistoryAdmin):
    list_display = ("user", "streak", "date", "actor", "created_at")
    list_filter = ("streak",)
    list_select_related = ("user", "streak", "actor")
