"""What the pages of several models share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin

#: Searches for a user by what they log in with, whole.
BY_USER = f"=user__{get_user_model().USERNAME_FIELD}"


class GamificationAdmin(ModelAdmin):
    """What every page of the app shares."""

    list_per_page = 50

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django hands these to the database as they are, and fails there.
        if lookup.endswith(("range", "regex")) or "\0" in value:
            return False
        return super().lookup_allowed(lookup, value, request)


class HistoryAdmin(GamificationAdmin):
    """History is written by services and corrected by counter-entries."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        # Allow only the cascade, on pages that delete something else: a user.
        page = getattr(request.resolver_match, "url_name", None) or ""
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        deletes = page.endswith(("_delete", "_changelist"))
        return deletes and not page.startswith(own_pages)
