"""Filters of the list of boosts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gamification.values import BoostState


class StateFilter(admin.SimpleListFilter):
    """Whether a boost is planned, running or over, wherever users are."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in BoostState]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in BoostState.values:
            return queryset
        # There are few boosts, so each row tells its own state.
        chosen = [row.pk for row in queryset if row.state == self.value()]
        return queryset.filter(pk__in=chosen)
