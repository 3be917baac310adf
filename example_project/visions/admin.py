"""Admin pages: staff read what users created, and delete it through the actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from example_project.visions import actions
from example_project.visions.models import KPI, Vision
from gamification.admin import GamificationUserAdminMixin

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    DjangoUserAdmin = BaseUserAdmin[User]
else:
    ModelAdmin = admin.ModelAdmin
    DjangoUserAdmin = BaseUserAdmin


class UserAdmin(GamificationUserAdminMixin, DjangoUserAdmin):
    """Django's own admin of users, with their progress."""


if admin.site.is_registered(User):
    admin.site.unregister(User)
    admin.site.register(User, UserAdmin)


class UserContentAdmin(ModelAdmin):
    """Base of pages of users' own content, which staff do not add or change."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(Vision)
class VisionAdmin(UserContentAdmin):
    list_display = ("title", "owner", "created_at")
    list_select_related = ("owner",)
    search_fields = ("title",)

    def delete_model(self, request: HttpRequest, obj: Vision) -> None:
        actions.delete_vision(obj.owner, obj.pk)


@admin.register(KPI)
class KPIAdmin(UserContentAdmin):
    list_display = ("title", "vision", "completed_at", "completions")
    list_filter = ("completed_at",)
    list_select_related = ("vision",)
    search_fields = ("title", "vision__title")

    def delete_model(self, request: HttpRequest, obj: KPI) -> None:
        actions.delete_kpi(obj.vision.owner, obj.pk)
