"""Filters of the list of achievements."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gamification.models import Achievement
from gamification.staff import SeasonState


class SeriesFilter(admin.SimpleListFilter):
    """Filters by the series that an achievement belongs to."""

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
    rows = Achievement.objects.exclude(series="")
    return [*rows.order_by("series").values_list("series", flat=True).distinct()]


class SeasonFilter(admin.SimpleListFilter):
    """Filters by whether a season is to come, is now, or is over.

    Seasons on users' own clocks are taken to be on the clock of the site.
    """

    title = _("season")
    parameter_name = "season"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        return [("none", _("without a season")), *SeasonState.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Achievement]
    ) -> QuerySet[Achievement]:
        now = timezone.now()
        # Without a zone, a season is what clocks show, written as if it were UTC.
        wall = timezone.localtime(now).replace(tzinfo=UTC, fold=0)
        began, over = (
            Q(**{f"{name}__lte": now}) & ~Q(season_zone="")
            | Q(**{f"{name}__lte": wall}, season_zone="")
            for name in ("starts_at", "ends_at")
        )
        is_timeless = Q(starts_at=None, ends_at=None)
        began |= Q(starts_at=None)
        conditions = {
            "none": is_timeless,
            SeasonState.UPCOMING: ~began,
            SeasonState.OPEN: began & ~over & ~is_timeless,
            SeasonState.ENDED: over,
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)
