"""Offers to retire an achievement that cannot be deleted, because users hold it."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from gamification.admin.base import GamificationAdmin, log_transaction
from gamification.admin.ui.formatting import isolate
from gamification.staff import AchievementStatus, edit_achievement

_RETIRED: Final = AchievementStatus.RETIRED.value


class RetirementMixin(GamificationAdmin):
    """Adds a button to the page that refuses to delete an achievement."""

    delete_confirmation_template = "admin/gamification/achievement/delete.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.retire_view)
        name = "gamification_achievement_retire"
        return [
            path("<path:object_id>/retire/", view, name=name),
            *super().get_urls(),
        ]

    def retire_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Retire an achievement: holders keep it, and nobody else can unlock it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        achievement: Any = self.get_object(request, unquote(object_id))
        if achievement is None:
            raise Http404
        if achievement.status != _RETIRED:
            self._retire(request, achievement)
        message = _("“%(name)s” is retired: its holders keep it.")
        names = {"name": isolate(achievement)}
        self.message_user(request, message % names, messages.SUCCESS)
        return redirect(self.address_of("achievement_change", achievement.pk))

    def _retire(self, request: HttpRequest, achievement: Any) -> None:
        edit, before = {"status": _RETIRED}, achievement.get_status_display()
        with log_transaction():
            after = edit_achievement(
                achievement.key, actor=request.user, expected=None, **edit
            )
            texts = {"before": before, "after": after.get_status_display()}
            text = _("Status: %(before)s → %(after)s") % texts
            self.log_change(request, achievement, text)
