"""The page that removes the app's examples from the catalogue."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gamification.admin.base import GamificationAdmin, log_transaction
from gamification.models import Achievement, Activity
from gamification.staff import has_all_permissions, preview_seed_removal, remove_seeds

PERMISSIONS: Final = (
    "gamification.delete_activity",
    "gamification.delete_achievement",
)


class SeedsMixin(GamificationAdmin):
    """Adds the page that removes the examples, in the right order."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.seeds_view)
        return [
            path("remove-examples/", view, name="gamification_remove_seeds"),
            *super().get_urls(),
        ]

    def seeds_view(self, request: HttpRequest) -> HttpResponse:
        """Show which examples would go and which stay; remove them if confirmed."""
        if not has_all_permissions(request.user, PERMISSIONS):
            raise PermissionDenied
        if request.method == "POST":
            return self._remove(request)
        context = {
            "title": _("Remove the examples"),
            "removal": preview_seed_removal(),
        }
        return self.render_page(request, "gamification/admin/seeds.html", context)

    def _remove(self, request: HttpRequest) -> HttpResponse:
        with log_transaction():
            removal = preview_seed_removal()
            for model in (Achievement, Activity):
                rows: list[Any] = [r for r in removal.removed if type(r) is model]
                keys = [row.pk for row in rows]
                stored = model._default_manager.filter(pk__in=keys)
                self.log_deletions(request, stored)
            removal = remove_seeds(actor=request.user)
        count = len(removal.removed)
        message = ngettext(
            "%(count)s example was removed.", "%(count)s examples were removed.", count
        )
        self.message_user(request, message % {"count": count}, messages.SUCCESS)
        return redirect(self.address_of("achievement_changelist"))
