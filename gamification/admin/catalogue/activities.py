"""The pages on which staff edit activities."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from gamification.admin.balance.recalculation import RecalculationMixin
from gamification.admin.balance.tuning import TuningMixin
from gamification.admin.catalogue.activity_forms import ActivityForm
from gamification.admin.catalogue.editing import CatalogueAdmin
from gamification.admin.catalogue.files import CatalogueFileMixin
from gamification.admin.catalogue.retirement import RetirementMixin
from gamification.admin.catalogue.undoing import UndoMixin
from gamification.models import Activity
from gamification.staff import create_activity, edit_activity


@admin.register(Activity)
class ActivityAdmin(
    TuningMixin,
    RecalculationMixin,
    RetirementMixin,
    UndoMixin,
    CatalogueFileMixin,
    CatalogueAdmin,
):
    form = ActivityForm
    create = create_activity
    edit = edit_activity
    actions = (*CatalogueAdmin.actions, "retire_selected")
    retired: ClassVar = {"is_active": False}
    retire_offer = _(
        "Switch it off instead: what users did stays in the ledger, and nobody earns "
        "anything with it from now on."
    )
    retire_button = _("Switch it off")
    retire_done = _("“%(name)s” is switched off: users keep what they earned.")
    list_display = (
        "name",
        "key",
        "xp_reward",
        "daily_limit",
        "cooldown",
        "extends_streak",
        "is_active",
    )
    list_editable = ("xp_reward", "daily_limit", "cooldown", "is_active")
    list_filter = ("is_active", "extends_streak")
    fieldsets = (
        (None, {"fields": ("name", "key", "description")}),
        (_("Reward"), {"fields": ("xp_reward", "daily_limit", "cooldown")}),
        (_("Records"), {"fields": ("attributes",)}),
        (_("Options"), {"fields": ("extends_streak", "is_active")}),
        (
            _("Dates"),
            {"fields": ("created_at", "updated_at"), "classes": ("collapse",)},
        ),
    )

    @admin.action(
        permissions=["change"], description=_("Switch off the selected activities")
    )
    def retire_selected(
        self, request: HttpRequest, queryset: QuerySet[Activity]
    ) -> None:
        self.retire_all(request, queryset)
