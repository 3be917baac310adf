"""Filters of the list of boosts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gamification.values import BoostState


class StateFilter(admin.SimpleListFilter):
    """Filters by whether a boost is planned, running or over, in all time zones."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in BoostState]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in BoostState.values:
            return queryset
        # No column holds the state. There are few boosts, so Python works it out.
        chosen = [row.pk for row in queryset if row.state == self.value()]
        return queryset.filter(pk__in=chosen)
