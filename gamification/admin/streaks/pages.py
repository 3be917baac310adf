"""The pages on which staff define streaks."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext_lazy as _

from gamification.admin.catalogue.editing import CatalogueAdmin
from gamification.admin.streaks.forms import StreakForm
from gamification.admin.streaks.outages import OutageMixin
from gamification.models import StreakDefinition
from gamification.staff import create_streak, edit_streak


@admin.register(StreakDefinition)
class StreakDefinitionAdmin(OutageMixin, CatalogueAdmin):
    form = StreakForm
    create = create_streak
    edit = edit_streak
    list_display = (
        "name",
        "key",
        "unit",
        "goal",
        "days_that_count",
        "is_active",
    )
    list_filter = ("is_active", "unit")
    readonly_fields = ("since", *CatalogueAdmin.readonly_fields)
    fieldsets = (
        (None, {"fields": ("name", "key", "description")}),
        (
            _("Requirement"),
            {"fields": ("unit", "goal", "activities", "weekdays", "first_weekday")},
        ),
        (
            _("Freezes"),
            {"fields": ("initial_freezes", "freeze_every", "freeze_cap")},
        ),
        (_("Options"), {"fields": ("is_active", "position")}),
        (
            _("Dates"),
            {
                "fields": ("since", "created_at", "updated_at"),
                "classes": ("collapse",),
            },
        ),
    )

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # Freezes and achievements refer to it. It can be switched off.
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form = context["adminform"].form
        if form.is_preview and not form.errors:
            context["preview"] = form.preview()
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("weekdays"))
    def days_that_count(self, row: StreakDefinition) -> str:
        return ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in row.weekdays) or "–"
