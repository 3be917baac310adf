"""Filters of the list of achievements."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gamification.models import Achievement, write_alias


class SeriesFilter(admin.SimpleListFilter):
    """Filters by the series of which an achievement is a step."""

    title = _("series")
    parameter_name = "series"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [(name, name) for name in series_names()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Achievement]
    ) -> QuerySet[Achievement]:
        series = self.value()
        return queryset.filter(series=series) if series else queryset


def series_names() -> list[str]:
    """Return the names of all series, in order."""
    rows = Achievement.objects.using(write_alias()).exclude(series="")
    return [*rows.order_by("series").values_list("series", flat=True).distinct()]
