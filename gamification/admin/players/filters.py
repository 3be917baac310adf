"""Filters of users' progress: who is held, and who has which achievements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.conf import conf
from gamification.models import Achievement, UserAchievement


class HeldFilter(SimpleListFilter):
    """Filters by whether leaderboards pass over the user for now."""

    title = gettext_lazy("held")
    parameter_name = "held"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Sequence[tuple[str, Any]]:
        return [("1", _("Yes")), ("0", _("No"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        is_held = Q(held_until__gt=timezone.now())
        match self.value():
            case "1":
                return queryset.filter(is_held)
            case "0":
                return queryset.filter(Q(held_until=None) | ~is_held)
        return None


class CategoryFilter(SimpleListFilter):
    """Filters by the category of an achievement that the user holds."""

    title = gettext_lazy("category of an achievement held")
    parameter_name = "holds"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Sequence[tuple[str, Any]]:
        return [(each.key, capfirst(each.name)) for each in conf.categories]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        if self.value() is None:
            return None
        rows = Achievement.objects.filter(category=self.value())
        held = UserAchievement.objects.filter(
            achievement__in=[*rows.values_list("pk", flat=True)],
            revoked_at=None,
            user=OuterRef("user"),
        )
        return queryset.filter(Exists(held))
