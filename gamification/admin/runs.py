"""Runs: long work of staff, to be followed."""

from __future__ import annotations

from django.contrib import admin

from gamification.admin.base import HistoryAdmin
from gamification.models import Run


@admin.register(Run)
class RunAdmin(HistoryAdmin):
    list_display = ("__str__", "actor", "done", "total", "xp", "finished_at")
    list_select_related = ("actor",)
    search_fields = ()
